#include "buzon/maildir/update.h"

#include <random>

#include "faults.h"
#include "maildir_fixture.h"
#include "update_request.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::maildir;

namespace {

constexpr auto remove_it = UpdateAction::remove;
constexpr auto mark_it = UpdateAction::mark_seen;

// A session that has seen the maildrop in its present state.
struct Session {
    explicit Session(const TestMaildir& maildir) : path{maildir.path()}, drop{maildir.scan()} {}

    MessageNumber number(std::string_view base) const {
        for (std::uint32_t i = 0; i < drop.count(); ++i)
            if (drop.snapshot().base_name(i) == base) return MessageNumber{i + 1};
        FAIL("no message " << base);
        return {};
    }
    void delete_it(std::string_view base) { drop.mark_deleted(number(base)); }
    void retrieve(std::string_view base) { drop.mark_retrieved(number(base)); }
    UpdateOutcome quit() const { return update(UpdateRequest::of(drop, path)); }

    std::string path;
    Maildrop drop;
};

} // namespace

TEST_CASE("QUIT removes deleted messages and moves retrieved ones to cur with the flag S") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c", "cur/4.d:2,F", "cur/5.e:2,RS"}) maildir.put(name);
    Session session{maildir};
    for (const char* base : {"1.a", "2.b", "4.d"}) session.retrieve(base);
    for (const char* base : {"1.a", "5.e"}) session.delete_it(base);
    const UpdateOutcome outcome = session.quit();
    CHECK(outcome.removed == 2);
    CHECK(outcome.failed == 0);
    CHECK(outcome.moved == 1);
    CHECK(maildir.names("new") == NameSet{"3.c"});
    CHECK(maildir.names("cur") == NameSet{"2.b:2,S", "4.d:2,F"});
}

TEST_CASE("a session that changed nothing needs no update") {
    const TestMaildir maildir;
    maildir.put("cur/1.a:2,");
    Session session{maildir};
    CHECK_FALSE(session.drop.wants_update());
    session.retrieve("1.a");
    CHECK_FALSE(session.drop.wants_update());
    CHECK(UpdateRequest::of(session.drop, "x").items.empty());
    session.delete_it("1.a");
    CHECK(session.drop.wants_update());
}

TEST_CASE("deleted messages are removed wherever another program has moved them, and gone ones are counted apart") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "cur/3.c:2,", "cur/4.d:2,S", "new/5.e"}) maildir.put(name);
    Session session{maildir};
    for (const char* base : {"1.a", "2.b", "3.c", "4.d"}) session.delete_it(base);
    maildir.rename("new/1.a", "cur/1.a:2,");
    maildir.remove("new/2.b");
    maildir.rename("cur/3.c:2,", "cur/3.c:2,FRS");
    maildir.rename("cur/4.d:2,S", "new/4.d");
    maildir.put("new/6.f");
    const UpdateOutcome outcome = session.quit();
    CHECK(outcome.removed == 3);
    CHECK(outcome.gone == 1);
    CHECK(outcome.failed == 0);
    CHECK(maildir.names("new") == NameSet{"5.e", "6.f"});
    CHECK(maildir.names("cur").empty());
}

TEST_CASE("deleting one of two messages with the same base name leaves the other") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "fresh");
    maildir.put("cur/1.a:2,S", "old");
    Session session{maildir};
    session.drop.mark_deleted(MessageNumber{1}); // the one in new
    maildir.remove("new/1.a");
    const UpdateOutcome outcome = session.quit();
    CHECK(outcome.removed == 0);
    CHECK(outcome.gone == 1);
    CHECK(maildir.content("cur/1.a:2,S") == "old");
}

TEST_CASE("a message that has taken the name of a deleted one with the same base name stays") {
    for (const std::int64_t keep_since : {0, 100}) {
        const TestMaildir maildir;
        maildir.put("new/1.a", "fresh");
        maildir.put("cur/1.a:2,S", "old");
        Session session{maildir};
        session.drop.mark_deleted(MessageNumber{2}); // the one in cur
        maildir.remove("cur/1.a:2,S");
        maildir.rename("new/1.a", "cur/1.a:2,S");
        UpdateRequest request = UpdateRequest::of(session.drop, session.path);
        request.keep_since = keep_since;
        const UpdateOutcome outcome = update(request);
        CHECK(outcome.removed == 0);
        CHECK(outcome.gone == 1);
        CHECK(outcome.failed == 0);
        CHECK(maildir.content("cur/1.a:2,S") == "fresh");
    }
}

TEST_CASE("two sessions that delete the same messages each count what they removed") {
    for (const std::int64_t keep_since : {0, 100}) {
        const TestMaildir maildir;
        for (const char* name : {"new/1.a", "new/2.b", "cur/3.c:2,S"}) maildir.put(name);
        Session one{maildir}, other{maildir};
        for (const char* base : {"1.a", "2.b", "3.c"}) other.delete_it(base);
        one.delete_it("2.b");
        const auto quit = [&](const Session& session) {
            UpdateRequest request = UpdateRequest::of(session.drop, session.path);
            request.keep_since = keep_since;
            return update(request);
        };
        CHECK(quit(one).removed == 1);
        const UpdateOutcome outcome = quit(other);
        CHECK(outcome.removed == 2);
        CHECK(outcome.gone == 1);
        CHECK(outcome.failed == 0);
    }
}

TEST_CASE("a deleted message that another program has copied to a new file is still removed") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "as it came");
    maildir.put("new/2.b");
    Session session{maildir};
    session.delete_it("1.a");
    maildir.put("cur/1.a:2,S", "marked as spam"); // as a move between file systems does, too
    maildir.remove("new/1.a");
    CHECK(session.quit().removed == 1);
    CHECK(maildir.names("cur").empty());
    CHECK(maildir.names("new") == NameSet{"2.b"});
}

TEST_CASE("a message that cannot be removed is reported, and the others are removed") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c"}) maildir.put(name);
    Session session{maildir};
    for (const char* base : {"1.a", "2.b", "3.c"}) session.delete_it(base);
    maildir.remove("new/2.b");
    std::filesystem::create_directory(maildir.file("new/2.b"));
    const UpdateOutcome outcome = session.quit();
    CHECK(outcome.removed == 2);
    CHECK(outcome.failed == 1);
    CHECK(outcome.first_error.value() == EISDIR);
    CHECK(maildir.names("new") == NameSet{"2.b"});
}

TEST_CASE("flags that another program has set during the session are kept, in ASCII order") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c", "new/4.d"}) maildir.put(name);
    Session session{maildir};
    for (const char* base : {"1.a", "2.b", "3.c", "4.d"}) session.retrieve(base);
    maildir.rename("new/1.a", "cur/1.a:2,TF");
    maildir.rename("new/2.b", "cur/2.b:2,");
    maildir.rename("new/3.c", "cur/3.c:2,RS");
    maildir.rename("new/4.d", "new/4.d:2,R");
    CHECK(session.quit().moved == 3);
    CHECK(maildir.names("cur") == NameSet{"1.a:2,FST", "2.b:2,S", "3.c:2,RS", "4.d:2,RS"});
    CHECK(maildir.names("new").empty());
}

TEST_CASE("a move never replaces a file") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "fresh");
    maildir.put("cur/1.a:2,S", "old");
    Session session{maildir};
    session.drop.mark_retrieved(MessageNumber{1});
    const UpdateOutcome outcome = session.quit();
    CHECK(outcome.moved == 0);
    CHECK(outcome.failed == 0);
    CHECK(maildir.content("new/1.a") == "fresh");
    CHECK(maildir.content("cur/1.a:2,S") == "old");
}

TEST_CASE("on a file system like NFS, moves interrupted between link and unlink are completed, and replace nothing") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c"}) maildir.put(name, "mail");
    Session session{maildir};
    session.retrieve("1.a");
    session.delete_it("2.b");
    session.retrieve("3.c");
    std::filesystem::create_hard_link(maildir.file("new/1.a"), maildir.file("cur/1.a:2,S"));
    std::filesystem::create_directories(maildir.file("buzon-trash/100"));
    std::filesystem::create_hard_link(maildir.file("new/2.b"), maildir.file("buzon-trash/100/2.b"));
    maildir.put("cur/3.c:2,S", "another");
    UpdateRequest request = UpdateRequest::of(session.drop, session.path);
    request.keep_since = 100;
    faults::fail("renameat2", 1, EINVAL, true); // it has no RENAME_NOREPLACE
    const UpdateOutcome outcome = update(request);
    faults::none();
    CHECK(outcome.moved == 1);
    CHECK(outcome.removed == 1);
    CHECK(outcome.failed == 0);
    CHECK(maildir.names("new") == NameSet{"3.c"});
    CHECK(maildir.names("cur") == NameSet{"1.a:2,S", "3.c:2,S"});
    CHECK(maildir.content("cur/1.a:2,S") == "mail");
    CHECK(maildir.content("cur/3.c:2,S") == "another");
    CHECK(maildir.names("buzon-trash") == NameSet{"100"});
    CHECK(maildir.kept() == 1);
}

TEST_CASE("a message whose folder is missing counts as gone, and one whose Maildir is missing as failed") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    Session session{maildir};
    session.delete_it("1.a");
    std::filesystem::remove_all(maildir.file("new"));
    CHECK(session.quit().gone == 1);
    std::filesystem::remove_all(maildir.path());
    const UpdateOutcome none = session.quit();
    CHECK(none.failed == 1);
    CHECK(none.first_error.value() == ENOENT);
}

TEST_CASE("nine hundred messages are removed, most of them renamed during the session") {
    const TestMaildir maildir;
    for (int i = 0; i < 1000; ++i) maildir.put("new/" + std::to_string(i) + ".x");
    Session session{maildir};
    for (int i = 0; i < 1000; ++i) {
        if (i % 10 != 0) session.drop.mark_deleted(MessageNumber{static_cast<std::uint32_t>(i + 1)});
        if (i % 2 != 0) maildir.rename("new/" + std::to_string(i) + ".x", "cur/" + std::to_string(i) + ".x:2,F");
    }
    CHECK(session.quit().removed == 900);
    CHECK(maildir.names("new").size() == 100);
    CHECK(maildir.names("cur").empty());
}

TEST_CASE("QUIT requests the same in one piece and in slices of every size, and the number is known beforehand") {
    const TestMaildir maildir;
    for (int i = 0; i < 40; ++i)
        maildir.put((i % 3 == 0 ? "cur/" : "new/") + std::to_string(i) + (i % 3 == 0 ? ".x:2," : ".x"));
    for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
        std::mt19937 random{seed};
        Session session{maildir};
        Maildrop& drop = session.drop;
        for (int change = 0; change < 150; ++change) {
            const MessageNumber number{static_cast<std::uint32_t>(1 + random() % 40)};
            switch (random() % 3) {
            case 0: drop.mark_deleted(number); break;
            case 1: drop.mark_retrieved(number); break;
            default:
                if (random() % 20 == 0) drop.reset();
            }
            UpdateRequest whole = UpdateRequest::of(drop, maildir.path());
            whole.keep_since = 77;
            REQUIRE(drop.update_count() == whole.items.size());
            const std::uint32_t size = 1 + static_cast<std::uint32_t>(random() % 50);
            std::string bytes;
            for (UpdateSlices slices{drop, maildir.path(), 77}; !slices.done();) bytes += slices.next(size);
            REQUIRE(bytes == whole.to_bytes());
        }
    }
}

TEST_CASE("an update is serialized without loss, and a damaged one is refused") {
    UpdateRequest request{"/mail/user", {}, 12345};
    request.items.push_back({std::string("1.\xff\n"), true, remove_it, 5});
    request.items.push_back({"2.b:2,S", false, mark_it, UINT64_MAX});
    const std::string bytes = request.to_bytes();
    const auto back = PackedUpdate::from_bytes(bytes);
    REQUIRE(back.ok());
    CHECK(back.value().maildir() == "/mail/user");
    CHECK(back.value().keep_since() == 12345);
    CHECK(back.value().count() == 2);
    CHECK(back.value().removals() == 1);
    // What a journal keeps of it says the same, except for the path.
    const auto placeless = PackedUpdate::from_placeless(back.value().placeless());
    REQUIRE(placeless.ok());
    CHECK(placeless.value().maildir().empty());
    for (const PackedUpdate& one : {back.value(), placeless.value()}) {
        PackedUpdate::Where where;
        const auto first = one.next(where), second = one.next(where);
        REQUIRE(first);
        REQUIRE(second);
        CHECK_FALSE(one.next(where));
        CHECK(first->file_name == "1.\xff\n");
        CHECK(first->in_new);
        CHECK(second->action == mark_it);
        CHECK(second->inode == UINT64_MAX);
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(PackedUpdate::from_bytes(bytes.substr(0, size)).ok());
    CHECK_FALSE(PackedUpdate::from_bytes(bytes + "x").ok());
    CHECK_FALSE(PackedUpdate::from_placeless(bytes).ok());
    std::string endless = UpdateRequest{}.to_bytes();
    endless.replace(16, 4, "\xff\xff\xff\xff"); // four billion items, none of which follow
    CHECK_FALSE(PackedUpdate::from_bytes(endless).ok());
}
