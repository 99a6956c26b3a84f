// maildir/hostile_test.cpp - a Maildir whose owner tries to make us read, move or remove files outside of it.
#include "support/hostile.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../../src/maildir/found.h"
#include "../../src/maildir/frozen_list.h"
#include "../../src/maildir/journal.h"
#include "buzon/local/freshness.h"
#include "buzon/local/open_cached.h"
#include "buzon/maildir/open_message.h"
#include "buzon/maildir/report.h"
#include "buzon/maildir/trash.h"
#include "buzon/maildir/update.h"
#include "buzon/message/checksum.h"
#include "buzon/message/file_name.h"
#include "faults.h"
#include "maildir_fixture.h"
#include "support/mail.h"
#include "support/snapshots.h"
#include "update_request.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::local;
using namespace buzon::maildir;

namespace {

// Another user's mail and a file of theirs, none of which may change.
class Victim {
public:
    Victim() {
        maildir_.put("cur/1.mail:2,", "secret\n");
        maildir_.put("file", "secret\n");
        before_ = test::snapshot(maildir_.path());
    }
    std::string path(std::string_view name) const { return maildir_.file(name); }
    void check() const { CHECK(test::snapshot(maildir_.path()) == before_); }

private:
    TestMaildir maildir_;
    std::map<std::string, std::string> before_;
};

UpdateRequest removal_of(const std::string& maildir, std::string name, bool in_new, std::int64_t keep_since = 0) {
    UpdateRequest request;
    request.maildir = maildir;
    request.keep_since = keep_since;
    request.items.push_back({std::move(name), in_new, UpdateAction::remove, 0});
    return request;
}

// The request as a journal stores it, with a correct checksum.
std::string journal_of(const UpdateRequest& request) {
    UpdateRequest placeless = request;
    placeless.maildir.clear();
    const std::string bytes = placeless.to_bytes();
    const std::string_view content = std::string_view{bytes}.substr(4); // after the Maildir's path, which is empty
    const std::uint64_t sum = checksum(content);
    std::string whole(sizeof sum, '\0');
    std::memcpy(whole.data(), &sum, sizeof sum);
    return whole.append(content);
}

bool begins_with(const std::string& text, const std::string& start) {
    return text.substr(0, start.size()) == start;
}

} // namespace

TEST_CASE("a scan fails if cur, new or tmp is a symbolic link, and reports its path") {
    for (const char* const folder : {"cur", "new", "tmp"}) {
        CAPTURE(folder);
        const Victim victim;
        const TestMaildir maildir;
        maildir.put("new/2.own");
        maildir.put("cur/3.own:2,");
        maildir.rest();
        REQUIRE(maildir.scan()->is_current(stamps(maildir.path()).value()));
        maildir.rename(folder, "aside");
        std::filesystem::create_directory_symlink(victim.path("cur"), maildir.file(folder));

        CHECK(stamps(maildir.path()).error().value() == ELOOP); // so no snapshot is current
        ScanFindings findings;
        CHECK(scan(maildir.path(), {}, &findings).error().value() == ELOOP);
        CHECK(findings.trouble == maildir.file(folder) + " is a symbolic link");
        CHECK_FALSE(create_maildir(maildir.path()));
        victim.check();
        maildir.remove(folder);
        maildir.rename("aside", folder);
        CHECK(maildir.scan()->count() == 2);
    }
}

TEST_CASE("a folder replaced by a link during a session does not redirect RETR, SEARCH, QUIT or UNDL") {
    const Victim victim;
    const TestMaildir maildir;
    maildir.put("cur/1.mail:2,", "own\n");
    const std::string path = maildir.path();
    REQUIRE(open_message(path, "1.mail:2,", false).ok());
    maildir.rename("cur", "aside");
    std::filesystem::create_directory_symlink(victim.path("cur"), maildir.file("cur"));

    CHECK(open_message(path, "1.mail:2,", false).error().value() == ELOOP);
    CHECK(open_cached(path, "1.mail:2,", false).error().value() == EAGAIN);
    CHECK(update(removal_of(path, "1.mail:2,", false)).failed == 1);
    CHECK(update(removal_of(path, "1.mail:2,", false, 100)).failed == 1);
    UpdateRequest two = removal_of(path, "1.mail:2,", false);
    two.items.push_back(two.items.front());
    CHECK(update(two).failed == 2); // with a journal
    std::filesystem::create_directories(maildir.file("buzon-trash/100"));
    maildir.put("buzon-trash/100/4.back");
    CHECK(restore(path, 0).restored == 0);
    victim.check();
}

TEST_CASE("the Maildir and the directories above it may be links") {
    const TestMaildir maildir;
    maildir.put("cur/1.mail:2,", "own\n");
    const TestMaildir elsewhere;
    std::filesystem::create_directory_symlink(maildir.path(), elsewhere.file("itself"));
    std::filesystem::create_directory_symlink(std::filesystem::path{maildir.path()}.parent_path(),
                                              elsewhere.file("above"));
    for (const char* const way : {"itself", "itself/", "above/user"}) {
        CAPTURE(way);
        const std::string path = elsewhere.file(way);
        REQUIRE_FALSE(create_maildir(path));
        REQUIRE(scan(path).ok());
        REQUIRE(open_message(path, "1.mail:2,", false).ok());
        const auto cached = open_cached(path, "1.mail:2,", false);
        CHECK((cached.ok() || cached.error().value() == EAGAIN));
        CHECK(read_report(path, 0).ok());
    }
}

TEST_CASE("root follows a link in place of a Maildir only if it belongs to root or to the owner of its target") {
    if (::geteuid() != 0) {
        WARN("only root can try this");
        return;
    }
    const TestMaildir maildir;
    maildir.put("cur/1.mail:2,", "own\n");
    const TestMaildir elsewhere;
    const std::string link = elsewhere.file("link");
    std::filesystem::create_directory_symlink(maildir.path(), link);
    const auto owner_of_link = [&](uid_t owner) { REQUIRE(::lchown(link.c_str(), owner, owner) == 0); };
    owner_of_link(4711);
    ScanFindings findings;
    CHECK(scan(link, {}, &findings).error().value() == EPERM);
    CHECK(findings.trouble == link + " is a link to another user's directory");
    CHECK(scan(link + "/").error().value() == EPERM);
    CHECK(open_message(link, "1.mail:2,", false).error().value() == EPERM);
    CHECK(open_cached(link, "1.mail:2,", false).error().value() == EAGAIN);
    CHECK(update(removal_of(link, "1.mail:2,", false)).failed == 1);
    CHECK(create_maildir(link).value() == EPERM);
    REQUIRE(::chown(maildir.path().c_str(), 4711, 4711) == 0);
    CHECK(scan(link).ok());
    owner_of_link(0);
    CHECK(scan(link).ok());
}

TEST_CASE("a scan fails if a UIDL list is a link, no regular file or another user's, and reports its path") {
    const Victim victim;
    for (const char* const list : {frozen_list_name, "dovecot-uidlist", "courierpop3dsizelist"}) {
        for (const test::Thing& thing : test::false_files(victim.path("file"))) {
            CAPTURE(list, thing.name);
            const TestMaildir maildir;
            maildir.put("new/1.a");
            thing.put(maildir.file(list));
            ScanFindings findings;
            CHECK(scan(maildir.path(), {}, &findings).error().value() == EPERM);
            CHECK(begins_with(findings.trouble, maildir.file(list) + ' '));
            std::filesystem::remove(maildir.file(list));
            CHECK(maildir.scan()->count() == 1);
        }
    }
    victim.check();
}

TEST_CASE("an index, report or trash that is not the server's own is ignored with a warning") {
    const Victim victim;
    for (const char* const name : {index_file_name, report_file_name, trash_name}) {
        const bool folder = name == std::string_view{trash_name};
        for (const test::Thing& thing :
             folder ? test::false_folders(victim.path("cur")) : test::false_files(victim.path("file"))) {
            CAPTURE(name, thing.name);
            const TestMaildir maildir;
            maildir.put("new/1.a");
            thing.put(maildir.file(name));
            ScanFindings findings;
            REQUIRE(scan(maildir.path(), {}, &findings).ok());
            REQUIRE(findings.warnings.size() == 1);
            CHECK(begins_with(findings.warnings[0], maildir.file(name) + ' '));
        }
    }
    victim.check();
}

TEST_CASE("a session record is written only to a file of the server's own") {
    const Victim victim;
    const SessionRecord records[] = {{.began = 1, .ended = 2, .from = "192.0.2.7"}};
    for (const test::Thing& thing : test::false_files(victim.path("file"))) {
        CAPTURE(thing.name);
        const TestMaildir maildir;
        thing.put(maildir.file(report_file_name));
        CHECK(record_sessions(maildir.path(), records));
        CHECK_FALSE(read_report(maildir.path(), 0).ok());
    }
    victim.check();
}

TEST_CASE("if the trash leads elsewhere, nothing is moved to it, restored from it or expired in it") {
    const Victim victim;
    for (const char* const place : {"buzon-trash", "buzon-trash/100"}) {
        for (const test::Thing& thing : test::false_folders(victim.path("cur"))) {
            CAPTURE(place, thing.name);
            const TestMaildir maildir;
            maildir.put("new/1.a");
            if (place != std::string_view{trash_name}) std::filesystem::create_directory(maildir.file(trash_name));
            thing.put(maildir.file(place));
            CHECK(update(removal_of(maildir.path(), "1.a", true, 100)).failed == 1);
            CHECK(maildir.has("new/1.a"));
            CHECK(restore(maildir.path(), 0).restored == 0);
            static_cast<void>(expire_trash(maildir.path(), 1000));
            victim.check();
        }
    }
}

TEST_CASE("something in the trash that is not a message is not restored") {
    const Victim victim;
    const TestMaildir maildir;
    std::filesystem::create_directories(maildir.file("buzon-trash/100"));
    std::filesystem::create_symlink(victim.path("file"), maildir.file("buzon-trash/100/1.link"));
    CHECK(restore(maildir.path(), 0).restored == 0);
    CHECK(maildir.names("cur").empty());
    CHECK(expire_trash(maildir.path(), 1000).value() == 1);
    victim.check();
}

TEST_CASE("a journal that names anything but messages is discarded and reported") {
    for (const std::string& name : test::false_names()) {
        CAPTURE(name);
        const TestMaildir maildir;
        maildir.put("victim");
        maildir.put("new/1.a");
        const std::string above = maildir.file("../victim");
        std::ofstream{above} << "secret\n";
        for (const std::int64_t keep_since : {0, 100}) {
            UpdateRequest request = removal_of("", name, false, keep_since);
            request.items.push_back({"1.a", true, UpdateAction::remove, 0});
            maildir.put("cur/.buzon-journal.x", journal_of(request));
            ScanFindings findings;
            REQUIRE(scan(maildir.path(), {}, &findings).ok());
            CHECK(maildir.has("new/1.a")); // none of it is done
            CHECK(maildir.has("victim"));
            CHECK(std::filesystem::exists(above));
            CHECK_FALSE(maildir.has("cur/.buzon-journal.x"));
            REQUIRE(findings.warnings.size() == 1);
            CHECK(begins_with(findings.warnings[0], maildir.file("cur/.buzon-journal.x was discarded")));
        }
    }
}

TEST_CASE("a journal that is not the server's own file is not executed") {
    const TestMaildir elsewhere;
    elsewhere.put("journal", journal_of(removal_of("", "1.a", true)));
    const std::string victim = elsewhere.file("journal");
    for (const test::Thing& thing : test::false_files(victim)) {
        CAPTURE(thing.name);
        const TestMaildir maildir;
        maildir.put("new/1.a");
        thing.put(maildir.file("cur/.buzon-journal.x"));
        CHECK(maildir.scan()->count() == 1);
        CHECK(std::filesystem::is_directory(maildir.file("cur/.buzon-journal.x")) ==
              maildir.has("cur/.buzon-journal.x")); // only a directory stays
        CHECK(elsewhere.has("journal"));
    }
    const TestMaildir maildir; // and this is how a real one is executed
    maildir.put("new/1.a");
    maildir.put("cur/.buzon-journal.x", elsewhere.content("journal"));
    CHECK(maildir.scan()->count() == 0);
}

TEST_CASE("no index, list or request may contain an invalid name") {
    for (const std::string& name : test::false_names()) {
        CAPTURE(name);
        SnapshotBuilder builder;
        builder.add({.file_name = name, .uidl = "u"});
        CHECK(test::snapshot_of(builder).error().value() == EINVAL);
        CHECK_FALSE(PackedUpdate::from_bytes(removal_of("/m", name, true).to_bytes()).ok());
        const TestMaildir maildir;
        CHECK(open_message(maildir.path(), name, false).error().value() == ENOENT);
        if (name.empty()) continue; // a base name may be empty: that of ":2,S"
        const std::string list = frozen_header(UidlSource::dovecot) + frozen_line({"u", name, std::nullopt});
        CHECK(parse_frozen_list(list).entries.empty());
    }
}

TEST_CASE("an index of identical records is discarded before it costs time") {
    SnapshotBuilder builder;
    const auto add = [&builder](std::uint32_t count, std::uint64_t step) {
        for (std::uint32_t i = 0; i < count; ++i)
            builder.add({.file_name = "1.a", .octets = 1, .stored_size = 1, .inode = 7 + i * step});
    };
    add(200'000, 0);
    CHECK(KnownFiles{test::snapshot_of(builder).value()}.empty());
    add(200'000, 1);
    CHECK_FALSE(KnownFiles{test::snapshot_of(builder).value()}.empty());

    // And the scan works without it.
    const TestMaildir maildir;
    maildir.put("new/1.a", "abc\n");
    add(1000, 0);
    maildir.put(index_file_name, builder.bytes().value());
    const auto snapshot = maildir.scan();
    REQUIRE(snapshot->count() == 1);
    CHECK(snapshot->octets(0) == 5);
}

TEST_CASE("a list of ids beyond any real size refuses the login instead of filling memory") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "abc\n");
    const std::string list = maildir.file(frozen_list_name);
    maildir.put(frozen_list_name, "");
    REQUIRE(::truncate(list.c_str(), off_t{1} << 30) == 0); // a hole, which takes no room on the disk
    CHECK(scan(maildir.path()).error().value() == EFBIG);
}

TEST_CASE("locks that the owner keeps on our files for ever delay a login and a record, but only for seconds") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "abc\n");
    const SessionRecord records[] = {{.began = 1, .ended = 2}};
    // Locks of open files conflict even within one process.
    const auto lock = [&](const char* name) {
        posix::UniqueFd file{::open(maildir.file(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
        struct flock range {};
        range.l_type = F_WRLCK;
        range.l_whence = SEEK_SET;
        REQUIRE(::fcntl(file.get(), F_OFD_SETLK, &range) == 0);
        return file;
    };
    {
        const posix::UniqueFd list = lock(frozen_list_name), report = lock(report_file_name);
        CHECK(maildir.scan()->count() == 1);
        CHECK(record_sessions(maildir.path(), records).value() == EAGAIN);
    }
    CHECK(maildir.content(frozen_list_name).empty());
    maildir.put("new/2.b");
    CHECK(maildir.scan()->count() == 2);
    CHECK_FALSE(maildir.content(frozen_list_name).empty());
    CHECK_FALSE(record_sessions(maildir.path(), records));
}

TEST_CASE("a scan copes with a list of thousands of lines for one base name") {
    const TestMaildir maildir;
    std::string list = frozen_header(UidlSource::dovecot);
    for (int i = 0; i < 5000; ++i) list += frozen_line({"u" + std::to_string(i), "1.a", FileIdentity{1, 1, i}});
    maildir.put(frozen_list_name, list);
    for (int i = 0; i < 50; ++i) maildir.put("cur/1.a:2," + std::string(static_cast<std::size_t>(i), 'x'));
    CHECK(maildir.scan()->count() == 50);
}

TEST_CASE("an unreadable message is skipped and reported, and listed once it becomes readable") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "abc\n");
    faults::fail("openat", 7, EACCES); // after the Maildir, the index, tmp, the next index, new and cur
    ScanFindings findings;
    auto made = scan(maildir.path(), {}, &findings);
    faults::none();
    REQUIRE(faults::struck());
    REQUIRE(made.ok());
    const auto snapshot = Snapshot::from_fd(std::move(made).value());
    CHECK(snapshot.value()->count() == 0);
    CHECK_FALSE(snapshot.value()->settled());
    REQUIRE(findings.warnings.size() == 1);
    CHECK(findings.warnings[0] == maildir.file("new/1.a") + " was skipped: Permission denied");
    CHECK(maildir.scan()->octets(0) == 5);
}

TEST_CASE("an I/O error on a message fails the scan, so that no size is listed that was not measured") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "abc\n");
    faults::fail("openat", 7, EIO);
    ScanFindings findings;
    CHECK(scan(maildir.path(), {}, &findings).error().value() == EIO);
    faults::none();
    REQUIRE(faults::struck());
    CHECK(findings.trouble == maildir.file("new/1.a") + " cannot be read");
    CHECK(maildir.scan()->octets(0) == 5);
}
