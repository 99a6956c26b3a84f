// system/stalled_server_test.cpp - the server with a file system that hangs: clients that do not need it notice
// nothing.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <list>

#include "support/catch.h"
#include "support/sanitized.h"
#include "support/stalling_file_system.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

// The promise is 50 ms; this allows for a busy machine. Anything that waits for the disk waits for minutes.
constexpr Seconds at_once{2};
constexpr Seconds until_stopped{10 + 5};

enum class RootIs { good, stalling };

const std::string mail_on_disks = "Subject: a\r\n\r\n" + std::string(200'000, 'x') + "\r\n";

// Users s1, s2 … have their mail on a disk that can be made to hang, g1, g2 … on a good one; password "p". The mail
// root, which contains the locks, is on either disk.
class TwoDisks {
public:
    explicit TwoDisks(RootIs root, const Words& arguments = {}) {
        std::ofstream users{good_ / "users"};
        for (int n = 1; n <= 20; ++n) {
            (void)Maildir{disk_.backing() + "/s" + std::to_string(n)}.deliver("1700000001.a", mail_on_disks);
            (void)Maildir{good_ / "g" + std::to_string(n)}.deliver("1700000001.a", mail_on_disks);
            for (const std::string& name : {"s" + std::to_string(n), "g" + std::to_string(n)}) {
                users << name << ":{PLAIN}p::::::userdb_mail=maildir:"
                      << (name.front() == 's' ? disk_.path() : good_.path().string()) << '/' << name << '\n';
            }
        }
        users.close();
        (void)Maildir{disk_.backing() + "/s2"}.deliver("1700000002.b", "two removals have a journal\r\n");
        std::filesystem::create_directory(disk_.backing() + "/root");
        Server::Setup setup{.arguments = {"--users", good_ / "users"}};
        setup.arguments.insert(setup.arguments.end(), arguments.begin(), arguments.end());
        if (root == RootIs::stalling) {
            setup.own_root = true;
            setup.arguments.insert(setup.arguments.end(), {"-d", disk_.path() + "/root"});
        }
        server_.emplace(setup);
        manager_.emplace(server_->manager());
        good_session_.emplace(session("g1"));
    }

    [[nodiscard]] StallingFileSystem& disk() noexcept { return disk_; }
    [[nodiscard]] Server& server() noexcept { return *server_; }
    [[nodiscard]] Pop3Client session(const std::string& user) {
        Pop3Client client = server_->client();
        client.login(user, "p");
        return client;
    }
    // A client that has sent its password but not read the reply.
    [[nodiscard]] Pop3Client newcomer(const std::string& user) {
        Pop3Client client = server_->client();
        (void)client.command("USER " + user);
        client.send("PASS p\r\n");
        return client;
    }

    // The longest time that a manager, or a session on the good disk, waits for a reply.
    [[nodiscard]] Seconds longest_wait_of_others() {
        Seconds longest{0};
        for (int i = 0; i < 100 / endurance_divisor; ++i) {
            longest = std::max(longest, time_of([&] { (void)manager_->ask("METR messages"); }));
            longest = std::max(longest, time_of([&] { (void)good_session_->command("NOOP"); }));
        }
        return longest;
    }
    // … and a new login there.
    [[nodiscard]] Seconds longest_login() {
        Seconds longest{0};
        for (int n = 2; n <= 10; ++n)
            longest = std::max(longest, time_of([&] { session("g" + std::to_string(n)).quit(); }));
        return longest;
    }

private:
    template <class Work>
    [[nodiscard]] static Seconds time_of(Work work) {
        const auto before = std::chrono::steady_clock::now();
        work();
        return std::chrono::steady_clock::now() - before;
    }

    StallingFileSystem disk_;
    TempDirectory good_;
    std::optional<Server> server_;
    std::optional<ManagementClient> manager_;
    std::optional<Pop3Client> good_session_;
};

// Clients on the stalling disk, all active at once.
struct CrowdOnDisk {
    Pop3Client reader, remover, seer, vanishing;
    std::optional<Pop3Client> newcomer;

    explicit CrowdOnDisk(TwoDisks& disks)
        : reader{disks.session("s1")}
        , remover{disks.session("s2")}
        , seer{disks.session("s3")}
        , vanishing{disks.session("s4")} {
        for (const char* const line : {"DELE 1", "DELE 2"}) CHECK(remover.command(line).starts_with("+OK"));
        CHECK(seer.retrieve(1) == mail_on_disks); // QUIT moves it to cur
    }
    void act(TwoDisks& disks) {
        newcomer = disks.newcomer("s5");
        reader.send("RETR 1\r\n");
        remover.send("QUIT\r\n");
        seer.send("QUIT\r\n");
        vanishing.reset();
    }
    // Once the disk goes on, so do they.
    void check_end(TwoDisks& disks) {
        CHECK(newcomer->line().starts_with("+OK"));
        CHECK(newcomer->retrieve(1) == mail_on_disks);
        newcomer->quit();
        CHECK(reader.line().starts_with("+OK"));
        CHECK(reader.body() == mail_on_disks);
        CHECK(remover.line() == "+OK Goodbye");
        CHECK(remover.ended());
        CHECK(seer.line() == "+OK Goodbye");
        CHECK(seer.ended());
        CHECK(eventually([&] {
            Pop3Client next = disks.newcomer("s4");
            return next.line().starts_with("+OK");
        }));
        CHECK(std::filesystem::is_empty(disks.disk().backing() + "/s2/new"));
        CHECK(std::filesystem::exists(disks.disk().backing() + "/s3/cur/1700000001.a:2,S"));
    }
};

bool can_hang() {
    if (StallingFileSystem::available()) return true;
    WARN("FUSE file systems cannot be mounted here: nothing tested");
    return false;
}

// The number of descriptors that a process has open there.
std::size_t descriptors_below(pid_t pid, const std::string& directory) {
    std::size_t found = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
        if (std::filesystem::read_symlink(entry.path(), gone).string().starts_with(directory)) ++found;
    return found;
}

// For a disk that holds only mail.
const Words hanging_operations = {"lookup",  "getattr", "open",     "read",   "flush", "close",
                                  "readdir", "fsync",   "fsyncdir", "rename", "all"};

} // namespace

TEST_CASE("whatever operation hangs on a mail disk, other clients are served at once, and later all goes on") {
    if (!can_hang()) return;
    for (const std::string& operation : hanging_operations) {
        CAPTURE(operation);
        TwoDisks disks{RootIs::good};
        CrowdOnDisk crowd{disks};
        disks.disk().stall(operation);
        crowd.act(disks);
        REQUIRE(disks.disk().something_hangs());
        CHECK(disks.longest_wait_of_others() < at_once);
        CHECK(disks.longest_login() < at_once);
        disks.disk().release();
        crowd.check_end(disks);
    }
}

TEST_CASE("whatever operation hangs on the mail root, other open sessions are served at once, and later all goes on") {
    if (!can_hang()) return;
    for (const std::string operation : {"lock", "unlock", "flush", "close", "lookup", "open", "getattr", "all"}) {
        CAPTURE(operation);
        TwoDisks disks{RootIs::stalling};
        CrowdOnDisk crowd{disks};
        disks.disk().stall(operation);
        crowd.act(disks);
        REQUIRE(disks.disk().something_hangs());
        CHECK(disks.longest_wait_of_others() < at_once);
        disks.disk().release();
        crowd.check_end(disks);
    }
}

TEST_CASE("15 logins on a hanging disk do not delay logins on another disk") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::good};
    disks.disk().stall("all");
    std::list<Pop3Client> waiting;
    for (int n = 1; n <= 15; ++n) waiting.push_back(disks.newcomer("s" + std::to_string(n)));
    REQUIRE(disks.disk().something_hangs());
    CHECK(disks.longest_login() < at_once);
    CHECK(disks.longest_wait_of_others() < at_once);
    disks.disk().release();
    for (Pop3Client& client : waiting) CHECK(client.line().starts_with("+OK"));
}

TEST_CASE("SIGTERM ends the server even if every disk operation hangs") {
    if (!can_hang()) return;
    for (const RootIs root : {RootIs::good, RootIs::stalling}) {
        CAPTURE(static_cast<int>(root));
        TwoDisks disks{root};
        CrowdOnDisk crowd{disks};
        disks.disk().stall("all");
        crowd.act(disks);
        REQUIRE(disks.disk().something_hangs());
        disks.server().process().signal(SIGTERM);
        CHECK(disks.server().process().wait(until_stopped) == 0);
        disks.server().expect_no_clean_end();
    }
}

TEST_CASE("SIGTERM and DRAIN end the server even if the disk of --state hangs") {
    if (!can_hang()) return;
    for (const bool drained : {false, true}) {
        CAPTURE(drained);
        StallingFileSystem disk;
        std::filesystem::create_directory(disk.backing() + "/state");
        Server server{{.arguments = {"--state", disk.path() + "/state", "-a", "root:s3cr3t"}}};
        disk.stall("all");
        if (drained)
            CHECK(administrator_of(server).command("DRAIN").starts_with("+OK"));
        else
            server.process().signal(SIGTERM);
        CHECK(server.process().wait(until_stopped) == 0);
        server.expect_no_clean_end();
    }
}

TEST_CASE("mail on a file server is served like any other") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::good, {"--utf8-strict"}};
    const Maildir maildir{disks.disk().backing() + "/s1"};
    std::string dots = "Subject: b\r\n\r\n";
    while (dots.size() < 150'000) dots += ".\n..x\n" + std::string(997, 'y') + "\n";
    const std::string long_header = "Subject: " + std::string(70'000, 'z') + "\xc3\n\nbody\n";
    std::string fine_header = "Subject: c\n";
    while (fine_header.size() < 140'000) fine_header += "X-Filler: " + std::string(500, 'f') + "\n";
    fine_header += "\n\xc3\xa4\n";
    const std::map<std::string, std::string> mails = {{"1700000002.b", dots},
                                                      {"1700000003.c", "Subject: short\n\n.\n"},
                                                      {"1700000004.d", ""},
                                                      {"1700000005.e", long_header},
                                                      {"1700000006.f", fine_header}};
    for (const auto& [name, octets] : mails) (void)maildir.deliver(name, octets);
    Pop3Client client = disks.session("s1");
    int number = 1;
    for (const auto& [name, octets] : mails) {
        CAPTURE(name);
        const std::string retr = "RETR " + std::to_string(++number);
        if (name == "1700000005.e") {
            CHECK(client.command(retr).starts_with("-ERR"));
            continue;
        }
        CHECK(client.command(retr) == octets_reply(octets));
        CHECK(difference(client.body(), as_received(octets)).empty());
        CHECK(difference(client.many("TOP " + std::to_string(number) + " 3"), top_of(octets, 3)).empty());
    }
    // Another program has moved one message and removed another.
    maildir.flag("1700000002.b", "S");
    CHECK(client.command("RETR 2") == octets_reply(dots));
    CHECK(difference(client.body(), as_received(dots)).empty());
    maildir.remove("1700000003.c");
    CHECK(client.command("RETR 3").starts_with("-ERR"));
}

TEST_CASE("mail on a file server goes through a transformation like any other") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::good, {"-T", "/bin/cat"}};
    // The second message is too large for a copy in memory.
    (void)Maildir{disks.disk().backing() + "/s1"}.deliver("1700000002.b", std::string(9'000'000, 'l') + "\n");
    Pop3Client client = disks.session("s1");
    CHECK(client.command("RETR 1").starts_with("+OK"));
    CHECK(client.body() == mail_on_disks);
    CHECK(client.command("RETR 2").starts_with("+OK"));
    CHECK(client.body().size() == 9'000'002);
    std::filesystem::remove(disks.disk().backing() + "/s1/new/1700000001.a");
    CHECK(client.command("RETR 1").starts_with("-ERR"));
}

TEST_CASE("messages on a hanging disk do not keep the others from being transformed") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::good, {"-T", "/bin/cat", "--max-transforms", "1"}};
    Pop3Client reader = disks.session("s1");
    Pop3Client other = disks.session("g2");
    disks.disk().stall("all");
    reader.send("RETR 1\r\n");
    REQUIRE(disks.disk().something_hangs());
    CHECK(other.command("RETR 1").starts_with("+OK"));
    CHECK(other.body() == mail_on_disks);
    disks.disk().release();
    CHECK(reader.line().starts_with("+OK"));
    CHECK(reader.body() == mail_on_disks);
}

TEST_CASE("locks on a file server hold between servers, and are free with the reply to QUIT") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::stalling};
    const TempDirectory other_files;
    Server::Setup setup;
    (void)other_files.file("users", "s1:{PLAIN}p::::::userdb_mail=maildir:" + disks.disk().path() + "/s1\n");
    setup.arguments = {"--users", other_files / "users", "-d", disks.disk().path() + "/root"};
    setup.own_root = true;
    Server other{setup};
    for (int i = 0; i < 10; ++i) {
        CAPTURE(i);
        Pop3Client first = disks.session("s1");
        Pop3Client second = disks.newcomer("s1");
        CHECK(second.line().starts_with("-ERR [IN-USE]"));
        Pop3Client elsewhere = other.client();
        (void)elsewhere.command("USER s1");
        CHECK(elsewhere.command("PASS p").starts_with("-ERR [IN-USE]"));
        if (i % 2 == 0) {
            first.quit();
            (void)elsewhere.command("USER s1");
            CHECK(elsewhere.command("PASS p").starts_with("+OK"));
            elsewhere.quit();
        } else {
            first.reset(); // the next login here waits for the release, if necessary
            CHECK(eventually([&] { return disks.newcomer("s1").line().starts_with("+OK"); }));
        }
    }
    CHECK(descriptors_below(disks.server().reactor(), disks.disk().path()) == 0);
}

TEST_CASE("if the process that holds the locks dies, a new one takes them again") {
    if (!can_hang()) return;
    TwoDisks disks{RootIs::stalling};
    Pop3Client first = disks.session("s1");
    const auto keeper = [&] {
        for (const pid_t child : descendants_of(disks.server().pid()))
            if (proc_text(child, "comm") == "buzon-locks\n") return child;
        return pid_t{-1};
    };
    const pid_t before = keeper();
    REQUIRE(before > 0);
    ::kill(before, SIGKILL);
    REQUIRE(eventually([&] { return keeper() > 0 && keeper() != before; }));
    CHECK(disks.newcomer("s1").line().starts_with("-ERR [IN-USE]"));
    CHECK(disks.newcomer("s2").line().starts_with("+OK"));
    CHECK(first.command("STAT").starts_with("+OK"));
    CHECK(disks.server().logs("died; a new one is taking them again"));
    first.quit();
    disks.session("s1").quit();
}
