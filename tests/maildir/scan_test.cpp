#include "buzon/local/freshness.h"
#include "buzon/maildir/scan.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "buzon/message/dot_stuffer.h"
#include "faults.h"
#include "maildir_fixture.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::local;
using namespace buzon::maildir;

namespace {

std::vector<std::string> file_names(const Snapshot& snapshot) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < snapshot.count(); ++i)
        names.push_back((snapshot.in_new(i) ? "new/" : "cur/") + std::string{snapshot.file_name(i)});
    return names;
}

std::vector<std::string> uidls(const Snapshot& snapshot) {
    std::vector<std::string> all;
    for (std::uint32_t i = 0; i < snapshot.count(); ++i) all.emplace_back(snapshot.uidl(i));
    return all;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("an empty maildrop has no messages, and a missing one is an error") {
    const TestMaildir maildir;
    CHECK(maildir.scan()->count() == 0);
    CHECK(maildir.scan()->total_octets() == 0);
    CHECK(scan(maildir.path() + "/no").error().value() == ENOENT);
    CHECK(stamps(maildir.path() + "/no").error().value() == ENOENT);
}

TEST_CASE("a Maildir without new or cur has no mail there") {
    const TestMaildir maildir;
    maildir.put("cur/1.a");
    std::filesystem::remove(maildir.file("new"));
    CHECK(maildir.scan()->count() == 1);
    CHECK(stamps(maildir.path()).value().in_new == DirectoryStamp{});
    std::filesystem::remove_all(maildir.file("cur"));
    CHECK(maildir.scan()->count() == 0);
    CHECK(stamps(maildir.path()).ok());
}

TEST_CASE("messages are in order of delivery: seconds, microseconds, name, new before cur") {
    const TestMaildir maildir;
    for (const char* name : {"cur/9.x:2,", "new/10.x", "cur/10.M5P1.x:2,S", "new/10.M40P1.x", "new/10.V8I9M6_3.x",
                             "new/10.M040.a", "cur/010.M5P0.x", "new/10.M41", "cur/10.x:2,FS"})
        maildir.put(name);
    CHECK(file_names(*maildir.scan()) == Names{"cur/9.x:2,", "new/10.x", "cur/10.x:2,FS", "cur/010.M5P0.x",
                                               "cur/10.M5P1.x:2,S", "new/10.V8I9M6_3.x", "new/10.M040.a",
                                               "new/10.M40P1.x", "new/10.M41"});
}

TEST_CASE("names without a number are sorted by mtime") {
    const TestMaildir maildir;
    for (const char* name : {"new/z", "cur/a:2,S", "new/m", "new/50.x"}) maildir.put(name);
    maildir.set_mtime("new/z", 40);
    maildir.set_mtime("cur/a:2,S", 60);
    maildir.set_mtime("new/m", 40, 5000);
    maildir.set_mtime("new/50.x", 1);
    // If the file system keeps only whole seconds, the names decide.
    struct stat about {};
    REQUIRE(::lstat(maildir.file("new/m").c_str(), &about) == 0);
    const bool fractions = about.st_mtim.tv_nsec != 0;
    CHECK(file_names(*maildir.scan()) ==
          Names{fractions ? "new/z" : "new/m", fractions ? "new/m" : "new/z", "new/50.x", "cur/a:2,S"});
}

TEST_CASE("huge numbers sort as large ones, and nothing overflows") {
    const TestMaildir maildir;
    const std::string huge = "new/" + std::string(100, '9') + ".x";
    maildir.put(huge);
    maildir.put("new/18446744073709551615.M18446744073709551616P1.y");
    maildir.put("new/5.x");
    maildir.put("new/00000000000000000000000000006.x");
    const auto names = file_names(*maildir.scan());
    REQUIRE(names.size() == 4);
    CHECK(names[0] == "new/5.x");
    CHECK(names[1] == "new/00000000000000000000000000006.x");
}

TEST_CASE("only regular files in new and cur are messages") {
    const TestMaildir maildir;
    maildir.put("new/1.mail");
    maildir.put("tmp/2.unfinished");
    maildir.put("new/.hidden");
    maildir.put("3.beside");
    std::filesystem::create_directory(maildir.file("new/4.directory"));
    REQUIRE(::mkfifo(maildir.file("cur/5.fifo").c_str(), 0600) == 0);
    std::filesystem::create_symlink(maildir.file("new/1.mail"), maildir.file("cur/6.link"));
    std::filesystem::create_symlink("/nonexistent", maildir.file("cur/7.dangling"));
    std::filesystem::create_directory_symlink(maildir.file("tmp"), maildir.file("cur/8.directory"));
    const posix::UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    maildir.file("cur/9.socket").copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) ==
            0);
    CHECK(file_names(*maildir.scan()) == Names{"new/1.mail"});
}

TEST_CASE("sizes are measured, whatever the name says") {
    const TestMaildir maildir;
    maildir.put("new/1.x,S=5,W=6", "a\nb\n.c");
    maildir.put("new/2.x", "");
    maildir.put("new/3.x", "a\r\nb\r\n");
    const auto snapshot = maildir.scan();
    CHECK(snapshot->octets(0) == 10);
    CHECK(snapshot->stored_size(0) == 6);
    CHECK(snapshot->octets(1) == 0);
    CHECK(snapshot->octets(2) == 6);
    CHECK(snapshot->total_octets() == 16);
    CHECK_FALSE(snapshot->wire_form(0));
    CHECK(snapshot->wire_form(2));
}

TEST_CASE("random files with random names are listed as they would be sent, with and without the index") {
    const TestMaildir maildir;
    std::mt19937 random{3};
    std::map<std::string, std::string> mails;
    for (int i = 0; i < 200; ++i) {
        std::string name;
        const std::size_t length = 1 + random() % 250;
        while (name.size() < length) {
            const char c = static_cast<char>(random());
            if (c != '/' && c != '\0' && !(name.empty() && c == '.')) name += c;
        }
        std::string content;
        const std::size_t size = random() % 8 == 0 ? 256 * 1024 - 3 + random() % 7 : random() % 300;
        while (content.size() < size) content += "\r\n.\nabc"[random() % 7];
        const std::string place = (random() % 2 != 0 ? "new/" : "cur/") + name;
        maildir.put(place, content);
        mails[place] = content;
    }
    Names first;
    for (int round = 0; round < 3; ++round) {
        const auto snapshot = maildir.scan();
        REQUIRE(snapshot->count() == mails.size());
        std::set<std::string_view> unique;
        for (std::uint32_t i = 0; i < snapshot->count(); ++i) {
            const std::string& content = mails.at(file_names(*snapshot)[i]);
            DotStuffer stuffer;
            std::string wire;
            stuffer.feed(content, wire);
            stuffer.finish(wire);
            std::size_t octets = content.size();
            for (std::size_t at = 0; at < content.size(); ++at)
                if (content[at] == '\n' && (at == 0 || content[at - 1] != '\r')) ++octets;
            if (!content.empty() && content.back() != '\n') octets += 2;
            CHECK(snapshot->octets(i) == octets);
            CHECK(snapshot->wire_form(i) == (wire == content + ".\r\n"));
            CHECK(unique.insert(snapshot->uidl(i)).second);
            CHECK(snapshot->uidl(i).size() <= 70);
        }
        if (round == 0) first = uidls(*snapshot);
        CHECK(uidls(*snapshot) == first);
        maildir.rest();
    }
}

TEST_CASE("the UIDL is the base name if that fits, else a hash that never changes") {
    const TestMaildir maildir;
    const std::string longest(70, 'a'), longer(71, 'a');
    for (const char* name : {"new/1.plain", "cur/2.plain,S=3:2,RS", "new/3 space", "new/4\xff", "cur/:2,S"})
        maildir.put(name);
    maildir.put("new/5" + longest.substr(1));
    maildir.put("new/6" + longer.substr(1));
    maildir.set_mtime("cur/:2,S", 7);
    CHECK(uidls(*maildir.scan()) == Names{"1.plain", "2.plain,S=3", "b09e9c4eed4ff78ce51c1645f610bdb0",
                                          "088094c750ab1be95aa0733055697f34", "5" + longest.substr(1),
                                          "5b982f86c5ad931b1dc0f9d7a0215057", "6c62272e07bb014262b821756295c58d"});
}

TEST_CASE("equal base names in new and cur keep different UIDLs, through renames and rescans") {
    const TestMaildir maildir;
    maildir.put("cur/1.same:2,S", "old\n");
    maildir.put("new/1.same", "fresh\n");
    const auto first = maildir.scan();
    REQUIRE(first->count() == 2);
    CHECK(first->in_new(0));
    CHECK(first->uidl(0) != first->uidl(1));
    const std::string fresh{first->uidl(0)}, old{first->uidl(1)};

    maildir.rename("new/1.same", "cur/1.same:2,F");
    auto now = maildir.scan();
    REQUIRE(now->count() == 2);
    const std::uint32_t at = now->stored_size(0) == 6 ? 0 : 1;
    CHECK(now->uidl(at) == fresh);
    CHECK(now->uidl(1 - at) == old);

    maildir.remove("cur/1.same:2,F");
    now = maildir.scan();
    REQUIRE(now->count() == 1);
    CHECK(now->uidl(0) == old);
}

TEST_CASE("a base name that equals another message's hash gets a different UIDL") {
    const TestMaildir maildir;
    maildir.put("new/1 x");
    const std::string hash{maildir.scan()->uidl(0)};
    maildir.put("new/" + hash);
    maildir.set_mtime("new/" + hash, 0);
    for (const bool with_index : {true, false}) {
        const auto snapshot = maildir.scan({.write_index = false, .read_index = with_index});
        REQUIRE(snapshot->count() == 2);
        CHECK(snapshot->uidl(0) != snapshot->uidl(1));
    }
}

TEST_CASE("one file with a name in new and one in cur is a single message") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "mail\n");
    std::filesystem::create_hard_link(maildir.file("new/1.a"), maildir.file("cur/1.a:2,S"));
    CHECK(file_names(*maildir.scan()) == Names{"cur/1.a:2,S"});
    std::filesystem::create_hard_link(maildir.file("new/1.a"), maildir.file("cur/1.b:2,S"));
    CHECK(maildir.scan()->count() == 2);
}

TEST_CASE("an unchanged maildrop is recognised by its stamps, and a changed one is never taken for unchanged") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    CHECK_FALSE(maildir.scan()->settled());
    maildir.rest();
    auto before = maildir.scan();
    CHECK(before->settled());
    CHECK(before->is_current(stamps(maildir.path()).value()));
    CHECK(maildir.scan()->bytes() == before->bytes());

    const auto changed = [&] {
        const bool now = !before->is_current(stamps(maildir.path()).value());
        maildir.rest();
        before = maildir.scan();
        return now;
    };
    maildir.put("cur/2.b");
    CHECK(changed());
    maildir.rename("new/1.a", "cur/1.a:2,S");
    CHECK(changed());
    maildir.rename("cur/1.a:2,S", "cur/1.a:2,RS");
    CHECK(changed());
    maildir.remove("cur/2.b");
    CHECK(changed());
    maildir.put("new/3.c");
    maildir.set_mtime("new", before->stamps().in_new.mtime_ns / 1'000'000'000,
                      before->stamps().in_new.mtime_ns % 1'000'000'000);
    CHECK(changed());
    CHECK(before->count() == 2);
}

TEST_CASE("deliveries within one tick of the clock are all seen") {
    const TestMaildir maildir;
    for (int i = 0; i < 50; ++i) {
        maildir.put("new/" + std::to_string(i) + ".x");
        CHECK(maildir.scan()->count() == static_cast<std::uint32_t>(i + 1));
        if (i % 2 != 0) CHECK(maildir.scan()->count() == static_cast<std::uint32_t>(i + 1));
    }
}

TEST_CASE("the index is used for a file only if it is still the one described") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "a\n");
    maildir.put("new/2.b", "b\n");
    maildir.put("new/3.c", "c\n");
    maildir.scan();
    maildir.put("new/1.a", "longer\n\n\n"); // different size
    maildir.put("new/2.b", "\n\n");         // same size, different time
    maildir.set_mtime("new/2.b", 77);
    maildir.put("tmp/3.c", "\n\n"); // different inode
    maildir.set_mtime("tmp/3.c", 78);
    maildir.rename("tmp/3.c", "new/3.c");
    const auto snapshot = maildir.scan();
    CHECK(snapshot->octets(0) == 12);
    CHECK(snapshot->octets(1) == 4);
    CHECK(snapshot->octets(2) == 4);
}

TEST_CASE("known messages are not read again") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "a\n");
    maildir.scan();
    struct stat before {};
    REQUIRE(::stat(maildir.file("new/1.a").c_str(), &before) == 0);
    // The same inode, size and mtime with different content: only reading it would tell.
    maildir.put("new/1.a", "\n\n");
    const timespec times[2] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, maildir.file("new/1.a").c_str(), times, 0) == 0);
    maildir.put("new/2.b");
    CHECK(maildir.scan()->octets(0) == 3);
    CHECK(maildir.scan({.write_index = false, .read_index = false})->octets(0) == 4);
}

TEST_CASE("with very many messages, a scan with the index still sees every change") {
    const TestMaildir maildir;
    constexpr int messages = 5000;
    for (int i = 0; i < messages; ++i)
        maildir.put("cur/" + std::to_string(100000 + i) + ".x:2,", std::string(static_cast<std::size_t>(i % 7), 'x'));
    // Many names for one file: a run of equal inodes.
    for (int i = 0; i < messages; ++i)
        std::filesystem::create_hard_link(maildir.file("cur/100001.x:2,"),
                                          maildir.file("cur/" + std::to_string(200000 + i) + ".y:2,"));
    (void)maildir.scan();
    maildir.rest();
    maildir.put("new/300000.new", "new\n");
    maildir.rename("cur/100002.x:2,", "cur/100002.x:2,FS");
    maildir.put("tmp/other", "quite another text\n");
    maildir.rename("tmp/other", "cur/100003.x:2,");
    maildir.remove("cur/100004.x:2,");
    const auto scanned = maildir.scan();
    ScanOptions afresh;
    afresh.read_index = false;
    const auto expected = maildir.scan(afresh);
    REQUIRE(file_names(*scanned) == file_names(*expected));
    CHECK(uidls(*scanned) == uidls(*expected));
    bool same = true;
    for (std::uint32_t i = 0; i < expected->count(); ++i)
        same = same && scanned->octets(i) == expected->octets(i) &&
               scanned->stored_size(i) == expected->stored_size(i) && scanned->mtime_ns(i) == expected->mtime_ns(i) &&
               scanned->inode(i) == expected->inode(i);
    CHECK(same);
}

TEST_CASE("an index damaged in any octet is ignored") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "a\n");
    maildir.put("cur/2 b:2,S", "bb\n");
    maildir.rest();
    const std::string right{maildir.scan()->bytes()};
    const std::string index = maildir.content(index_file_name);
    REQUIRE(index == right);
    for (std::size_t at = 0; at < index.size(); ++at) {
        std::string damaged = index;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
        REQUIRE_FALSE(test::snapshot_of(damaged).ok());
        if (at % 8 != 0) continue;
        maildir.put(index_file_name, damaged);
        REQUIRE(maildir.scan()->bytes() == right);
    }
    for (std::size_t size = 0; size < index.size(); ++size) {
        REQUIRE_FALSE(test::snapshot_of(index.substr(0, size)).ok());
        if (size % 32 != 0) continue;
        maildir.put(index_file_name, index.substr(0, size));
        REQUIRE(maildir.scan()->bytes() == right);
    }
    CHECK_FALSE(test::snapshot_of(index + '\0').ok());
}

TEST_CASE("the index of another maildrop changes nothing") {
    const TestMaildir here, there;
    here.put("new/1.a", "a\n");
    there.put("new/1.a", "another\n");
    there.put("new/2.b", "b\n");
    there.rest();
    there.scan();
    here.put(index_file_name, there.content(index_file_name));
    const auto snapshot = here.scan();
    REQUIRE(snapshot->count() == 1);
    CHECK(snapshot->octets(0) == 3);
}

TEST_CASE("an index that cannot be written or read does not matter") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    std::filesystem::remove(maildir.file("tmp"));
    CHECK(maildir.scan()->count() == 1);
    CHECK_FALSE(maildir.has(index_file_name));
    std::filesystem::create_directory(maildir.file("tmp"));
    std::filesystem::create_directory(maildir.file(index_file_name));
    CHECK(maildir.scan()->count() == 1);
    CHECK(maildir.names("tmp").empty());
    std::filesystem::remove(maildir.file(index_file_name));
    std::filesystem::create_symlink(maildir.file("new/1.a"), maildir.file(index_file_name));
    CHECK(maildir.scan()->count() == 1);
    CHECK(maildir.content("new/1.a") == "x\n");
    CHECK(maildir.scan({.write_index = false})->count() == 1);
}

TEST_CASE("no temporary files are left behind") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    for (int i = 0; i < 3; ++i) {
        maildir.scan();
        maildir.rest();
    }
    CHECK(maildir.names("tmp").empty());
    CHECK(maildir.names("") == std::set<std::string>{"cur", "new", "tmp", index_file_name, "buzon-uidl"});
}

TEST_CASE("while another program moves and flags messages, no scan lists a message twice") {
    const TestMaildir maildir;
    for (int i = 0; i < 300; ++i) maildir.put("new/" + std::to_string(1000 + i) + ".x");
    std::atomic<bool> stop{false};
    std::thread other{[&] {
        // Moves each message from new to cur, then keeps changing its flags.
        for (unsigned round = 0; !stop; ++round)
            for (int i = 0; i < 300 && !stop; ++i) {
                const std::string base = std::to_string(1000 + i) + ".x";
                static const char* const flags[] = {":2,", ":2,S", ":2,FS"};
                const std::string from = round == 0 ? "new/" + base : "cur/" + base + flags[(round + 2) % 3];
                std::error_code ignored;
                std::filesystem::rename(maildir.file(from), maildir.file("cur/" + base + flags[round % 3]), ignored);
                std::this_thread::sleep_for(std::chrono::microseconds(200));
            }
    }};
    for (int round = 0; round < 30; ++round) {
        const auto snapshot = maildir.scan();
        std::set<std::string_view> unique;
        for (std::uint32_t i = 0; i < snapshot->count(); ++i) CHECK(unique.insert(snapshot->base_name(i)).second);
    }
    stop = true;
    other.join();
    CHECK(maildir.scan()->count() == 300);
}

TEST_CASE("a message that another program renames while it is being measured is listed under its new name") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "cur/3.c:2,"}) maildir.put(name);
    faults::before("openat", "2.b", [&] { maildir.rename("new/2.b", "cur/2.b:2,S"); });
    const auto first = maildir.scan();
    CHECK(faults::struck());
    CHECK(file_names(*first) == Names{"new/1.a", "cur/2.b:2,S", "cur/3.c:2,"});
    CHECK(first->octets(1) == 3);
    // The same with an index, which knows all messages but one.
    REQUIRE(maildir.has(index_file_name));
    maildir.put("new/4.d");
    faults::before("fstatat", "3.c:2,", [&] { maildir.rename("cur/3.c:2,", "cur/3.c:2,F"); });
    const auto second = maildir.scan();
    CHECK(faults::struck());
    CHECK(file_names(*second) == Names{"new/1.a", "cur/2.b:2,S", "cur/3.c:2,F", "new/4.d"});
    CHECK(uidls(*second) == Names{"1.a", "2.b", "3.c", "4.d"});
    CHECK(second->octets(2) == 3);
    maildir.put("new/5.e");
    faults::before("openat", "5.e", [&] { maildir.rename("new/5.e", "cur/5.e:2,"); });
    CHECK(file_names(*maildir.scan()).back() == "cur/5.e:2,");
    CHECK(faults::struck());
    // One that is removed meanwhile is gone.
    faults::before("fstatat", "1.a", [&] { std::filesystem::remove(maildir.file("new/1.a")); });
    CHECK(uidls(*maildir.scan()) == Names{"2.b", "3.c", "4.d", "5.e"});
    CHECK(faults::struck());
}

TEST_CASE("with names of every length, none is lost between two reads of a directory") {
    // Each read takes 32 KiB: some 120 names of 250 octets.
    const TestMaildir maildir;
    std::size_t count = 0;
    for (const std::size_t longest : {std::size_t{250}, std::size_t{17}, std::size_t{249}, std::size_t{100}}) {
        for (int i = 0; i < 130; ++i, ++count) {
            std::string name = "cur/" + std::to_string(1'000'000 + count) + ".x";
            name.append(longest - name.size() + 4 - static_cast<std::size_t>(i) % 8, 'y');
            maildir.put(name);
        }
        const auto snapshot = maildir.scan();
        REQUIRE(snapshot->count() == count);
        std::set<std::string_view> unique;
        for (std::uint32_t i = 0; i < snapshot->count(); ++i) CHECK(unique.insert(snapshot->base_name(i)).second);
    }
}

TEST_CASE("a Maildir is created with its parents, and creating it again does no harm") {
    const TestMaildir maildir;
    const std::string deep = maildir.file("a/b/user");
    CHECK_FALSE(create_maildir(deep));
    CHECK_FALSE(create_maildir(deep));
    for (const char* part : {"", "/cur", "/new", "/tmp"}) {
        struct stat about {};
        REQUIRE(::stat((deep + part).c_str(), &about) == 0);
        CHECK(S_ISDIR(about.st_mode));
        CHECK((about.st_mode & 0777) == 0700);
    }
    std::filesystem::remove(deep + "/new");
    CHECK_FALSE(create_maildir(deep)); // creates the missing folder
    CHECK(std::filesystem::is_directory(deep + "/new"));
    CHECK(create_maildir(maildir.file("c/user"), AT_FDCWD, false).value() == ENOENT);
    CHECK_FALSE(std::filesystem::exists(maildir.file("c")));
    CHECK_FALSE(create_maildir(maildir.file("a/other"), AT_FDCWD, false));
    maildir.put("file");
    CHECK(create_maildir(maildir.file("file/user")).value() == ENOTDIR);
    CHECK(create_maildir(maildir.file("file")).value() != 0);
}
