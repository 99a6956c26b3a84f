// system/guesses_test.cpp - many password guesses: what they cost users who know their password.
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

constexpr const char* front = "127.0.0.7";

std::string header_of(const std::string& client) {
    return "PROXY TCP4 " + client + " 203.0.113.1 5000 110\r\n";
}

// The number of refusals received so far, without waiting for more.
std::size_t refusals_by_now(const Wire& wire) {
    char octets[4096];
    std::string all;
    for (;;) {
        const ssize_t n = ::recv(wire.fd(), octets, sizeof octets, MSG_DONTWAIT);
        if (n <= 0) break;
        all.append(octets, static_cast<std::size_t>(n));
    }
    std::size_t count = 0;
    for (std::size_t at = all.find("-ERR [AUTH]"); at != std::string::npos; at = all.find("-ERR [AUTH]", at + 1))
        ++count;
    return count;
}

constexpr const char* stranger = "203.0.113.66";

// Five wrong passwords for user1.
void use_free_guesses(const Server& server) {
    LineClient client{"127.0.0.1", server.port(), {.from = front}};
    client.send(header_of(stranger));
    (void)client.line();
    for (int i = 0; i < 5; ++i) {
        (void)client.command("USER user1");
        CHECK(client.command("PASS free" + std::to_string(i)).starts_with("-ERR [AUTH]"));
    }
}

// The last reply to a SCRAM login as user1.
std::string scram(const Server& server, const std::string& client, const std::string& password) {
    constexpr const char* program = R"(
import base64, hashlib, hmac, socket, sys
port, front, client, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].encode()
def b64(octets): return base64.b64encode(octets).decode()
wire = socket.create_connection(("127.0.0.1", port), 60, (front, 0)).makefile("rwb")
def say(line):
    wire.write(line.encode() + b"\r\n"); wire.flush()
    return wire.readline().decode().strip()
say(f"PROXY TCP4 {client} 203.0.113.1 5000 110")
bare = "n=user1,r=abc"
first = base64.b64decode(say("AUTH SCRAM-SHA-256 " + b64(("n,," + bare).encode()))[2:]).decode()
field = dict(part.split("=", 1) for part in first.split(","))
salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(field["s"]), int(field["i"]))
key = hmac.digest(salted, b"Client Key", "sha256")
final = f"c=biws,r={field['r']}"
mask = hmac.digest(hashlib.sha256(key).digest(), ",".join((bare, first, final)).encode(), "sha256")
reply = say(b64(f"{final},p={b64(bytes(a ^ b for a, b in zip(key, mask)))}".encode()))
print(say("") if reply.startswith("+ ") else reply, end="")
)";
    const Finished end = run({"python3", "-c", program, std::to_string(server.port()), front, client, password});
    CAPTURE(end.err);
    CHECK(end.code == 0);
    return end.out;
}

void allow_descriptors(rlim_t wanted) {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= wanted) return;
    REQUIRE(limit.rlim_max >= wanted);
    limit.rlim_cur = wanted;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

} // namespace

TEST_CASE("ten thousand guesses from a thousand addresses do not make the owner wait") {
    allow_descriptors(2048);
    // A stranger's attempt beyond the free ones is delayed for longer than this test runs.
    Server server{
        1, {"--proxy-from", front, "--throttle-delay", "30", "--throttle-max-delay", "30", "--max-connections", "0"}};
    const auto owner_logs_in = [&] {
        LineClient owner{"127.0.0.1", server.port(), {.from = front}};
        owner.send(header_of("203.0.113.9"));
        (void)owner.line();
        (void)owner.command("USER user1");
        const std::string reply = owner.command("PASS pass1");
        (void)owner.command("QUIT");
        return reply;
    };
    CHECK(owner_logs_in() == "+OK Password accepted");

    constexpr std::size_t addresses = 1000, tries_each = 10;
    std::string tries;
    for (std::size_t i = 0; i < tries_each; ++i) tries += "USER user1\r\nPASS guess" + std::to_string(i) + "\r\n";
    std::vector<Wire> guessers;
    for (std::size_t i = 0; i < addresses; ++i) {
        guessers.emplace_back("127.0.0.1", server.port(), Wire::Options{.from = front});
        const std::string client = "10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250 + 1);
        guessers.back().send(header_of(client) + tries);
        // The owner comes after all of them, and is answered before them.
        if (i % 50 == 49) CHECK(owner_logs_in() == "+OK Password accepted");
    }
    std::size_t refused = 0;
    for (const Wire& guesser : guessers) refused += refusals_by_now(guesser);
    CHECK(refused >= 1);
    CHECK(refused < addresses * tries_each / 2); // most of them still wait
    CHECK(owner_logs_in() == "+OK Password accepted");
    for (Wire& guesser : guessers) guesser.close();
}

TEST_CASE("of 150 guesses from one source, five are answered, and the others wait or are refused at once") {
    // The sixth guess waits for 90 s, half of what a login may take; a third one in the queue would wait too long.
    Server server{2, {"--proxy-from", front, "--throttle-delay", "90", "--throttle-max-delay", "90"}};
    std::vector<LineClient> guessers;
    for (std::size_t i = 0; i < 150; ++i) {
        guessers.emplace_back("127.0.0.1", server.port(), Wire::Options{.from = front});
        guessers.back().send(header_of("203.0.113.66") + "USER user1\r\nPASS guess" + std::to_string(i) + "\r\n");
    }
    ManagementClient manager = server.manager();
    const auto answered = [&manager](const std::string& name) { return std::stoul(manager.ask("METR " + name)); };
    CHECK(eventually([&] { return answered("refusals-throttled") + answered("refusals-wrong-secret") >= 148; }));
    CHECK(answered("refusals-wrong-secret") == 5);
    (void)guessers.back().line();
    (void)guessers.back().line();
    CHECK(guessers.back().line().starts_with("-ERR [SYS/TEMP] Authentication service"));
    // Nobody else has to wait.
    LineClient other{"127.0.0.1", server.port(), {.from = front}};
    other.send(header_of("203.0.113.9") + "USER user2\r\nPASS pass2\r\n");
    (void)other.line();
    (void)other.line();
    CHECK(other.line() == "+OK Password accepted");
    for (LineClient& guesser : guessers) guesser.close();
}

TEST_CASE("a source that has used its free guesses learns no sooner of a right SCRAM proof than of a wrong one") {
    // Two more guesses may wait, for 1300 s and 2600 s. A third one could not be answered in time.
    Server server{1,
                  {"--proxy-from", front, "--throttle-delay", "1300", "--throttle-max-delay", "1300",
                   "--throttle-forgive", "3600", "--login-timeout", "3600"}};
    use_free_guesses(server);
    std::vector<LineClient> waiting;
    for (const std::string guess : {"a", "b", "c"}) {
        waiting.emplace_back("127.0.0.1", server.port(), Wire::Options{.from = front});
        waiting.back().send(header_of(stranger) + "USER user1\r\nPASS " + guess + "\r\n");
    }
    ManagementClient manager = server.manager();
    CHECK(eventually([&] { return manager.ask("METR refusals-throttled") == "1"; }));
    const std::string wrong = scram(server, stranger, "wrong"), right = scram(server, stranger, "pass1");
    CHECK(right.starts_with("-ERR [SYS/TEMP] "));
    CHECK(right == wrong);
    CHECK(manager.ask("METR refusals-throttled") == "3");
    CHECK(scram(server, "203.0.113.9", "pass1") == "+OK Password accepted");
    for (LineClient& client : waiting) client.close();
}

TEST_CASE("a right SCRAM proof that has to wait for its turn logs in when the turn comes") {
    Server server{1, {"--proxy-from", front, "--throttle-delay", "1"}};
    use_free_guesses(server);
    CHECK(scram(server, stranger, "pass1") == "+OK Password accepted");
    CHECK(server.manager().ask("METR refusals-throttled") == "0");
}

TEST_CASE("slow guessers are reported by an event, a metric, WHYY and top") {
    Server server{17, {"--proxy-from", front, "--throttle-delay", "0"}};
    ManagementClient watching = server.manager();
    CHECK(watching.ask("EVNT guessing").empty());
    const auto guess = [&](const std::string& from, const std::string& user) {
        LineClient client{"127.0.0.1", server.port(), {.from = front}};
        client.send(header_of(from) + "USER " + user + "\r\nPASS guess of " + from + "\r\nQUIT\r\n");
        (void)client.rest();
    };
    for (int i = 1; i <= 17; ++i) guess("203.0.113.66", "user" + std::to_string(i));
    for (int i = 1; i <= 16; ++i) guess("198.51.100." + std::to_string(i), "user1");
    CHECK(watching.line().find(" guessing level=warning") != std::string::npos);
    CHECK(watching.line().find(" user=user1") != std::string::npos);
    ManagementClient manager = server.manager();
    CHECK(manager.ask("METR guessing") == "2");
    CHECK(manager.ask("METR guessers") == "2");
    const std::string listed = manager.many("WHYY *");
    CHECK(listed.find(" guessing ip=203.0.113.66 failures=2 last=2") != std::string::npos);
    CHECK(listed.find(" guessing user=user1 failures=2 last=2") != std::string::npos);
    const Finished seen = run_client({"127.0.0.1", std::to_string(server.management_port()), "top", "--once"});
    CHECK(seen.out.find("guessers 2   user user1 (2)   ip 203.0.113.66 (2)") != std::string::npos);
}

TEST_CASE("a wrong password that a mail program repeats with PLAIN, LOGIN and PASS counts once") {
    TempDirectory directory;
    Server server{1,
                  {"--proxy-from", front, "--throttle-free", "2", "--throttle-delay", "90", "--throttle-max-delay",
                   "90", "--users", directory.file("users", "robot:{PLAIN}x::::::nodelay\n")}};
    LineClient client{"127.0.0.1", server.port(), {.from = front}};
    client.send(header_of("203.0.113.5"));
    (void)client.line();
    for (int round = 0; round < 3; ++round) {
        CHECK(client.command("AUTH PLAIN AHVzZXIxAG9sZA==").starts_with("-ERR [AUTH]"));
        CHECK(client.command("AUTH LOGIN dXNlcjE=").starts_with("+ "));
        CHECK(client.command("b2xk").starts_with("-ERR [AUTH]"));
        (void)client.command("USER user1");
        CHECK(client.command("PASS old").starts_with("-ERR [AUTH]"));
    }
    // After nine wrong attempts, the owner still need not wait.
    (void)client.command("USER user1");
    CHECK(client.command("PASS pass1") == "+OK Password accepted");
    // A user with nodelay does not wait, whatever has been guessed from the same address.
    LineClient robot{"127.0.0.1", server.port(), {.from = front}};
    robot.send(header_of("203.0.113.5"));
    (void)robot.line();
    for (int i = 0; i < 9; ++i) {
        (void)robot.command("USER robot");
        CHECK(robot.command("PASS y" + std::to_string(i)).starts_with("-ERR [AUTH]"));
    }
    (void)robot.command("USER robot");
    CHECK(robot.command("PASS x") == "+OK Password accepted");
}

TEST_CASE("killing workers in the middle of slow logins does not change any client's reply") {
    TempDirectory directory;
    // The hash of "right": a tenth of a second on an idle processor.
    const std::string slow =
        "{CRYPT}$6$rounds=200000$saltsalt$v2UwbCFAouHDmReun5YhFhoUHm4osEKkgS1ZAcgsrT/4rF9MdURV2bvsZaRi7"
        "yvzzDsyszEE.FdUx0xknbtlN1";
    constexpr std::size_t users = 12;
    std::string file;
    for (std::size_t i = 0; i < users; ++i) file += "user" + std::to_string(i) + ':' + slow + '\n';
    // On a busy machine, the last one may wait long.
    Server server{0, {"--users", directory.file("users", file), "--login-timeout", "600"}};
    const auto is_right = [](std::size_t user) { return user % 4 != 3; };
    std::vector<Pop3Client> clients;
    for (std::size_t i = 0; i < users; ++i) {
        clients.push_back(server.client());
        (void)clients.back().command("USER user" + std::to_string(i));
        clients.back().send(is_right(i) ? "PASS right\r\n" : "PASS wrong\r\n");
    }
    // Nobody is logged in yet: all existing workers hash passwords.
    std::vector<pid_t> helpers;
    CHECK(eventually([&] {
        helpers = workers_of(server.pid());
        return !helpers.empty();
    }));
    CHECK(::kill(helpers.front(), SIGKILL) == 0);
    std::size_t temporary = 0;
    for (std::size_t i = 0; i < users; ++i) {
        const std::string reply = clients[i].line();
        CAPTURE(i, reply);
        if (reply.starts_with("-ERR [SYS/TEMP]"))
            ++temporary;
        else
            CHECK(reply.starts_with(is_right(i) ? "+OK" : "-ERR [AUTH]"));
        if (is_right(i)) CHECK(clients[i].command("STAT") == "+OK 0 0");
        // Again, while the rest are waiting. Now disk workers and idle workers may be among those killed.
        if (i == users / 3) {
            for (const pid_t worker : workers_of(server.pid())) ::kill(worker, SIGKILL);
        }
    }
    CHECK(temporary == 0);
}
