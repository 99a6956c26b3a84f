#include "buzon/local/freshness.h"
#include "buzon/maildir/trash.h"

#include "../../src/maildir/journal.h"
#include "buzon/maildir/update.h"
#include "maildir_fixture.h"
#include "update_request.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::local;
using namespace buzon::local;
using namespace buzon::maildir;

namespace {

bool journal(int root, const UpdateRequest& request) {
    const std::string bytes = request.to_bytes();
    return Journal::write(root, PackedUpdate::from_bytes(bytes).value().placeless(), true).has_value();
}

UpdateRequest deletion_of(const TestMaildir& maildir, std::int64_t keep_since,
                          const std::set<std::uint32_t>& spared = {}) {
    Maildrop drop{maildir.scan()};
    for (std::uint32_t n = 1; n <= drop.count(); ++n)
        if (spared.count(n) == 0) drop.mark_deleted(MessageNumber{n});
    UpdateRequest request = UpdateRequest::of(drop, maildir.path());
    request.keep_since = keep_since;
    return request;
}

} // namespace

TEST_CASE("deleted mail in the trash is restored with its flags, octets and UIDL") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "fresh");
    maildir.put("cur/2.b:2,FS", "old");
    maildir.put("cur/3.c", "bare");
    const std::string before{maildir.scan()->uidl(1)};
    CHECK(update(deletion_of(maildir, 500)).removed == 3);
    CHECK(maildir.scan()->count() == 0);
    CHECK(maildir.kept() == 3);
    CHECK(restore(maildir.path(), 501).restored == 0);
    const RestoreOutcome outcome = restore(maildir.path(), 500);
    CHECK(outcome.restored == 3);
    CHECK(outcome.failed == 0);
    CHECK(maildir.names("cur") == NameSet{"1.a:2,", "2.b:2,FS", "3.c:2,"});
    CHECK(maildir.content("cur/2.b:2,FS") == "old");
    CHECK(maildir.scan()->uidl(1) == before);
    CHECK(maildir.names(trash_name).empty());
    CHECK(restore(maildir.path(), 0).restored == 0);
}

TEST_CASE("mail deleted too long ago is removed for good, and the rest stays") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    CHECK(update(deletion_of(maildir, 100)).removed == 1);
    maildir.put("new/2.b");
    CHECK(update(deletion_of(maildir, 200)).removed == 1);
    CHECK(expire_trash(maildir.path(), 200).value() == 1);
    CHECK(maildir.names(trash_name) == NameSet{"200"});
    CHECK(restore(maildir.path(), 0).restored == 1);
    CHECK(expire_trash(maildir.path(), 9999).value() == 0);
}

TEST_CASE("deleted mail of Maildir++ folders expires with that of the Maildir, but not behind a link") {
    const TestMaildir maildir;
    const auto trash = [&](const std::string& folder, const std::string& time) {
        const std::string place = folder + trash_name + '/' + time;
        std::filesystem::create_directories(maildir.file(place));
        maildir.put(place + "/1.a");
        return place + "/1.a";
    };
    const std::string old[] = {trash("", "100"), trash(".Junk/", "100"), trash(".A.B/", "150")};
    const std::string recent = trash(".Junk/", "200"), elsewhere = trash("elsewhere/", "100");
    std::filesystem::create_symlink("elsewhere", maildir.file(".Link"));
    maildir.put(".file");
    CHECK(expire_trash(maildir.path(), 200).value() == 3);
    for (const std::string& gone : old) CHECK_FALSE(maildir.has(gone));
    CHECK(maildir.has(recent));
    CHECK(maildir.has(elsewhere));

    // Something else in place of a folder's trash is an error, and the others expire all the same.
    std::filesystem::create_directory(maildir.file(".Odd"));
    std::filesystem::create_symlink("../elsewhere/buzon-trash", maildir.file(std::string{".Odd/"} + trash_name));
    CHECK_FALSE(expire_trash(maildir.path(), 9999).ok());
    CHECK_FALSE(maildir.has(recent));
    CHECK(maildir.has(elsewhere));
}

TEST_CASE("messages of the same name deleted in the same second are all kept") {
    const TestMaildir maildir;
    for (const char* content : {"one", "two", "three"}) {
        maildir.put("new/1.a", content);
        CHECK(update(deletion_of(maildir, 100)).removed == 1);
    }
    CHECK(maildir.kept() == 3);
}

TEST_CASE("restoring never replaces an existing message") {
    const TestMaildir maildir;
    maildir.put("cur/1.a:2,S", "deleted");
    CHECK(update(deletion_of(maildir, 100)).removed == 1);
    maildir.put("cur/1.a:2,S", "new one");
    const RestoreOutcome outcome = restore(maildir.path(), 0);
    CHECK(outcome.restored == 0);
    CHECK(outcome.failed == 1);
    CHECK(outcome.first_error.value() == EEXIST);
    CHECK(maildir.content("cur/1.a:2,S") == "new one");
    CHECK(maildir.kept() == 1);
}

TEST_CASE("a Maildir without a trash has nothing to restore or expire") {
    const TestMaildir maildir;
    CHECK(restore(maildir.path(), 0).restored == 0);
    CHECK(restore(maildir.path(), 0).failed == 0);
    CHECK(expire_trash(maildir.path(), 9999).value() == 0);
    CHECK(maildir.kept() == 0);
    CHECK_FALSE(expire_trash(maildir.path() + "/no", 0).ok());
}

TEST_CASE("a Maildir that was never created has nothing to restore, and one that is missing is reported") {
    const TestMaildir maildir;
    const RestoreOutcome none = restore(maildir.path() + "/no", 0);
    CHECK(none.restored == 0);
    CHECK(none.failed == 0);
    CHECK_FALSE(none.first_error);
    // The folder above, or the target of the link, may be on a disk that is not mounted.
    std::filesystem::create_symlink("nowhere", maildir.file("link"));
    for (const char* missing : {"/no/user", "/link"}) {
        CAPTURE(missing);
        const RestoreOutcome outcome = restore(maildir.path() + missing, 0);
        CHECK(outcome.failed == 1);
        CHECK(outcome.first_error.value() == ENOENT);
    }
}

TEST_CASE("if the trash cannot be created, a deletion fails and loses nothing") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    maildir.put("new/2.b");
    maildir.put(trash_name);
    const UpdateOutcome outcome = update(deletion_of(maildir, 100));
    CHECK(outcome.removed == 0);
    CHECK(outcome.failed == 2);
    CHECK(maildir.names("new").size() == 2);
}

TEST_CASE("an update leaves no journal behind, and one that a crash leaves is completed by the next scan") {
    for (const std::int64_t keep_since : {std::int64_t{0}, std::int64_t{100}}) {
        const TestMaildir maildir;
        for (const char* name : {"new/1.a", "new/2.b", "cur/3.c:2,", "new/4.d"}) maildir.put(name);
        const UpdateRequest request = deletion_of(maildir, keep_since, {4});
        const auto root = posix::UniqueFd{::open(maildir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        maildir.rest();
        const auto snapshot = maildir.scan();
        REQUIRE(snapshot->is_current(stamps(maildir.path()).value()));

        REQUIRE(journal(root.get(), request)); // and here the process dies
        CHECK_FALSE(snapshot->is_current(stamps(maildir.path()).value()));
        maildir.rename("new/2.b", "cur/2.b:2,F");
        maildir.remove("cur/3.c:2,");
        const auto after = maildir.scan();
        REQUIRE(after->count() == 1);
        CHECK(after->file_name(0) == "4.d");
        CHECK(maildir.names("cur").empty());
        CHECK(maildir.names("tmp").empty());
        CHECK(maildir.kept() == (keep_since != 0 ? 2u : 0u));

        maildir.put("new/5.e");
        maildir.put("new/6.f");
        CHECK(update(deletion_of(maildir, keep_since)).removed == 3);
        CHECK(maildir.names("cur").empty());
        CHECK(maildir.names("tmp").empty());
    }
}

TEST_CASE("mail that is restored before the next login stays, even if an interrupted update has left its journal") {
    for (const bool carried_out : {true, false}) {
        CAPTURE(carried_out);
        const TestMaildir maildir;
        for (const char* name : {"new/1.a", "new/2.b", "cur/3.c:2,S"}) maildir.put(name);
        const UpdateRequest request = deletion_of(maildir, 100);
        const auto root = posix::UniqueFd{::open(maildir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        REQUIRE(journal(root.get(), request));
        if (carried_out) CHECK(update(request).removed == 3);
        const RestoreOutcome outcome = restore(maildir.path(), 0);
        CHECK(outcome.restored == 3);
        CHECK(outcome.failed == 0);
        CHECK(maildir.names("cur") == NameSet{"1.a:2,", "2.b:2,", "3.c:2,S"});
        CHECK(maildir.scan()->count() == 3);
        CHECK(maildir.kept() == 0);
    }
}

TEST_CASE("a damaged journal deletes nothing and is removed") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    maildir.put("new/2.b");
    const auto root = posix::UniqueFd{::open(maildir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(journal(root.get(), deletion_of(maildir, 0)));
    const std::string name = *maildir.names("cur").begin();
    const std::string whole = maildir.content("cur/" + name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] ^= 4;
        maildir.put("cur/" + name, at % 2 != 0 ? damaged : whole.substr(0, at));
        REQUIRE(maildir.scan()->count() == 2);
        REQUIRE_FALSE(maildir.has("cur/" + name));
    }
    maildir.put("cur/" + name, whole);
    CHECK(maildir.scan()->count() == 0);
}

TEST_CASE("a journal that is a link or a directory is not read") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    std::filesystem::create_symlink("/dev/zero", maildir.file("cur/.buzon-journal.x"));
    std::filesystem::create_directory(maildir.file("cur/.buzon-journal.y"));
    CHECK(maildir.scan()->count() == 1);
    CHECK(update(deletion_of(maildir, 100)).removed == 1);
    CHECK(restore(maildir.path(), 0).restored == 1); // the directory, which stays, does not prevent this
    CHECK(maildir.scan()->count() == 1);
}
