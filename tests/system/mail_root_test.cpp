// system/mail_root_test.cpp - a mail root that disappears and comes back, and one on a full disk.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* small_mail = "Subject: x\n\n1\n";
constexpr const char* no_root = "-ERR [SYS/TEMP] Mail service unavailable for this maildrop, try again later";

// Users whose maildrops are created at their first login.
Server::Setup three_users(const std::string& root, Words more = {}) {
    Server::Setup setup;
    setup.arguments = {"-d", root, "-u", "user1:pass1", "-u", "user2:pass2", "-u", "user3:pass3"};
    setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
    setup.own_root = true;
    return setup;
}

std::string reply_to_login(const Server& server, int user) {
    Pop3Client client = server.client();
    (void)client.command("USER user" + std::to_string(user));
    const std::string reply = client.command("PASS pass" + std::to_string(user));
    if (reply.starts_with("+OK")) client.quit();
    return reply;
}

// In-memory file systems, in the test's own mount namespace.
class Mounts {
public:
    Mounts() {
        allowed_ = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    }
    ~Mounts() {
        for (const std::string& directory : mounted_) ::umount2(directory.c_str(), MNT_DETACH);
    }
    Mounts(const Mounts&) = delete;
    Mounts& operator=(const Mounts&) = delete;

    [[nodiscard]] bool mount(const std::string& directory, const char* options = "size=4m") {
        if (!allowed_ || ::mount("none", directory.c_str(), "tmpfs", 0, options) != 0) {
            WARN("this user may not mount a file system: nothing was tried");
            return false;
        }
        mounted_.push_back(directory);
        return true;
    }
    void unmount(const std::string& directory) {
        REQUIRE(::umount2(directory.c_str(), MNT_DETACH) == 0);
        mounted_.erase(std::find(mounted_.begin(), mounted_.end(), directory));
    }

private:
    bool allowed_ = false;
    std::vector<std::string> mounted_;
};

// The number of descriptors that the server has open below `directory`.
std::size_t open_below(pid_t server, const std::string& directory) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(server) + "/fd"}) {
        std::error_code gone;
        if (fs::read_symlink(entry, gone).string().starts_with(directory)) ++count;
    }
    return count;
}

bool empty_directory(const std::string& directory) {
    return fs::is_empty(directory);
}

std::size_t occurrences(const std::string& what, const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

} // namespace

TEST_CASE("logins to a replaced mail root get SYS/TEMP and create nothing; once it is back, it is used again") {
    const TempDirectory place;
    const std::string root = place / "mail", elsewhere = place / "elsewhere";
    fs::create_directories(root);
    (void)Maildir{root + "/user1"}.deliver("1700000001.M1P1.h", small_mail);
    Server server{three_users(root)};
    CHECK(reply_to_login(server, 1).starts_with("+OK"));
    Pop3Client before = server.session(2);

    fs::rename(root, elsewhere); // nothing is left at its path
    for (const int user : {1, 2, 3, 1}) CHECK(reply_to_login(server, user) == no_root);
    CHECK_FALSE(fs::exists(root));
    CHECK(open_below(server.reactor(), elsewhere) == 0); // its lock files have been closed

    fs::create_directory(root); // like the mount point of an unmounted file system
    for (const int user : {1, 2, 3, 1}) CHECK(reply_to_login(server, user) == no_root);
    CHECK(empty_directory(root));
    CHECK(occurrences(root + " is not the same mail root as before", server.log()) == 1);
    ManagementClient manager = server.manager();
    CHECK(manager.command("FREE user1").starts_with("-ERR"));
    CHECK(empty_directory(root));

    fs::remove(root);
    fs::rename(elsewhere, root);
    CHECK(reply_to_login(server, 1).starts_with("+OK")); // the very first login, without a pause
    CHECK(server.session(1).command("STAT") == "+OK 1 17");
    CHECK(occurrences(root + " is back in use", server.log()) == 1);
    // The session from before still holds its maildrop, for this server and for others.
    CHECK(reply_to_login(server, 2).starts_with("-ERR [IN-USE]"));
    Server other{three_users(root)};
    CHECK(reply_to_login(other, 2).starts_with("-ERR [IN-USE]"));
    before.quit();
    CHECK(reply_to_login(other, 2).starts_with("+OK"));
    CHECK(reply_to_login(server, 3).starts_with("+OK"));
}

TEST_CASE("another mail root is used as soon as it contains a buzon-locks directory") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Server server{three_users(root)};
    CHECK(reply_to_login(server, 1).starts_with("+OK"));
    fs::rename(root, place / "elsewhere");
    fs::create_directories(root + "/user1/new");
    CHECK(reply_to_login(server, 1) == no_root);
    CHECK_FALSE(fs::exists(root + "/user1/cur"));
    fs::create_directory(root + "/buzon-locks");
    (void)Maildir{root + "/user1"}.deliver("1700000001.M1P1.h", small_mail);
    CHECK(server.session(1).command("STAT") == "+OK 1 17");
    // Another server on that root uses the same locks.
    Pop3Client held = server.session(2);
    Server other{three_users(root)};
    CHECK(reply_to_login(other, 2).starts_with("-ERR [IN-USE]"));
}

TEST_CASE("lock files that were removed, and recreated by another server, are opened again") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Server server{three_users(root)};
    Pop3Client held = server.session(1);
    fs::remove_all(root + "/buzon-locks");
    Server other{three_users(root)}; // recreates them
    CHECK(reply_to_login(server, 2).starts_with("+OK"));
    CHECK(reply_to_login(other, 1).starts_with("-ERR [IN-USE]")); // locked again in the new files
    Pop3Client second = other.session(3);
    CHECK(reply_to_login(server, 3).starts_with("-ERR [IN-USE]"));
}

TEST_CASE("an unmounted mail root never looks like empty maildrops; a new mount is used once it has buzon-locks") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Mounts mounts;
    if (!mounts.mount(root)) return;
    (void)Maildir{root + "/user1"}.deliver("1700000001.M1P1.h", small_mail);
    Server server{three_users(root)};
    CHECK(server.session(1).command("STAT") == "+OK 1 17");
    mounts.unmount(root);
    for (const int user : {1, 2, 1, 3}) CHECK(reply_to_login(server, user) == no_root);
    CHECK(empty_directory(root));
    CHECK(open_below(server.reactor(), root) == 0);
    // A new mount without buzon-locks: not the same mail root.
    REQUIRE(mounts.mount(root));
    CHECK(reply_to_login(server, 1) == no_root);
    CHECK(empty_directory(root));
    fs::create_directory(root + "/buzon-locks");
    (void)Maildir{root + "/user1"}.deliver("1700000002.M1P1.h", small_mail);
    CHECK(server.session(1).command("STAT") == "+OK 1 17");
    CHECK(reply_to_login(server, 2).starts_with("+OK"));
    CHECK(occurrences("is not the same mail root as before", server.log()) == 1);
    CHECK(occurrences("is back in use", server.log()) == 1);
    mounts.unmount(root);
    CHECK(reply_to_login(server, 1) == no_root); // and once more
}

TEST_CASE("DIRR to the current mail root keeps its sessions' locks, even after the directory has been replaced") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Server server{three_users(root, {"-a", "root:s3cr3t"})};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    Pop3Client held = server.session(1);
    CHECK(manager.command("DIRR " + root).starts_with("+OK"));
    CHECK(reply_to_login(server, 1).starts_with("-ERR [IN-USE]"));
    fs::rename(root, place / "elsewhere");
    CHECK(reply_to_login(server, 2) == no_root);
    CHECK(manager.command("DIRR " + root) == "-ERR " + root + ": No such file or directory");
    fs::create_directories(root);
    CHECK(reply_to_login(server, 2) == no_root);
    CHECK(manager.command("DIRR " + root).starts_with("+OK")); // the operator says that this is the one
    CHECK(reply_to_login(server, 2).starts_with("+OK"));
    CHECK(reply_to_login(server, 1).starts_with("-ERR [IN-USE]"));
    Server other{three_users(root)};
    CHECK(reply_to_login(other, 1).starts_with("-ERR [IN-USE]"));
    held.quit();
    CHECK(reply_to_login(other, 1).starts_with("+OK"));
}

TEST_CASE("USER ADD creates no Maildir below a mail root that has been replaced") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Server server{three_users(root, {"-a", "root:s3cr3t"})};
    fs::rename(root, place / "elsewhere");
    fs::create_directories(root);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(manager.command("USER ADD eva e") ==
          "-ERR added, but " + root + "/eva cannot be made: the mail root is not the same directory as before");
    CHECK(empty_directory(root));
}

TEST_CASE("a server starts on a disk too full for its lock files, and creates them when there is room") {
    const TempDirectory place;
    const std::string root = place / "mail";
    fs::create_directories(root);
    Mounts mounts;
    if (!mounts.mount(root, "size=64k,nr_inodes=24")) return;
    const Maildir maildir{root + "/user1"};
    (void)maildir.deliver("1700000001.M1P1.h", small_mail);
    const auto filler = [&](int i) { return root + "/filler" + std::to_string(i); };
    int fillers = 0;
    while (std::ofstream{filler(fillers)}) ++fillers; // no room for another file or directory
    REQUIRE(fillers > 0);

    Server server{three_users(root)};
    CHECK(server.logs("/buzon-locks cannot be made: No space left on device"));
    Pop3Client session = server.session(1);
    CHECK(reply_to_login(server, 1).starts_with("-ERR [IN-USE]")); // between this server's own sessions
    CHECK(session.retrieve(1) == "Subject: x\r\n\r\n1\r\n");
    CHECK(session.command("DELE 1").starts_with("+OK"));
    session.quit();
    CHECK(maildir.messages().empty());
    CHECK_FALSE(fs::exists(root + "/buzon-locks/31"));

    Pop3Client held = server.session(1);
    for (int i = 0; i < fillers; ++i) fs::remove(filler(i));
    REQUIRE(::mount("none", root.c_str(), nullptr, MS_REMOUNT, "size=4m,nr_inodes=1000") == 0);
    CHECK(server.logs("/buzon-locks was created: locks now work between servers"));
    Server other{three_users(root)};
    CHECK(reply_to_login(other, 1).starts_with("-ERR [IN-USE]")); // even the lock taken before there were files
    held.quit();
    CHECK(reply_to_login(other, 1).starts_with("+OK"));
}

TEST_CASE("a Maildir outside the mail root is not created if its parent folder is missing: the disk may be, too") {
    const TempDirectory place;
    fs::create_directory(place / "mail");
    const std::string home = place / "home/ana";
    Server::Setup setup;
    setup.arguments = {"-a",           "root:s3cr3t", "-d",
                       place / "mail", "--users",     place.file("users", "ana:{PLAIN}a::::" + home + "::\n", 0600)};
    setup.own_root = true;
    const Server server{setup};
    const auto reply = [&] {
        Pop3Client client = server.client();
        (void)client.command("USER ana");
        return client.command("PASS a");
    };
    CHECK(reply() == no_root);
    CHECK_FALSE(fs::exists(place / "home"));
    CHECK(server.logs(home + "/Maildir: No such file or directory"));
    fs::create_directories(home);
    CHECK(reply().starts_with("+OK"));
    CHECK(fs::is_directory(home + "/Maildir/cur"));
    // It disappears: no other Maildir is created in its place.
    fs::rename(place / "home", place / "away");
    CHECK(reply() == no_root);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(manager.command("FREE ana") == "-ERR No such device"); // there may be something to do when it is back
    CHECK_FALSE(fs::exists(place / "home"));
    fs::rename(place / "away", place / "home");
    CHECK(reply().starts_with("+OK"));
    CHECK(manager.command("FREE ana").starts_with("+OK"));
}

TEST_CASE("on DIRR, SAVE and SIGHUP, only workers access the mail root and the files, never the reactor") {
    const TempDirectory place;
    const std::string root = place / "mail", second = place / "second", third = place / "third";
    for (const std::string& one : {root, second, third}) fs::create_directories(one);
    const std::string users = place.file("users", "ana:{PLAIN}a\n"), more = place.file("more", "bea:{PLAIN}b\n");
    const std::string config = place.file("config", "path = " + root + "\nusers = " + users + "\n");
    Server::Setup setup;
    setup.arguments = {"--config", config, "-a", "root:s3cr3t"};
    setup.own_root = true;
    Server server{setup};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");

    const std::string trace = place / "trace";
    // Traces only the reactor: children are not followed.
    Process strace{{.argv = {"strace", "-e", "trace=%file", "-o", trace, "-p", std::to_string(server.reactor())}}};
    REQUIRE(eventually([&] { return is_traced(server.reactor()) || !strace.running(); }));
    REQUIRE(strace.running());

    CHECK(manager.command("DIRR " + second) == "+OK " + second);
    CHECK(manager.command("DIRR " + root) == "+OK " + root);
    CHECK(manager.command("DIRR " + (place / "none")).starts_with("-ERR"));
    CHECK(manager.command("SAVE").starts_with("+OK"));
    place.file("config", "path = " + third + "\nusers = " + more + "\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return manager.ask("DIRR") == third; }));
    // The new users file is watched, too.
    place.file("more", "eva:{PLAIN}e\n");
    CHECK(eventually([&] { return manager.many("USER LIST").find("eva") != std::string::npos; }));

    strace.signal(SIGINT);
    REQUIRE(strace.wait());
    const std::string calls = read_whole(trace);
    INFO(calls);
    CHECK(occurrences(place.path().string(), calls) == 0);
}
