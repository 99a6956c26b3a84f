// net/stream_test.cpp - every state transition of a stream, and what slow, silent and vanished peers do to it.
#include "buzon/net/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "buzon/net/listener.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::net;
using posix::UniqueFd;
using State = Stream::State;

namespace {

struct Ends {
    UniqueFd ours, peers;
};

Ends socket_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

// Over TCP, which has resets.
Ends tcp_pair(event::EventLoop& loop) {
    Ends ends;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = Listener::open(loop, sockets, Endpoint{*Ip::parse("127.0.0.1"), 0, 0}).value();
    ends.peers.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = to_socket_address(Endpoint{*Ip::parse("127.0.0.1"), listener->port(), 0});
    REQUIRE(::connect(ends.peers.get(), address.get(), address.length) == 0);
    REQUIRE_FALSE(listener->begin([&](Accepted accepted) { ends.ours = std::move(accepted.socket); }));
    listener->accept_rest();
    REQUIRE(ends.ours);
    REQUIRE(::fcntl(ends.peers.get(), F_SETFL, O_NONBLOCK) == 0);
    return ends;
}

// Consumes at most `most` octets of its input in each turn and answers them with `reply`.
struct Peer final : StreamEvents {
    event::EventLoop loop;
    StreamRoom room{loop};
    Ends ends;
    Stream stream;
    std::size_t most = std::string::npos; // octets consumed per turn
    bool wants = true;                    // input after the next turn
    std::function<std::string(std::string_view)> reply = [](std::string_view) { return std::string{}; };
    std::string got;
    unsigned rooms = 0, half_closed = 0, lost = 0;
    std::size_t told_sent = 0;

    explicit Peer(bool tcp = false)
        : ends{tcp ? tcp_pair(loop) : socket_pair()}, stream{room, std::move(ends.ours), *this} {
        REQUIRE_FALSE(stream.start());
    }

    void take(std::string_view fresh = {}) {
        stream.begin_turn(fresh);
        const std::string_view now = stream.input().substr(0, most);
        stream.input().remove_prefix(now.size());
        got += now;
        stream.out() += reply(now);
        stream.flush();
        stream.end_turn(wants);
    }
    void on_input(std::string_view fresh) override { take(fresh); }
    void on_room() override {
        ++rooms;
        take();
    }
    void on_half_closed() override { ++half_closed; }
    void on_lost() override { ++lost; }
    void on_sent(std::size_t octets) override { told_sent += octets; }

    void turns(int count = 3) {
        for (int i = 0; i < count; ++i) loop.turn(std::chrono::milliseconds{0});
    }
    void say(std::string_view text) {
        REQUIRE(::send(ends.peers.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    void say_no_more() const { ::shutdown(ends.peers.get(), SHUT_WR); }
    // What is in the peer's socket now; empty if nothing is.
    std::string hear() {
        std::string all;
        char piece[4096];
        for (ssize_t n; (n = ::recv(ends.peers.get(), piece, sizeof piece, MSG_DONTWAIT)) > 0;)
            all.append(piece, static_cast<std::size_t>(n));
        return all;
    }
    bool hears_end() {
        char octet = 0;
        return ::recv(ends.peers.get(), &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
    // Everything, however slowly it arrives.
    std::string hear_all(std::size_t expected) {
        std::string all;
        for (int i = 0; i < 10000 && all.size() < expected; ++i) {
            all += hear();
            turns(1);
        }
        return all;
    }
};

// More than any socket buffer holds.
std::string much() {
    std::string text;
    for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i) + "\r\n";
    return text;
}

UniqueFd file_of(std::string_view text) {
    UniqueFd file{::memfd_create("part", MFD_CLOEXEC)};
    REQUIRE_FALSE(posix::write_all(file.get(), text));
    return file;
}

} // namespace

TEST_CASE("octets reach the owner in order, unconsumed ones before new ones") {
    Peer peer;
    peer.most = 3;
    peer.say("abcdef");
    peer.turns(1);
    CHECK(peer.got == "abc");
    CHECK(peer.stream.keeps_input());
    peer.say("ghi");
    peer.turns(1);
    CHECK(peer.got == "abcdef");
    peer.most = std::string::npos;
    peer.take();
    CHECK(peer.got == "abcdefghi");
    CHECK_FALSE(peer.stream.keeps_input());
    CHECK(peer.stream.received() == 9);
    CHECK(peer.stream.state() == State::open);
}

TEST_CASE("a reply is sent within its turn, and counted") {
    Peer peer;
    peer.reply = [](std::string_view) { return "+OK\r\n"; };
    peer.say("NOOP\r\n");
    peer.turns(1);
    CHECK(peer.hear() == "+OK\r\n");
    CHECK(peer.stream.sent() == 5);
    CHECK(peer.told_sent == 5);
    CHECK(peer.rooms == 0);
    CHECK_FALSE(peer.stream.slow());
}

TEST_CASE("output that a slow peer does not take is queued, and on_room() comes once all of it is sent") {
    Peer peer;
    const std::string text = much();
    peer.reply = [&](std::string_view now) { return now.empty() ? "" : text; };
    peer.say("RETR");
    peer.turns(1);
    CHECK(peer.stream.slow());
    CHECK(peer.stream.queued() > 0);
    CHECK(peer.stream.sent() + peer.stream.queued() == text.size());
    peer.stream.begin_turn();
    CHECK(peer.stream.position() == text.size());
    CHECK_FALSE(peer.stream.flush());
    peer.stream.out() += "behind";
    CHECK(peer.stream.position() == text.size() + 6);
    peer.stream.end_turn(false);
    CHECK((peer.hear_all(text.size() + 6) == text + "behind"));
    CHECK(peer.rooms == 1);
    CHECK(peer.told_sent == text.size() + 6);
    CHECK_FALSE(peer.stream.slow());
}

TEST_CASE("a slow peer's input stays in the kernel until the output is sent") {
    Peer peer;
    const std::string text = much();
    peer.reply = [&](std::string_view now) { return now == "RETR" ? text : ""; };
    peer.say("RETR");
    peer.turns(1);
    peer.say("NOOP");
    peer.turns();
    CHECK(peer.got == "RETR");
    CHECK((peer.hear_all(text.size()) == text));
    peer.turns();
    CHECK(peer.got == "RETRNOOP");
}

TEST_CASE("a slow peer that reads is distinguished from one that does not") {
    Peer peer;
    peer.reply = [&](std::string_view) { return much(); };
    peer.say("RETR");
    peer.turns(1);
    CHECK_FALSE(peer.stream.peer_reads());
    char some[65536];
    REQUIRE(::recv(peer.ends.peers.get(), some, sizeof some, 0) > 0);
    CHECK(peer.stream.peer_reads());
    CHECK_FALSE(peer.stream.peer_reads());
}

TEST_CASE("a peer that vanishes while it is slow or silent or has unread input is reported lost once") {
    Peer peer;
    SECTION("slow") {
        peer.reply = [](std::string_view) { return much(); };
        peer.say("RETR");
        peer.turns(1);
        REQUIRE(peer.stream.slow());
    }
    SECTION("silent") {}
    SECTION("with unread input") {
        peer.wants = false;
        peer.say("a");
        peer.turns(1);
        peer.say("b");
        peer.turns();
    }
    peer.ends.peers.reset();
    peer.turns();
    CHECK(peer.lost == 1);
    CHECK(peer.stream.is_cut());
    CHECK(peer.stream.queued() == 0);
    CHECK_FALSE(peer.stream.peer_reads());
}

TEST_CASE("sending to a vanished peer cuts the stream, and later output is discarded") {
    Peer peer;
    peer.ends.peers.reset();
    peer.stream.begin_turn();
    peer.stream.out() += "+OK\r\n";
    CHECK_FALSE(peer.stream.flush());
    CHECK(peer.stream.is_cut());
    peer.stream.out() += "more";
    CHECK(peer.stream.flush());
    CHECK(peer.stream.out().empty());
    peer.stream.end_turn(true);
    CHECK(peer.stream.sent() == 0);
    peer.turns();
    CHECK(peer.lost == 0); // flush() has reported it
}

TEST_CASE("a reset cuts the stream, whether or not its owner wants input") {
    Peer peer{true};
    peer.wants = GENERATE(true, false);
    peer.say("a");
    peer.turns();
    const linger hard{1, 0};
    ::setsockopt(peer.ends.peers.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    peer.ends.peers.reset();
    peer.turns();
    CHECK(peer.lost == 1);
    CHECK(peer.stream.is_cut());
}

TEST_CASE("a peer that half-closes after its last commands gets all replies") {
    Peer peer;
    peer.reply = [](std::string_view now) { return "<" + std::string{now} + ">"; };
    peer.say("STAT");
    peer.say_no_more();
    peer.turns();
    CHECK(peer.got == "STAT");
    CHECK(peer.stream.state() == State::half_closed);
    CHECK(peer.half_closed == 0); // noticed by reading
    CHECK(peer.hear() == "<STAT><>");
    peer.turns();
    CHECK(peer.hear() == ""); // the end is reported once
    CHECK(peer.lost == 0);
}

TEST_CASE("a half-close while no input is wanted is reported once, unless commands are unread") {
    Peer peer;
    peer.wants = false;
    peer.say("RETR");
    peer.turns(1);
    const bool more = GENERATE(true, false);
    if (more) peer.say("NOOP");
    peer.say_no_more();
    peer.turns();
    CHECK(peer.half_closed == (more ? 0 : 1));
    CHECK(peer.stream.state() == (more ? State::open : State::half_closed));
    peer.turns();
    CHECK(peer.half_closed == (more ? 0 : 1));
    CHECK(peer.got == "RETR");
    peer.wants = true;
    peer.take();
    peer.turns();
    CHECK(peer.got == (more ? "RETRNOOP" : "RETR"));
    CHECK(peer.stream.state() == State::half_closed);
}

TEST_CASE("a slow peer that has half-closed still gets what is queued") {
    Peer peer;
    const std::string text = much();
    peer.reply = [&](std::string_view now) { return now.empty() ? "" : text; };
    peer.say("RETR");
    peer.say_no_more();
    peer.turns();
    CHECK((peer.hear_all(text.size()) == text));
    peer.turns();
    CHECK(peer.stream.state() == State::half_closed);
    CHECK(peer.lost == 0);
}

TEST_CASE("a draining stream stops reading, sends what is queued, and reports when that is sent") {
    Peer peer;
    const std::string text = much();
    peer.reply = [&](std::string_view now) {
        if (now == "QUIT") peer.stream.finish(false);
        return now == "QUIT" ? text : "";
    };
    peer.say("QUIT");
    peer.turns(1);
    CHECK(peer.stream.state() == State::draining);
    peer.say("NOOP");
    peer.turns();
    CHECK(peer.got == "QUIT");
    CHECK(peer.rooms == 0);
    CHECK((peer.hear_all(text.size()) == text));
    CHECK(peer.rooms == 1);
    peer.stream.cut();
    CHECK(peer.stream.is_cut());
    CHECK(peer.hears_end());
    CHECK(peer.lost == 0);
}

TEST_CASE("unread input does not stop the last reply from reaching the peer") {
    Peer peer{true};
    peer.reply = [](std::string_view now) { return now.empty() ? "" : "-ERR Too much\r\n"; };
    peer.wants = false;
    peer.say("a");
    peer.turns(1);
    peer.say("what nobody reads any more");
    peer.stream.cut();
    CHECK(peer.hear() == "-ERR Too much\r\n");
    CHECK(peer.hears_end());
}

TEST_CASE("part of a file is sent unchanged, after earlier output") {
    Peer peer;
    const std::string text = "0123456789";
    const UniqueFd file = file_of(text);
    peer.stream.begin_turn();
    peer.stream.out() += "+OK\r\n";
    const posix::Transfer went = peer.stream.send({file.get(), 2, 5});
    CHECK(went.what == posix::Moved::some);
    CHECK(went.bytes == 5);
    CHECK(peer.stream.send({file.get(), 10, 5}).what == posix::Moved::end);
    CHECK_FALSE(peer.stream.is_cut()); // the owner handles a file that is too short
    peer.stream.end_turn(true);
    CHECK(peer.hear() == "+OK\r\n23456");
    CHECK(peer.stream.sent() == 10);
}

TEST_CASE("the rest of a file waits until a slow peer has room for it") {
    Peer peer;
    const std::string text = much();
    const UniqueFd file = file_of(text);
    std::size_t at = 0;
    peer.reply = [&](std::string_view) {
        while (at < text.size()) {
            const posix::Transfer went = peer.stream.send({file.get(), at, text.size() - at});
            if (went.what != posix::Moved::some) break;
            at += went.bytes;
            if (peer.stream.slow()) break;
        }
        return "";
    };
    peer.take();
    CHECK(peer.stream.slow());
    CHECK(peer.stream.queued() == 0);
    CHECK((peer.hear_all(text.size()) == text));
    CHECK(peer.rooms > 0);
    peer.ends.peers.reset();
    peer.stream.begin_turn();
    CHECK(peer.stream.send({file.get(), 0, 5}).what == posix::Moved::failed);
    CHECK(peer.stream.is_cut());
    peer.stream.end_turn(true);
}

TEST_CASE("peer_has_ended() reports a half-close only once all input has been read") {
    Peer peer;
    CHECK_FALSE(peer.stream.peer_has_ended());
    peer.say("a");
    peer.say_no_more();
    CHECK_FALSE(peer.stream.peer_has_ended());
    peer.turns();
    CHECK(peer.stream.peer_has_ended());
    peer.stream.cut();
    CHECK_FALSE(peer.stream.peer_has_ended());
}

TEST_CASE("peer_has_read_all() waits for the last octet") {
    Peer peer;
    CHECK(peer.stream.peer_has_read_all());
    peer.reply = [](std::string_view) { return "ab"; };
    peer.take();
    CHECK_FALSE(peer.stream.peer_has_read_all());
    char octet = 0;
    REQUIRE(::recv(peer.ends.peers.get(), &octet, 1, 0) == 1);
    CHECK_FALSE(peer.stream.peer_has_read_all());
    REQUIRE(::recv(peer.ends.peers.get(), &octet, 1, 0) == 1);
    CHECK(peer.stream.peer_has_read_all());
    peer.stream.cut();
    CHECK(peer.stream.peer_has_read_all());
}

TEST_CASE("discard_input() discards what has arrived, and returns even if the peer sends without end") {
    Peer peer;
    const std::string piece(4096, 'x');
    std::size_t sent = 0;
    const auto send_some = [&] {
        const ssize_t n = ::send(peer.ends.peers.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
        return n > 0;
    };
    while (send_some()) {
    }
    const std::size_t arrived = sent; // more can be sent only once some of it has been read
    std::atomic<bool> enough = false;
    std::thread flood{[&] {
        while (!enough && sent < 200'000'000) (void)send_some();
    }};
    peer.stream.discard_input();
    enough = true;
    flood.join();
    std::size_t left = 0;
    std::vector<char> room(65536);
    for (ssize_t n; (n = ::recv(peer.stream.socket(), room.data(), room.size(), MSG_DONTWAIT)) > 0;)
        left += static_cast<std::size_t>(n);
    CHECK(sent - left == arrived);
}

TEST_CASE("an idle stream is small") {
    CHECK(sizeof(Stream) <= 96);
}
