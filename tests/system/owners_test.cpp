// system/owners_test.cpp - a server started by root reads and changes each maildrop as its owner (--run-as).
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "server.h"
#include "support/catch.h"
#include "support/programs.h"
#include "worker_processes.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t roots_owner = 41000, ana = 41001, bob = 41002, dan = 41004;

// Runs `work` in another process as this user. Whether it succeeded.
bool as_user(uid_t who, auto work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const bool became = ::setgroups(0, nullptr) == 0 && ::setgid(who) == 0 && ::setuid(who) == 0;
        ::_exit(became && work() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(pid, &status, 0);
    return status == 0;
}

void give(const fs::path& path, uid_t owner) {
    REQUIRE(::lchown(path.c_str(), owner, owner) == 0);
    if (!fs::is_directory(fs::symlink_status(path))) return;
    for (const auto& one : fs::recursive_directory_iterator(path))
        REQUIRE(::lchown(one.path().c_str(), owner, owner) == 0);
}

// Whether `path` and everything below it has this owner.
bool all_of(const fs::path& path, uid_t owner) {
    const auto is_his = [&](const fs::path& one) {
        struct stat about {};
        const bool his = ::lstat(one.c_str(), &about) == 0 && about.st_uid == owner && about.st_gid == owner;
        if (!his) WARN(one.string());
        return his;
    };
    bool all = is_his(path);
    for (const auto& one : fs::recursive_directory_iterator(path)) all = is_his(one.path()) && all;
    return all;
}

// Users of three uids, each with a home or a Maildir of mode 0700, and two users without a Maildir.
struct Site {
    TempDirectory directory;
    std::string root = directory / "mail";
    std::string home = directory / "home";
    Server server;

    Site() : server{made()} {}

    Server::Setup made() {
        fs::permissions(directory.path(), fs::perms{0755});
        for (const std::string& path : {root, home, home + "/ana"}) fs::create_directory(path);
        REQUIRE(::chown(root.c_str(), roots_owner, roots_owner) == 0);
        fs::permissions(root, fs::perms{0711});
        fs::permissions(home, fs::perms{0755});
        (void)maildir("ana").deliver("1700000001.M1P1.h", "Subject: one\n\nana's\n");
        (void)maildir("bob").deliver("1700000001.M1P1.h", "Subject: one\n\nbob's\n");
        (void)maildir("cleo").deliver("1700000001.M1P1.h", "Subject: one\n\ncleo's\n");
        give(home + "/ana", ana);
        give(root + "/bob", bob);
        give(root + "/cleo", roots_owner);
        for (const std::string& path : {home + "/ana", root + "/bob", root + "/cleo"})
            fs::permissions(path, fs::perms{0700});
        const std::string users = "ana:{PLAIN}x:41001:41001::" + home +
                                  "/ana:\nbob:{PLAIN}x\ncleo:{PLAIN}x\ndan:{PLAIN}x:41004:41004\nzoe:{PLAIN}x\n";
        return {.arguments = {"-d", root, "--users", directory.file("users", users), "--run-as", "nobody", "-a",
                              "root:s3cr3t", "--undelete-grace", "7"},
                .own_root = true};
    }

    [[nodiscard]] fs::path place_of(const std::string& user) const {
        return user == "ana" ? fs::path{home} / "ana" / "Maildir" : fs::path{root} / user;
    }
    [[nodiscard]] Maildir maildir(const std::string& user) const { return Maildir{place_of(user)}; }
    [[nodiscard]] Pop3Client session(const std::string& user) const {
        Pop3Client client = server.client();
        client.login(user, "x");
        return client;
    }
};

struct Owned {
    std::string user;
    uid_t uid;
};
const std::vector<Owned> with_mail = {{"ana", ana}, {"bob", bob}, {"cleo", roots_owner}};

} // namespace

TEST_CASE("mail is read, moved, deleted and restored as its owner, alongside the owner's delivery agent") {
    if (::geteuid() != 0) return; // only root can act as other users
    const Site site;
    for (const Owned& one : with_mail) {
        const std::string user = one.user;
        const uid_t uid = one.uid;
        CAPTURE(user);
        const fs::path place = site.place_of(user);
        {
            Pop3Client client = site.session(user);
            CHECK(client.retrieve(1) == "Subject: one\r\n\r\n" + user + "'s\r\n");
            client.quit();
        }
        CHECK(site.maildir(user).messages() == std::vector<std::string>{"cur/1700000001.M1P1.h:2,S"});
        // The agent delivers and flags; each side sees what the other has done.
        CHECK(as_user(uid, [&] {
            (void)site.maildir(user).deliver("1700000002.M2P2.h", "Subject: two\n\nagain\n");
            site.maildir(user).flag("1700000001.M1P1.h", "FS");
            return true;
        }));
        {
            Pop3Client client = site.session(user);
            CHECK(client.command("STAT").starts_with("+OK 2 "));
            CHECK(client.retrieve(2) == "Subject: two\r\n\r\nagain\r\n");
            CHECK(client.command("DELE 2").starts_with("+OK"));
            client.quit();
        }
        CHECK_FALSE(site.maildir(user).has("1700000002.M2P2.h"));
        CHECK(all_of(place, uid));
        ManagementClient manager = site.server.manager();
        CHECK(manager.ask("AUTH root s3cr3t") != "");
        CHECK(manager.ask("UNDL " + user) == "1");
        CHECK(site.maildir(user).has("1700000002.M2P2.h"));
        CHECK(all_of(place, uid));
        CHECK(as_user(uid, [&] {
            site.maildir(user).remove("1700000002.M2P2.h");
            return fs::remove_all(place / "buzon-trash") > 0 && fs::remove(place / "buzon-index");
        }));
        Pop3Client client = site.session(user);
        CHECK(client.command("STAT").starts_with("+OK 1 "));
    }
}

TEST_CASE("Dovecot's IMAP and our server share an owner's maildrop, and each sees the other's changes") {
    if (::geteuid() != 0) return;
    const Site site;
    for (const Owned& one : with_mail) {
        CAPTURE(one.user);
        const auto imap = [&](const std::string& commands) {
            const std::string id = std::to_string(one.uid), place = site.place_of(one.user).string();
            Launch launch;
            launch.argv = {"/usr/bin/setpriv",      "--reuid", id, "--regid", id, "--clear-groups",
                           "/usr/lib/dovecot/imap", "-O"}; // no config file
            for (const std::string& setting :
                 {"mail_location=maildir:" + place, std::string{"first_valid_uid=1"}, std::string{"first_valid_gid=1"},
                  std::string{"log_path=/dev/stderr"}, "base_dir=" + place + "/run"}) {
                launch.argv.push_back("-o");
                launch.argv.push_back(setting);
            }
            launch.environment = {{"USER", one.user}, {"HOME", place}};
            const Finished finished = run(launch, commands + "z LOGOUT\r\n");
            INFO(finished.out << finished.err);
            REQUIRE(finished.code == 0);
            REQUIRE(finished.out.find("z OK") != std::string::npos);
            return finished.out;
        };
        {
            Pop3Client client = site.session(one.user);
            CHECK(client.command("STAT").starts_with("+OK 1 "));
            CHECK(imap("a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Flagged)\r\nc APPEND INBOX {20+}\r\nSubject: "
                       "two\r\n\r\nx\r\n\r\n")
                      .find("* 1 FETCH (FLAGS (\\Flagged") != std::string::npos);
            CHECK(client.retrieve(1) == "Subject: one\r\n\r\n" + one.user + "'s\r\n");
            client.quit();
        }
        {
            Pop3Client client = site.session(one.user);
            CHECK(client.command("STAT").starts_with("+OK 2 "));
            CHECK(client.retrieve(2) == "Subject: two\r\n\r\nx\r\n");
            CHECK(client.command("DELE 1").starts_with("+OK"));
            client.quit();
        }
        // Dovecot still has its flags, wherever it keeps them, and has lost nothing.
        const std::string left = imap("a SELECT INBOX\r\nb FETCH 1 (FLAGS BODY[HEADER.FIELDS (SUBJECT)])\r\n");
        CHECK(left.find("* 1 EXISTS") != std::string::npos);
        CHECK(left.find("Subject: two") != std::string::npos);
        CHECK(left.find("\\Seen") != std::string::npos);
        CHECK(all_of(site.place_of(one.user), one.uid));
    }
}

TEST_CASE("a compromised worker of one owner cannot reach other owners' mail, even without a sandbox") {
    if (::geteuid() != 0) return;
    for (const std::string mode : {"require", "off"}) {
        CAPTURE(mode);
        const TempDirectory directory;
        fs::permissions(directory.path(), fs::perms{0755});
        const std::string root = directory / "mail", own = root + "/ana", other = root + "/bob";
        for (const auto& [maildir, uid] : {std::pair{own, ana}, std::pair{other, bob}}) {
            (void)Maildir{maildir}.deliver("1700000001.M1P1.h", "Subject: one\n\nx\n");
            for (const char* const file : {"/cur/letter", "/tmp/rubbish"}) std::ofstream{maildir + file} << "x\n";
            give(maildir, uid);
            fs::permissions(maildir, fs::perms{0700});
        }
        fs::permissions(root, fs::perms{0711});
        const std::string users = "ana:{PLAIN}x:41001:41001\nbob:{PLAIN}x:41002:41002\n";
        const Server server{Server::Setup{
            .arguments = {"-d", root, "--users", directory.file("users", users), "--run-as", "nobody", "--sandbox",
                          mode},
            .program = probe_program(),
            .environment = {{"BUZON_PROBE_ONLY", "mail"}, {"BUZON_PROBE_OWN", own}, {"BUZON_PROBE_OTHER", other}},
            .own_root = true}};
        Pop3Client client = server.client();
        (void)client.command("USER ana");
        CHECK(client.command("PASS x").starts_with("-ERR")); // her worker did something else
        const std::string log = server.log();
        CAPTURE(log);
        for (const char* const act : {"read-other-mail", "list-other-mail", "write-other-mail", "make-in-other-mail",
                                      "remove-other-mail", "chmod-other-mail", "link-other-mail"}) {
            CAPTURE(act);
            CHECK(log.find(std::string{act} + ' ') != std::string::npos);
            CHECK(log.find(std::string{act} + " yes") == std::string::npos);
            CHECK(log.find(std::string{act} + " 2\n") == std::string::npos); // a missing file would prove nothing
        }
        CHECK((log.find("read-passwd yes") != std::string::npos) == (mode == "off"));
        CHECK(fs::exists(other + "/tmp/rubbish"));
    }
}

TEST_CASE("filter programs run as the mail's owner, with none of root's groups or capabilities") {
    if (::geteuid() != 0) return;
    const Site site;
    ManagementClient manager = site.server.manager();
    CHECK(manager.ask("AUTH root s3cr3t") != "");
    const std::string about = "/bin/sh -c 'id -u; id -g; id -G; grep ^CapEff: /proc/self/status'";
    for (const Owned& one : with_mail) {
        CAPTURE(one.user);
        const std::string id = std::to_string(one.uid);
        CHECK(manager.command("TRAN FOR " + one.user + ' ' + about).starts_with("+OK"));
        const std::string said = site.session(one.user).retrieve(1);
        CHECK(said.starts_with(id + "\r\n" + id + "\r\n" + id + "\r\nCapEff:\t0000000000000000\r\n"));
    }
    // One uid for all, with --transform-user.
    const Server server{0, {"-u", "ana:x", "--transform-user", "nobody", "-T", "/bin/sh -c 'id -u; id -G'"}};
    (void)server.maildir("ana").deliver("1700000001.M1P1.h", "x\n");
    Pop3Client client = server.client();
    client.login("ana", "x");
    CHECK(client.retrieve(1) == "65534\r\n65534\r\n");
}

TEST_CASE("a new Maildir belongs to the uid in the users file, else to the owner of the mail root") {
    if (::geteuid() != 0) return;
    const Site site;
    for (const auto& [user, uid] : std::vector<Owned>{{"dan", dan}, {"zoe", roots_owner}}) {
        CAPTURE(user);
        Pop3Client client = site.session(user);
        CHECK(client.command("STAT") == "+OK 0 0");
        CHECK(all_of(site.place_of(user), uid));
        CHECK((fs::status(site.place_of(user)).permissions() & fs::perms{077}) == fs::perms::none);
    }
}

TEST_CASE("a Maildir that has been removed is made again, also for a user whose line in the users file gives no uid") {
    if (::geteuid() != 0) return;
    const Site site;
    for (const char* const user : {"bob", "dan"}) {
        CAPTURE(user);
        site.session(user).quit();
        CHECK(all_of(site.place_of(user), user == std::string{"bob"} ? bob : dan));
        CHECK(eventually([&] { // the server may still be writing there
            std::error_code why;
            fs::remove_all(site.place_of(user), why);
            return !why;
        }));
        Pop3Client client = site.session(user);
        CHECK(client.command("STAT") == "+OK 0 0");
        client.quit();
        CHECK(all_of(site.place_of(user), user == std::string{"bob"} ? roots_owner : dan));
    }
}

TEST_CASE("a user with a gid alone gets a Maildir of the mail root's owner and that group") {
    if (::geteuid() != 0) return;
    const TempDirectory directory;
    fs::permissions(directory.path(), fs::perms{0755});
    const std::string root = directory / "mail";
    fs::create_directory(root);
    REQUIRE(::chown(root.c_str(), roots_owner, roots_owner) == 0);
    fs::permissions(root, fs::perms{0711});
    const std::string users = directory.file("users", "eva:{PLAIN}x::41005\n");
    const Server server{
        Server::Setup{.arguments = {"-d", root, "--users", users, "--run-as", "nobody"}, .own_root = true}};
    Pop3Client client = server.client();
    client.login("eva", "x");
    CHECK(client.command("STAT") == "+OK 0 0");
    struct stat about {};
    REQUIRE(::lstat((root + "/eva").c_str(), &about) == 0);
    CHECK(about.st_uid == roots_owner);
    CHECK(about.st_gid == 41005);
}

TEST_CASE("a mail worker runs as its maildrop's owner, without other rights, and serves no other owner") {
    if (::geteuid() != 0) return;
    const Site site;
    std::vector<Pop3Client> sessions;
    for (const auto& [user, uid] : with_mail) sessions.push_back(site.session(user));
    std::set<std::string> seen;
    for (const fs::path& worker : workers_of(site.server)) {
        const std::string ids = status_of(worker, "Uid"), groups = status_of(worker, "Gid");
        const std::string uid = ids.substr(0, ids.find('\t'));
        CAPTURE(words_of(worker));
        CHECK(ids == uid + '\t' + uid + '\t' + uid + '\t' + uid);
        CHECK(groups == ids);
        CHECK(status_of(worker, "Groups").find_first_not_of(" \t") == std::string::npos);
        for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
            CHECK(status_of(worker, set) == "0000000000000000");
        CHECK(status_of(worker, "NoNewPrivs") == "1");
        const std::string words = words_of(worker);
        // The cleanup of old deleted mail may have started dan's worker.
        const std::string place = uid == std::to_string(dan)   ? site.place_of("dan").string() + " alone"
                                  : uid == std::to_string(ana) ? site.place_of("ana").string() + " alone"
                                  : uid == std::to_string(bob) ? site.place_of("bob").string() + " alone"
                                                               : site.root + " shared";
        CHECK(words.find("w:" + place) != words.npos);
        seen.insert(uid);
    }
    seen.erase(std::to_string(dan));
    CHECK(seen == std::set{std::to_string(ana), std::to_string(bob), std::to_string(roots_owner)});
}

TEST_CASE("a user's link in place of the Maildir leads to nobody else's mail; a link made by root is followed") {
    if (::geteuid() != 0) return;
    const Site site;
    // bob may do as he likes with his own files, but a link of his must not open other mail.
    fs::remove_all(site.place_of("bob"));
    fs::create_symlink(site.place_of("ana"), site.place_of("bob"));
    give(site.place_of("bob"), bob);
    {
        Pop3Client client = site.server.client();
        CHECK(client.command("USER bob").starts_with("+OK"));
        CHECK(client.command("PASS x").starts_with("-ERR [SYS/PERM]"));
    }
    CHECK(site.maildir("ana").messages() == std::vector<std::string>{"new/1700000001.M1P1.h"});
    CHECK_FALSE(fs::exists(site.place_of("ana") / "buzon-index"));
    // The same link, owned by root, is the operator's decision.
    REQUIRE(::lchown(site.place_of("bob").c_str(), 0, 0) == 0);
    CHECK(site.session("bob").retrieve(1) == "Subject: one\r\n\r\nana's\r\n");
    CHECK(all_of(site.place_of("ana"), ana));
}

TEST_CASE("a maildrop owned by root is served without root's capabilities") {
    if (::geteuid() != 0) return;
    const Site site;
    (void)site.maildir("zoe").deliver("1700000001.M1P1.h", "Subject: one\n\nroot's\n");
    const fs::path secret = site.place_of("zoe") / "new" / "1700000002.M2P1.h";
    std::ofstream{secret} << "Subject: two\n\nana's\n";
    fs::permissions(secret, fs::perms{0600});
    REQUIRE(::chown(secret.c_str(), ana, ana) == 0);
    Pop3Client client = site.session("zoe");
    // A message that only root's capabilities could read is left out.
    CHECK(client.command("STAT").starts_with("+OK 1 "));
    CHECK(client.retrieve(1) == "Subject: one\r\n\r\nroot's\r\n");
    client.quit();
    CHECK(site.maildir("zoe").messages() ==
          std::vector<std::string>{"cur/1700000001.M1P1.h:2,S", "new/1700000002.M2P1.h"});
}
