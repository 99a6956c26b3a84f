// system/neighbours_test.cpp - programs that run alongside the server on the same machine: Postfix delivers into its
// Maildirs, Dovecot's IMAP changes them, logrotate renames its log.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

namespace fs = std::filesystem;

// The owner of the mail if the test runs as root: neither Postfix nor Dovecot delivers as root.
constexpr uid_t another_uid = 65534;

void give_to_somebody(const fs::path& path) {
    if (::geteuid() != 0) return;
    REQUIRE(::lchown(path.c_str(), another_uid, another_uid) == 0);
    for (const auto& entry : fs::recursive_directory_iterator{path})
        REQUIRE(::lchown(entry.path().c_str(), another_uid, another_uid) == 0);
}

// Postfix with its own configuration, queue and port.
class Postfix {
public:
    // Mail for NAME@example.org goes to the Maildir MAIL/NAME, for each of these names.
    Postfix(const std::string& mail, const Words& names) {
        fs::permissions(directory_.path(), fs::perms{0755});
        const std::string programs = source_directory() + "/build/postfix/usr" /* by tests/packages */,
                          etc = directory_ / "etc";
        for (const char* part : {"etc", "queue", "data"}) fs::create_directory(directory_ / part);
        give("data", 0700);
        for (const char* part : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
                                 "private", "saved", "trace"})
            give(std::string{"queue/"} + part, 0700);
        for (const char* part : {"public", "maildrop"}) give(std::string{"queue/"} + part, 0710);
        fs::create_directory(directory_ / "queue/pid");
        (void)directory_.file(
            "etc/main.cf", "compatibility_level = 3.6\nqueue_directory = " + (directory_ / "queue") +
                               "\ndata_directory = " + (directory_ / "data") + "\ndaemon_directory = " + programs +
                               "/lib/postfix/sbin\ncommand_directory = " + programs +
                               "/sbin\nmail_owner = daemon\nsetgid_group = mail\nimport_environment = LD_LIBRARY_PATH "
                               "MAIL_CONFIG\ninet_interfaces = 127.0.0.1\nmyhostname = mail.example.org\nmydestination "
                               "=\nalias_maps =\nmaillog_file = " +
                               log() + "\nmaillog_file_prefixes = " + directory_.path().string() +
                               "\nvirtual_mailbox_domains = example.org\n" + "virtual_mailbox_base = " + mail +
                               "\nvirtual_mailbox_maps = texthash:" + etc +
                               "/mailboxes\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n");
        std::string mailboxes;
        for (const std::string& name : names) mailboxes += name + "@example.org " + name + "/\n";
        (void)directory_.file("etc/mailboxes", mailboxes);
        (void)directory_.file(
            "etc/master.cf",
            "postlog unix-dgram n - n - 1 postlogd\n127.0.0.1:" + std::to_string(port_) +
                " inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
                "rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n"
                "defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nerror unix - - n - - error\n"
                "retry unix - - n - - error\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\n"
                "tlsmgr unix - - n 1000? 1 tlsmgr\nproxymap unix - - n - - proxymap\n");
        Launch launch;
        // The master ends its processes by killing its process group.
        launch.argv = {"setsid", programs + "/lib/postfix/sbin/master", "-c", etc, "-d"};
        launch.environment = {{"LD_LIBRARY_PATH", programs + "/lib/postfix"}, {"MAIL_CONFIG", etc}};
        master_ = std::make_unique<Process>(launch);
    }
    ~Postfix() {
        master_->signal(SIGTERM);
        (void)master_->wait();
    }
    void send(const std::string& name, const std::string& text) const {
        const Finished sent = run({"curl", "-sS", "--max-time", "50", "smtp://127.0.0.1:" + std::to_string(port_),
                                   "--mail-from", "eve@example.net", "--mail-rcpt", name + "@example.org", "-T", "-"},
                                  text);
        CAPTURE(sent.err, read_whole(log()));
        CHECK(sent.code == 0);
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string log() const { return directory_ / "log"; }

private:
    void give(const std::string& part, unsigned mode) const {
        const std::string path = directory_ / part;
        fs::create_directories(path);
        fs::permissions(path, fs::perms{mode});
        REQUIRE(::chown(path.c_str(), 1, 8) == 0); // daemon, mail
    }

    TempDirectory directory_;
    std::uint16_t port_ = free_port();
    std::unique_ptr<Process> master_;
};

// Runs a session with Dovecot's IMAP program as user1, on standard input and output. Returns all its output.
std::string imap(const Maildir& maildir, const Words& commands) {
    give_to_somebody(maildir.path());
    const std::string owner = std::to_string(::geteuid() == 0 ? another_uid : ::geteuid());
    Launch launch;
    launch.argv = {"/usr/lib/dovecot/imap", "-O"}; // no config file
    for (const std::string& setting :
         {"mail_location=maildir:" + maildir.path().string(), std::string{"first_valid_uid=1"},
          std::string{"first_valid_gid=1"}, "mail_uid=" + owner, "mail_gid=" + owner,
          std::string{"log_path=/dev/stderr"}, "base_dir=" + (maildir.path() / "run").string()})
        launch.argv.insert(launch.argv.end(), {"-o", setting});
    launch.environment = {{"USER", "user1"}, {"HOME", maildir.path().string()}};
    std::string input = "a SELECT INBOX\r\n";
    for (const std::string& command : commands) input += "b " + command + "\r\n";
    const Finished said = run(launch, input + "c LOGOUT\r\n");
    CAPTURE(said.out, said.err);
    REQUIRE(said.out.find("c OK") != std::string::npos);
    CHECK(said.out.find("b NO") == std::string::npos);
    CHECK(said.out.find("b BAD") == std::string::npos);
    return said.out;
}

std::string mail_named(const std::string& name) {
    return "Subject: " + name + "\n\n" + name + "\n";
}

} // namespace

TEST_CASE("mail that Postfix delivers before a session is served in it, later mail is served in the next one") {
    if (::geteuid() != 0) return; // Postfix's master runs only as root
    Server server{2};
    fs::permissions(server.directory().path(), fs::perms{0755});
    give_to_somebody(server.root());
    const Postfix postfix{server.root(), {"user1", "user2"}};
    REQUIRE(comes_up(postfix.port()));
    const auto waits = [&](const std::string& user) {
        Pop3Client client = server.client();
        client.login(user, "pass" + user.substr(4));
        const std::string count = client.command("STAT");
        client.quit();
        return count.substr(4, count.rfind(' ') - 4);
    };
    postfix.send("user1", "Subject: one\r\n\r\n.begins with a dot\r\n");
    postfix.send("user2", "Subject: other\r\n\r\nhello\r\n");
    CHECK(eventually([&] { return waits("user1") == "1" && waits("user2") == "1"; }));
    Pop3Client client = server.session();
    const std::string first = client.retrieve(1);
    CHECK(first.find("Delivered-To: user1@example.org\r\n") != std::string::npos);
    CHECK(first.find("\r\nSubject: one\r\n") != std::string::npos);
    CHECK(first.ends_with("\r\n\r\n.begins with a dot\r\n"));
    // Another message arrives during the session: it is not part of it, and stays for the next one.
    postfix.send("user1", "Subject: two\r\n\r\nsecond\r\n");
    CHECK(eventually([&] { return server.maildir("user1").messages().size() == 2; }));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    client.quit();
    CHECK(waits("user1") == "1");
    Pop3Client again = server.session();
    CHECK(again.retrieve(1).ends_with("\r\n\r\nsecond\r\n"));
    again.quit();
    CHECK(waits("user2") == "1");
}

TEST_CASE("Dovecot's IMAP and our POP3 share a Maildir: flags, moves and deletions are seen on both sides") {
    Server server{1};
    fs::permissions(server.directory().path(), fs::perms{0755});
    const Maildir maildir = server.maildir("user1");
    for (const char* name : {"1700000001.M1P1.a", "1700000002.M1P1.b", "1700000003.M1P1.c", "1700000004.M1P1.d"})
        (void)maildir.deliver(name, mail_named(name));
    give_to_somebody(maildir.path());

    Pop3Client session = server.session();
    const std::string ids = session.many("UIDL");
    // During a session, IMAP flags and copies messages: the session's messages stay the same.
    (void)imap(maildir, {"STORE 1 +FLAGS (\\Seen \\Flagged)", "CREATE Old", "COPY 2 Old"});
    CHECK(maildir.find("1700000001.M1P1.a").filename() == "1700000001.M1P1.a:2,FS");
    for (const int number : {1, 2, 3, 4}) CHECK(session.retrieve(number).find("Subject: 170000000") == 0);
    CHECK(session.command("DELE 4").starts_with("+OK"));
    session.quit();
    // What POP3 has fetched is marked as seen, what it has deleted is gone, and IMAP's own flag is kept.
    const std::string after = imap(maildir, {"FETCH 1:* (UID FLAGS)"});
    CHECK(after.find("* 3 EXISTS") != std::string::npos);
    CHECK(std::regex_search(after, std::regex{R"(\* 1 FETCH \(UID 1 FLAGS \([^)]*\\Flagged[^)]*\\Seen)"}));
    CHECK(std::regex_search(after, std::regex{R"(\* 2 FETCH \(UID 2 FLAGS \([^)]*\\Seen)"}));

    // IMAP moves one message away and deletes another while a session is open.
    Pop3Client second = server.session();
    CHECK(second.command("STAT").starts_with("+OK 3 "));
    for (const char* command : {"UID MOVE 2 Old", "UID STORE 3 +FLAGS (\\Deleted)", "EXPUNGE"})
        (void)imap(maildir, {command});
    CHECK(second.command("STAT").starts_with("+OK 3 "));
    CHECK(second.retrieve(1).find("Subject: 1700000001") == 0);
    CHECK(second.command("RETR 2").starts_with("-ERR"));
    CHECK(second.command("RETR 3").starts_with("-ERR"));
    CHECK(second.command("DELE 3").starts_with("+OK")); // already gone: QUIT has nothing to report
    second.quit();

    // The next session has the remaining message, with the UIDL it always had.
    Pop3Client third = server.session();
    CHECK(third.command("STAT").starts_with("+OK 1 "));
    const std::string left = third.many("UIDL");
    CHECK(left == ids.substr(0, ids.find('\n') + 1));
    third.quit();
    CHECK(imap(maildir, {"SELECT Old"}).find("* 2 EXISTS") != std::string::npos);
    // Mail that IMAP copies back is served.
    (void)imap(maildir, {"SELECT Old", "COPY 1 INBOX"});
    Pop3Client fourth = server.session();
    CHECK(fourth.command("STAT").starts_with("+OK 2 "));
    CHECK(fourth.retrieve(2).find("Subject: 1700000002") == 0);
    fourth.quit();
}

TEST_CASE("logrotate with the installed configuration renames the log, and the server goes on in a new file") {
    const TempDirectory directory;
    const std::string log = directory / "buzon.log";
    Server server{1, {"--log-file", log}};
    // A stand-in for systemctl that sends the signal as the service manager would.
    (void)directory.script("systemctl", "[ \"$1 $2 $3\" = 'kill --kill-whom=main --signal=USR1' ] && kill -USR1 " +
                                            std::to_string(server.pid()) + " && echo sent >> " + (directory / "calls"));
    std::string text = read_whole(source_directory() + "/packaging/logrotate");
    const std::size_t at = text.find("\n/var/log/buzon/*.log");
    REQUIRE(at != std::string::npos);
    text.replace(at + 1, std::string{"/var/log/buzon/*.log"}.size(), log);
    const std::string plan = directory.file("plan", text);
    for (int round = 1; round <= 2; ++round) {
        (void)server.session();
        REQUIRE(eventually([&] { return read_whole(log).find(" login ") != std::string::npos; }));
        Launch launch;
        launch.argv = {"/usr/sbin/logrotate", "-f", "-s", directory / "state", plan};
        launch.environment["PATH"] = directory.path().string() + ":/usr/bin:/bin";
        const Finished rotated = run(launch);
        CAPTURE(rotated.err);
        CHECK(rotated.code == 0);
        CHECK(fs::exists(log + ".1"));
        REQUIRE(
            eventually([&] { return fs::exists(log) && read_whole(log).find("what=log-file") != std::string::npos; }));
    }
    CHECK(fs::exists(log + ".2.gz"));
    CHECK(read_whole(directory / "calls") == "sent\nsent\n");
}
