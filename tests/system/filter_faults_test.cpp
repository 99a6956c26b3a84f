// system/filter_faults_test.cpp - misbehaving filter programs, all at once, each for a user of its own: what the client
// gets, and that nothing of them is left, counted from outside.
#include <signal.h>

#include <algorithm>
#include <fstream>

#include "support/catch.h"
#include "system/living_programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string filter_faults_text = "From: a\nSubject: filtro\n\nuno\n.dos\n";

// failed: refused, or cut if part of the output was sent before the program ended.
enum class Fate { served, refused, cut, failed };

struct Case {
    const char* name;
    std::string script;
    Fate fate;
    std::string made = {}; // the output of the program if served, its beginning if cut
};

const std::string one_line = "0123456789abcdef0123456789abcdef\n";
const std::string much = "yes 0123456789abcdef0123456789abcdef | head -n 4000"; // 132 kB: more than is held back

const char* const gone_when_wanted = "is gone when it is wanted";

std::vector<Case> cases() {
    std::string many;
    for (int i = 0; i < 4000; ++i) many += one_line;
    return {
        {"exit 1 before output", "exit 1", Fate::refused},
        {"exit 1 during output", "head -n 2; exit 1", Fate::refused},
        {"exit 1 after output", "cat; exit 1", Fate::refused},
        {"exit 1 after much output", much + "; exit 1", Fate::failed, one_line},
        {"SIGKILL before output", "kill -9 $$", Fate::refused},
        {"SIGKILL after output", "cat; kill -9 $$", Fate::refused},
        {"SIGKILL after much output", much + "; kill -9 $$", Fate::failed, one_line},
        {"sleeps for ever", "sleep 1000", Fate::refused},
        {"sleeps for ever and hears no SIGTERM", "trap '' TERM; while :; do sleep 1000; done", Fate::refused},
        {"stops itself", "kill -STOP $$", Fate::refused},
        {"reads all and never writes", "cat >/dev/null; exec sleep 1000", Fate::refused},
        {"writes and then sleeps for ever", "cat; exec sleep 1000", Fate::refused},
        {"writes much and then sleeps for ever", much + "; exec sleep 1000", Fate::cut, one_line},
        {"closes its output and sleeps for ever", "cat; exec >&- 2>&-; sleep 1000", Fate::refused},
        {"closes its output and lives on", "cat; exec >&-; sleep 0.3", Fate::served, filter_faults_text},
        {"never reads", "exec <&-; echo x", Fate::served, "x\n"},
        {"never writes", "cat >/dev/null", Fate::served, ""},
        {"a grandchild keeps the pipe", "sleep 1000 & cat", Fate::served, filter_faults_text},
        {"a grandchild in a session of its own keeps the pipe", "setsid sleep 1000 & cat", Fate::served,
         filter_faults_text},
        {"a grandchild goes on writing", "printf 'x\\n'; (sleep 3; while :; do echo no; done) &", Fate::served, "x\n"},
        {"no last line end, dots, NULs, bare CR", "printf '.a\\n..\\n\\0.\\r\\n\\rb'", Fate::served,
         std::string(".a\n..\n\0.\r\n\rb", 12)},
        {"much more than the message", much, Fate::served, many},
        {"much less than the message", "head -c 5", Fate::served, "From:"},
        {gone_when_wanted, "cat", Fate::refused},
        // It makes progress all the time: otherwise, on a busy machine, it would reach its other limit first.
        {"uses up its time of processor", "while :; do i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; echo; done",
         Fate::refused},
        {"complains without end", "cat; yes complaint | head -n 20000 >&2", Fate::served, filter_faults_text},
    };
}

// Descendants of a process that have this name.
std::vector<pid_t> named(const std::string& name, pid_t ancestor) {
    std::vector<pid_t> found;
    for (const pid_t child : children_of(ancestor)) {
        if (proc_text(child, "comm") == name + "\n") found.push_back(child);
        for (const pid_t deeper : named(name, child)) found.push_back(deeper);
    }
    return found;
}

bool nothing_runs(const Server& server, const std::string& directory, std::size_t descriptors, std::size_t children) {
    const bool clear = eventually([&] {
        return running_from(directory).empty() && zombies_of(server.pid()) == 0 &&
               descriptors_of(server.reactor()) <= descriptors && descendants_of(server.pid()).size() <= children;
    });
    if (!clear) {
        UNSCOPED_INFO("programs " << running_from(directory).size() << ", zombies " << zombies_of(server.pid())
                                  << ", descriptors " << descriptors << " -> " << descriptors_of(server.reactor())
                                  << ", children " << children << " -> " << descendants_of(server.pid()).size());
    }
    return clear;
}

// A private copy of sleep for the scripts, so that what is left of one is found by its directory.
void bring_own_sleep(const TempDirectory& directory) {
    std::filesystem::copy_file("/bin/sleep", directory.path() / "sleep");
}

std::string with_own_sleep(std::string script, const TempDirectory& directory) {
    for (std::size_t at = 0; (at = script.find("sleep ", at)) != std::string::npos; at += (directory / "sleep ").size())
        script.replace(at, 6, directory / "sleep ");
    return script;
}

} // namespace

TEST_CASE("misbehaving filter programs harm only their own message and leave nothing behind") {
    const std::vector<Case> all = cases();
    const int users = static_cast<int>(all.size());
    TempDirectory directory;
    bring_own_sleep(directory);
    Server server{users,
                  {"-a", "root:s3cr3t", "--transform-timeout", "4", "--transform-cpu", "1", "--max-transforms", "64"}};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    ManagementClient listener = server.manager();
    (void)listener.ask("AUTH root s3cr3t");
    CHECK(listener.command("EVNT filter-fail") == "+OK");
    for (int user = 1; user <= users; ++user) {
        const std::string name = "user" + std::to_string(user);
        (void)server.maildir(name).put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
        const std::string script = with_own_sleep(all[static_cast<std::size_t>(user - 1)].script, directory);
        REQUIRE(manager.command("TRAN FOR " + name + " " + directory.script("filter-" + std::to_string(user), script))
                    .starts_with("+OK on "));
    }
    std::vector<Pop3Client> clients;
    for (int user = 1; user <= users; ++user) clients.push_back(server.session(user));
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].name == gone_when_wanted) std::filesystem::remove(directory / "filter-" + std::to_string(i + 1));
    const std::size_t descriptors = descriptors_of(server.reactor());
    const std::size_t children = descendants_of(server.pid()).size();
    const std::size_t memory = kilobytes_of(server.reactor(), "VmRSS");
    for (Pop3Client& client : clients) client.send("RETR 1\r\n");
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(all[i].name);
        const std::string reply = clients[i].line();
        if (all[i].fate == Fate::refused || (all[i].fate == Fate::failed && reply.starts_with("-ERR"))) {
            CHECK(reply == "-ERR [SYS/TEMP] The message could not be transformed");
            CHECK(clients[i].command("NOOP") == "+OK");
        } else if (all[i].fate == Fate::served) {
            const bool held = all[i].made.size() <= 65536;
            CHECK(reply == (held ? octets_reply(all[i].made) : "+OK message follows"));
            CHECK(difference(clients[i].body(), as_received(all[i].made)) == "");
        } else {
            CHECK(reply == "+OK message follows");
            const std::string rest = clients[i].rest(true);
            CHECK(rest.starts_with(as_received(all[i].made)));
            CHECK(rest.find("\r\n.\r\n") == std::string::npos);
        }
    }
    // The clients are still there, the programs are not.
    CHECK(nothing_runs(server, directory.path(), descriptors, children));
    CHECK(kilobytes_of(server.reactor(), "VmRSS") < memory + 32 * 1024);

    std::map<std::string, std::string> metrics;
    REQUIRE(manager.command("METR *").starts_with("+OK"));
    for (const std::string& metric : manager.body_lines())
        metrics[metric.substr(0, metric.find(' '))] = metric.substr(metric.find(' ') + 1);
    CHECK(metrics["filters-running"] == "0");
    CHECK(metrics["filters-queued"] == "0");
    CHECK(metrics["filters-started"] == std::to_string(users - 1));
    CHECK(metrics["filter-failures-start"] == "1");
    CHECK(metrics["filter-failures-exit"] == "4");
    CHECK(metrics["filter-failures-signal"] == "4");
    CHECK(metrics["filter-failures-timeout"] == "7");
    // The listener got an event for each failure, with user, message, cause and reason.
    listener.send("NOOP\r\n");
    const std::vector<std::string> events = listener.body_lines();
    CHECK(events.size() == 16);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(all[i].name);
        const std::string program = directory / "filter-" + std::to_string(i + 1);
        const std::string about = " user=user" + std::to_string(i + 1) + " uidl=1700000001.M1P1.h cause=";
        const auto told = std::count_if(events.begin(), events.end(), [&](const std::string& event) {
            const std::size_t at = event.find(about);
            return at != std::string::npos && event.find("why=\"" + program + ": ", at) != std::string::npos;
        });
        CHECK(told == (all[i].fate == Fate::served ? 0 : 1));
    }
    const auto among = [&](const std::string& text) {
        return std::any_of(events.begin(), events.end(),
                           [&](const std::string& event) { return event.find(text) != std::string::npos; });
    };
    CHECK(among("cause=exit why=\"" + directory / "filter-1: exit status 1\""));
    CHECK(among(": killed by SIGKILL\""));
    CHECK(among(": killed by SIGXCPU (CPU time limit exceeded)\""));
    CHECK(among(": no progress for 4 s\""));
    CHECK(among(": cannot start: No such file or directory"));
    // The log has one line per event, with message and user, and complaints are bounded.
    CHECK(server.logs("filter-fail level=warning session="));
    CHECK(server.logs("uidl=1700000001.M1P1.h cause=timeout why=\"" + directory / "filter-8: no progress for 4 s\""));
    const std::string log = server.log();
    std::size_t complaints = 0;
    for (std::size_t at = 0; (at = log.find("stderr=complaint", at)) != std::string::npos; ++at) ++complaints;
    CHECK(complaints > 0);
    CHECK(complaints <= 20);
}

TEST_CASE("a filter that writes a gigabyte for a client that reads 10 kB/s waits, and memory stays flat") {
    TempDirectory directory;
    Server server{1, {"-T", directory.script("filter", "cat >/dev/null; head -c 1073741824 /dev/zero")}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
    Pop3Client{server.session()}.quit(); // now all that the server creates on demand exists
    const std::size_t children = descendants_of(server.pid()).size();
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    client.login("user1", "pass1");
    const std::size_t memory = kilobytes_of(server.reactor(), "VmRSS");
    const std::size_t descriptors = descriptors_of(server.reactor());
    REQUIRE(client.command("RETR 1") == "+OK message follows");
    for (int i = 0; i < 15; ++i) {
        CHECK_FALSE(client.some(1024).empty());
        pause_for(Seconds{0.1});
    }
    CHECK(kilobytes_of(server.reactor(), "VmHWM") < memory + 32 * 1024);
    CHECK_FALSE(running_from(directory.path()).empty());
    client.reset();
    CHECK(nothing_runs(server, directory.path(), descriptors, children + 1));
}

TEST_CASE("RETR and TOP hold back up to exactly 64 KiB of a filter's output") {
    TempDirectory directory;
    Server server{1, {"-a", "root:s3cr3t"}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    for (const std::size_t octets : {65535u, 65536u, 65537u}) {
        CAPTURE(octets);
        const std::string size = std::to_string(octets);
        const std::string all = "head -c " + size + " /dev/zero";
        const std::string made = std::string(octets, '\0'); // one line, without a line end
        const bool held = octets <= 65536;
        for (const std::string& ending : {std::string(), std::string("; exec >&-; sleep 0.1")}) {
            REQUIRE(manager.command("TRAN " + directory.script("good-" + size, all + ending)).starts_with("+OK"));
            Pop3Client client = server.session();
            CHECK(client.command("RETR 1") == (held ? octets_reply(made) : "+OK message follows"));
            CHECK(difference(client.body(), made + "\r\n") == "");
            CHECK(difference(client.many("TOP 1 0"), made + "\r\n") == "");
            client.quit();
        }
        REQUIRE(manager.command("TRAN " + directory.script("bad-" + size, all + "; exit 1")).starts_with("+OK"));
        for (const std::string& command : {std::string("RETR 1"), std::string("TOP 1 1000")}) {
            CAPTURE(command);
            Pop3Client client = server.session();
            client.send(command + "\r\n");
            const std::string reply = client.line();
            if (held) {
                CHECK(reply == "-ERR [SYS/TEMP] The message could not be transformed");
                CHECK(client.command("NOOP") == "+OK");
                client.quit();
            } else {
                CHECK(reply.starts_with("+OK"));
                CHECK(client.rest(true).find(".\r\n") == std::string::npos);
            }
        }
    }
}

TEST_CASE("two hundred clients at once all get their mail, with at most four programs running at a time") {
    constexpr int users = 20;
    TempDirectory directory;
    std::filesystem::create_directory(directory.path() / "now");
    const std::string now = directory / "now/";
    // Its output is the number of programs that are running.
    Server server{
        users,
        {"--max-transforms", "4", "--sessions", "shared", "--transform-wait", "600", "-T",
         directory.script("filter", "> " + now + "$$; set -- " + now + "*; echo $#; sleep 0.01; rm " + now + "$$")}};
    for (int user = 1; user <= users; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
    std::vector<Pop3Client> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(server.session(1 + i % users));
    const std::size_t descriptors = descriptors_of(server.reactor());
    const std::size_t children = descendants_of(server.pid()).size();
    for (Pop3Client& client : clients) client.send("RETR 1\r\n");
    std::map<std::string, int> counts;
    for (Pop3Client& client : clients) {
        CHECK(client.line() == "+OK 3 octets");
        ++counts[client.body()];
    }
    for (const auto& [count, times] : counts) {
        CAPTURE(count, times);
        CHECK((count == "1\r\n" || count == "2\r\n" || count == "3\r\n" || count == "4\r\n"));
    }
    CHECK(nothing_runs(server, directory.path(), descriptors, children));
    CHECK(server.manager().command("METR filters-started") == "+OK 200");
}

TEST_CASE("a message without descriptors for its programs waits until others end, and fails after transform-wait") {
    constexpr int users = 40;
    TempDirectory directory;
    const std::string gate = directory / "gate";
    const std::string slow = directory.script("filter", "while [ ! -e " + gate + " ]; do sleep 0.05; done; cat");
    // If another user owned the maildrops, the process that opens a message would need descriptors, too.
    Server server{Server::of_own_mail(users, {"-a", "root:s3cr3t", "--max-transforms", "100", "--transform-wait", "600",
                                              "-T", slow + " | /bin/cat"})};
    std::vector<Pop3Client> clients;
    for (int user = 1; user <= users; ++user) {
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
        clients.push_back(server.session(user));
    }
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    const std::size_t descriptors = descriptors_of(server.reactor());
    const std::size_t children = descendants_of(server.pid()).size();
    leave_descriptors(server.reactor(), 20); // for two or three chains
    for (Pop3Client& client : clients) client.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return manager.command("METR filters-running") != "+OK 0"; }));
    clients.back().reset(); // a client that disconnects stops waiting
    clients.pop_back();
    (void)directory.file("gate", "");
    for (Pop3Client& client : clients) {
        CHECK(client.line() == octets_reply(filter_faults_text));
        CHECK(client.body() == as_received(filter_faults_text));
    }
    CHECK(nothing_runs(server, directory.path(), descriptors, children));

    std::filesystem::remove(gate);
    CHECK(manager.command("CONF transform-wait 1").starts_with("+OK"));
    leave_descriptors(server.reactor(), 3); // for a message, but not for a program
    // The worker that opens it may have ended because it was idle, and a new one needs descriptors, too.
    CHECK(eventually(
        [&] { return clients.front().command("RETR 1") == "-ERR [SYS/TEMP] The message could not be transformed"; }));
    CHECK(clients.front().command("NOOP") == "+OK");
    CHECK(server.logs("cause=queue why=\"waited too long for descriptors\""));
}

TEST_CASE("a message that waits too long for its program's turn is refused, and SESS shows each session's program") {
    TempDirectory directory;
    const std::string gate = directory / "gate";
    const std::string program = directory.script("filter", "while [ ! -e " + gate + " ]; do sleep 0.05; done; cat");
    Server server{2,
                  {"-a", "root:s3cr3t", "--max-transforms", "1", "--transform-wait", "600", "-T", program,
                   "--transform-for", "user2=" + program + " | /bin/cat"}};
    for (int user = 1; user <= 2; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    Pop3Client first = server.session(1);
    first.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return manager.command("METR filters-running") == "+OK 1"; }));
    Pop3Client patient = server.session(2);
    patient.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return manager.command("METR filters-queued") == "+OK 1"; }));
    const std::string sessions = manager.many("SESS");
    CHECK(sessions.find(" program=" + program + "\r\n") != std::string::npos);
    CHECK(sessions.find(" program=" + program + "|/bin/cat\r\n") != std::string::npos);
    patient.reset();
    CHECK(eventually([&] { return manager.command("METR filters-queued") == "+OK 0"; }));
    CHECK(manager.command("CONF transform-wait 1").starts_with("+OK"));
    Pop3Client second = server.session(2);
    CHECK(second.command("RETR 1") == "-ERR [SYS/TEMP] The message could not be transformed");
    CHECK(second.command("NOOP") == "+OK");
    CHECK(manager.command("METR filter-failures-queue") == "+OK 1");
    CHECK(server.logs("cause=queue why=\"waited too long for its turn\""));
    (void)directory.file("gate", "");
    CHECK(first.line() == octets_reply(filter_faults_text));
    CHECK(first.body() == as_received(filter_faults_text));
    second.send("RETR 1\r\n");
    CHECK(second.line() == octets_reply(filter_faults_text));
    CHECK(second.body() == as_received(filter_faults_text));
}

TEST_CASE("kill -9 of the server leaves no filter program running") {
    TempDirectory directory;
    bring_own_sleep(directory);
    const std::string script =
        with_own_sleep("trap '' TERM; setsid sleep 1000 & sleep 1000 & cat >/dev/null; sleep 1000", directory);
    Server server{3, {"-T", directory.script("filter", script) + " | " + directory.script("second", script)}};
    std::vector<Pop3Client> clients;
    for (int user = 1; user <= 3; ++user) {
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
        clients.push_back(server.session(user));
        clients.back().send("RETR 1\r\n");
    }
    // At least the first program of each of the three chains, with its grandchildren.
    REQUIRE(eventually([&] { return running_from(directory.path()).size() >= 12; }));
    server.expect_no_clean_end();
    server.process().signal(SIGKILL);
    REQUIRE(server.process().wait());
    CHECK(eventually([&] { return running_from(directory.path()).empty(); }));
}

TEST_CASE("if the process that starts filter programs is killed, they die with it and the server goes on serving") {
    TempDirectory directory;
    bring_own_sleep(directory);
    const std::string gate = directory / "gate";
    const std::string script = "[ -e " + gate + " ] && exec cat; " +
                               with_own_sleep("setsid sleep 1000 & sleep 1000 & cat >/dev/null; sleep 1000", directory);
    Server server{1, {"-T", directory.script("filter", script)}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", filter_faults_text);
    Pop3Client client = server.session();
    client.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return running_from(directory.path()).size() >= 4; }));
    const std::vector<pid_t> hosts = named("buzon-filters", server.pid());
    REQUIRE(hosts.size() == 1);
    ::kill(hosts.front(), SIGKILL);
    CHECK(client.line() == "-ERR [SYS/TEMP] The message could not be transformed");
    CHECK(eventually([&] { return running_from(directory.path()).empty(); }));
    (void)directory.file("gate", "");
    CHECK(client.retrieve(1) == as_received(filter_faults_text));
    client.quit();
}

TEST_CASE("the demo's filter s/e/x/g can be switched off and on while a session is open") {
    const std::string spec = "/usr/bin/sed:s/e/x/g";
    Server server{Server::Setup{.arguments = {"--default", "-T", spec}, .own_addresses = true, .own_root = true}};
    ManagementClient manager = server.manager();
    CHECK(manager.command("TRAN") == "+OK on " + spec);
    Pop3Client client = server.session();
    CHECK(client.command("RETR 1") == "+OK 324 octets");
    const std::string changed = client.body();
    CHECK(changed.size() == 324);
    CHECK(changed.find("Rxcxptor") != std::string::npos);
    CHECK(changed.find('e') == std::string::npos);
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(client.command("RETR 1") == "+OK 324 octets");
    const std::string plain = client.body();
    CHECK(plain.find("Receptor") != std::string::npos);
    std::string wanted = plain;
    std::replace(wanted.begin(), wanted.end(), 'e', 'x');
    CHECK(changed == wanted);
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(client.retrieve(1) == changed);
    client.quit();
}

TEST_CASE("a RETR in progress is not affected by switching its filter off or another one on") {
    Server server{2, {"-T", "/usr/bin/sed:s/e/x/g", "-a", "root:s3cr3t"}};
    std::string mail = "Subject: a\n\n";
    for (int i = 0; i < 200'000; ++i) mail += "enero febrero\n";
    for (int user = 1; user <= 2; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", mail);
    std::string changed = as_received(mail);
    std::replace(changed.begin(), changed.end(), 'e', 'x');
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");

    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 65536}};
    client.login("user1", "pass1");
    REQUIRE(client.command("RETR 1") == "+OK message follows");
    REQUIRE(manager.command("TRAN 0").starts_with("+OK")); // most of it has not passed the filter yet
    Pop3Client other{"127.0.0.1", server.port(), {.receive_buffer = 65536}};
    other.login("user2", "pass2");
    REQUIRE(other.command("RETR 1") == "+OK " + std::to_string(changed.size()) + " octets");
    REQUIRE(manager.command("TRAN /usr/bin/tr e E").starts_with("+OK"));
    CHECK(difference(client.body(), changed) == "");
    CHECK(difference(other.body(), as_received(mail)) == "");
    std::string later = as_received(mail);
    std::replace(later.begin(), later.end(), 'e', 'E');
    CHECK(difference(client.retrieve(1), later) == "");
}
