// The reactor's side, with a keeper that answers late, wrongly or never, or that goes away.
#include "buzon/keeper/client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "support/catch.h"
#include "support/process.h"

using namespace buzon;
using namespace std::chrono_literals;
using keeper::Kind;
using keeper::Report;
using keeper::Told;
using posix::UniqueFd;

namespace {

std::pair<UniqueFd, UniqueFd> pair_of_sockets() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

// A keeper that does what a test says, and its client.
struct PretendedKeeper {
    event::EventLoop loop;
    UniqueFd channel;
    bool lost = false;
    std::optional<keeper::Client> client;

    explicit PretendedKeeper(std::chrono::milliseconds patience = 1h) {
        auto [ours, theirs] = pair_of_sockets();
        channel = std::move(ours);
        client.emplace(
            loop, std::move(theirs), [this] { lost = true; }, patience);
    }

    // The next request; false: there is none.
    template <class Record>
    bool next(Record& request, UniqueFd& answer) {
        const auto got = keeper::receive_record(channel.get(), std::as_writable_bytes(std::span{&request, 1}), answer);
        return got.what == posix::Moved::some && got.bytes == sizeof request;
    }
    static void say(const UniqueFd& answer, const Report& report, int fd = -1) {
        REQUIRE(keeper::send_record(answer.get(), keeper::octets_of(report), fd).what == posix::Moved::some);
    }
    void turn() { loop.turn(0ms); }
    // Whether the next request releases this listener.
    bool is_released(std::uint32_t number) {
        keeper::Release release;
        UniqueFd none;
        return next(release, none) && release.kind == Kind::release && release.number == number;
    }
};

// What became of a request.
struct Outcome {
    int told = 0;
    std::error_code why;
    UniqueFd socket;
    std::uint32_t number = 0;

    keeper::Sockets::OnListening listening() {
        return [this](posix::Result<keeper::Listening> result) {
            ++told;
            why = result.error();
            if (!result) return;
            number = result.value().number;
            socket = std::move(result.value().socket);
        };
    }
    keeper::Sockets::OnConnected connected() {
        return [this](posix::Result<UniqueFd> result) {
            ++told;
            why = result.error();
            if (result) socket = std::move(result).value();
        };
    }
};

} // namespace

TEST_CASE("a socket that the keeper opens late is handed over then, and the loop goes on meanwhile") {
    PretendedKeeper keeper;
    Outcome outcome;
    const auto request = keeper.client->listen({}, outcome.listening());
    keeper::Listen asked;
    UniqueFd answer;
    REQUIRE(keeper.next(asked, answer));
    for (int i = 0; i < 10; ++i) keeper.turn();
    CHECK(outcome.told == 0);
    const UniqueFd made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    PretendedKeeper::say(answer, {Told::done, asked.number, 0}, made.get());
    keeper.turn();
    CHECK(outcome.told == 1);
    CHECK(outcome.socket);
    CHECK(outcome.number == asked.number);
    for (int i = 0; i < 3; ++i) keeper.turn();
    CHECK(outcome.told == 1);
}

TEST_CASE("wait() on a request delivers the keeper's answer without the event loop") {
    PretendedKeeper keeper;
    Outcome outcome;
    const auto request = keeper.client->connect("/dev/log", outcome.connected());
    keeper::Connect asked;
    UniqueFd answer;
    REQUIRE(keeper.next(asked, answer));
    PretendedKeeper::say(answer, {Told::refused, 0, ENOENT});
    CHECK(outcome.told == 0); // never from within the call
    request->wait();
    CHECK(outcome.told == 1);
    CHECK(outcome.why == std::errc::no_such_file_or_directory);
}

TEST_CASE("if the keeper never answers, a request times out, and a socket that is opened later is released") {
    const std::size_t before = test::descriptors_of(::getpid());
    {
        PretendedKeeper keeper{1ms};
        Outcome by_loop, by_waiting;
        const auto first = keeper.client->listen({}, by_loop.listening());
        const auto end = event::Clock::now() + 1min;
        while (by_loop.told == 0 && event::Clock::now() < end) keeper.loop.turn(10ms);
        const auto second = keeper.client->listen({}, by_waiting.listening());
        second->wait();
        for (const Outcome* outcome : {&by_loop, &by_waiting}) {
            CHECK(outcome->told == 1);
            CHECK(outcome->why == std::errc::timed_out);
        }
        for (const std::uint32_t number : {1U, 2U}) {
            keeper::Listen asked;
            UniqueFd answer;
            REQUIRE(keeper.next(asked, answer));
            CHECK(asked.number == number);
            CHECK(keeper.is_released(number));
            // Nobody receives this answer any more.
            const UniqueFd made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            (void)keeper::send_record(answer.get(), keeper::octets_of(Report{Told::done, number, 0}), made.get());
        }
        keeper.turn();
    }
    CHECK(test::descriptors_of(::getpid()) == before);
}

TEST_CASE("destroying the request for a listener releases it, whether or not it has been opened") {
    PretendedKeeper keeper;
    Outcome outcome;
    const bool opened = GENERATE(false, true);
    auto request = keeper.client->listen({}, outcome.listening());
    keeper::Listen asked;
    UniqueFd answer;
    REQUIRE(keeper.next(asked, answer));
    const UniqueFd made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (opened) PretendedKeeper::say(answer, {Told::done, asked.number, 0}, made.get());
    request.reset();
    CHECK(keeper.is_released(asked.number));
    keeper.turn();
    CHECK(outcome.told == 0);
}

TEST_CASE("a listener for which we have no free descriptor is released") {
    PretendedKeeper keeper;
    Outcome outcome;
    const auto request = keeper.client->listen({}, outcome.listening());
    keeper::Listen asked;
    UniqueFd answer;
    REQUIRE(keeper.next(asked, answer));
    PretendedKeeper::say(answer, {Told::done, asked.number, 0}); // as if the kernel had dropped it
    keeper.turn();
    CHECK(outcome.why == std::errc::too_many_files_open);
    CHECK(keeper.is_released(asked.number));
}

TEST_CASE("requests wait while the channel is full, and fail if the keeper goes away") {
    PretendedKeeper keeper;
    std::vector<std::unique_ptr<keeper::Request>> requests;
    std::vector<Outcome> outcomes(3000); // more than a channel holds
    for (Outcome& outcome : outcomes) requests.push_back(keeper.client->connect("/dev/log", outcome.connected()));
    const std::size_t answered = 2500;
    for (std::size_t i = 0; i < answered; ++i) {
        keeper::Connect asked;
        UniqueFd answer;
        while (!keeper.next(asked, answer)) keeper.turn();
        PretendedKeeper::say(answer, {Told::refused, 0, ENOENT});
    }
    keeper.channel.reset();
    for (int i = 0; i < 100; ++i) keeper.turn();
    CHECK(keeper.lost);
    std::size_t refused = 0, lost = 0;
    for (const Outcome& outcome : outcomes) {
        CHECK(outcome.told == 1);
        if (outcome.why == std::errc::no_such_file_or_directory) ++refused;
        if (outcome.why == std::errc::not_connected) ++lost;
    }
    CHECK(refused == answered);
    CHECK(lost == outcomes.size() - answered);
    Outcome late;
    const auto request = keeper.client->connect("/dev/log", late.connected());
    CHECK(late.told == 0);
    keeper.turn();
    CHECK(late.why == std::errc::not_connected);
}

TEST_CASE("the callback of a request may destroy the request and begin another one") {
    PretendedKeeper keeper;
    std::unique_ptr<keeper::Request> request;
    int told = 0;
    const std::function<void(posix::Result<UniqueFd>)> again = [&](const auto&) {
        request.reset();
        if (++told < 3) request = keeper.client->connect("/dev/log", again);
    };
    request = keeper.client->connect("/dev/log", again);
    for (int i = 0; i < 3; ++i) {
        keeper::Connect asked;
        UniqueFd answer;
        REQUIRE(keeper.next(asked, answer));
        PretendedKeeper::say(answer, {Told::refused, 0, ENOENT});
        keeper.turn();
    }
    CHECK(told == 3);
    CHECK_FALSE(request);
}
