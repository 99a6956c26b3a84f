// system/guesses_test.cpp - many who guess, and a hash helper that is killed: what it costs those who know their password.
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

// How many refusals have come, without waiting for any.
std::size_t refusals_by_now(const Wire& wire) {
    char octets[4096];
    std::string all;
    for (;;) {
        const ssize_t n = ::recv(wire.fd(), octets, sizeof octets, MSG_DONTWAIT);
        if (n <= 0) break;
        all.append(octets, static_cast<std::size_t>(n));
    }
    std::size_t count = 0;
    for (std::size_t at = all.find("-ERR [AUTH]"); at != std::string::npos; at = all.find("-ERR [AUTH]", at + 1)) ++count;
    return count;
}

void allow_descriptors(rlim_t wanted) {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= wanted) return;
    REQUIRE(limit.rlim_max >= wanted);
    limit.rlim_cur = wanted;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

bool named_worker(pid_t process) {
    return read_whole("/proc/" + std::to_string(process) + "/cmdline").starts_with("buzon-worker");
}

} // namespace

TEST_CASE("ten thousand guesses from a thousand addresses do not make the owner wait") {
    allow_descriptors(2048);
    // A stranger's try beyond the free ones waits longer than this test runs.
    Server server{1, {"--proxy-from", front, "--throttle-delay", "30", "--throttle-max-delay", "30", "--max-connections", "0"}};
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
        // He comes after all of them, and is answered before them.
        if (i % 50 == 49) CHECK(owner_logs_in() == "+OK Password accepted");
    }
    std::size_t refused = 0;
    for (const Wire& guesser : guessers) refused += refusals_by_now(guesser);
    CHECK(refused >= 1);
    CHECK(refused < addresses * tries_each / 2);   // most of them still wait
    CHECK(owner_logs_in() == "+OK Password accepted");
    for (Wire& guesser : guessers) guesser.close();
}

TEST_CASE("a hash helper that is killed in the middle costs one SYS TEMP at most") {
    TempDirectory directory;
    // Of "right"; a second of work, so that it is killed in the middle.
    const std::string slow = "{CRYPT}$6$rounds=3000000$saltsalt$oR1MhMNQ.hUVedMHBJPY6GYZw2p0iI8CdmKL6NTUEgt5JP12OrrpiqVgZPG"
                             "K5Krs33YRQeCemi/dIpdBmYY8Z0";
    std::string users;
    for (const char* name : {"ana", "bea", "eva", "luz"}) users += std::string(name) + ':' + slow + '\n';
    Server server{0, {"--users", directory.file("users", users)}};
    std::vector<Pop3Client> clients;
    for (const char* name : {"ana", "bea", "eva", "luz"}) {
        clients.push_back(server.client());
        (void)clients.back().command(std::string("USER ") + name);
        clients.back().send("PASS right\r\n");
    }
    // Nobody is in yet, so all workers there are hash.
    pid_t helper = -1;
    CHECK(eventually([&] {
        for (const pid_t child : children_of(server.pid()))
            if (named_worker(child)) helper = child;
        return helper > 0;
    }));
    CHECK(::kill(helper, SIGKILL) == 0);
    int refused = 0;
    for (Pop3Client& client : clients) {
        const std::string reply = client.line();
        CAPTURE(reply);
        if (reply.starts_with("-ERR [SYS/TEMP]")) {
            ++refused;
            CHECK(client.command("USER ana").starts_with("+OK"));   // the session goes on
        } else {
            CHECK(reply == "+OK Password accepted");
        }
    }
    CHECK(refused <= 1);
    for (Pop3Client& client : clients) client.close();
    clients.clear();
    CHECK(eventually([&] {   // the lock of the connection that was just closed may take a moment
        Pop3Client client = server.client();
        (void)client.command("USER ana");
        return client.command("PASS right").starts_with("+OK");
    }));
}
