// system/guesses_test.cpp - many who guess: what it costs those who know their password.
#include <sys/resource.h>
#include <sys/socket.h>

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
