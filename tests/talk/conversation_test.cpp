#include "buzon/talk/conversation.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "buzon/posix/io.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::client;
using namespace std::chrono_literals;

namespace {

// A conversation and the server's end of it, in one process: the server's replies are written before the commands.
struct ConversationBench {
    posix::UniqueFd far;
    std::optional<Conversation> near;

    ConversationBench() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error{"socketpair"};
        near.emplace(posix::UniqueFd{ends[0]});
        far.reset(ends[1]);
    }
    void says(std::string_view text) { REQUIRE_FALSE(posix::write_all(far.get(), text)); }
    std::string heard() {
        std::array<char, 4096> piece;
        const ssize_t n = ::recv(far.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        return n > 0 ? std::string{piece.data(), static_cast<std::size_t>(n)} : "";
    }
};

// Interrupts at each '!' that can be read from its pipe, and stops watching it after an 'x'.
class PipeWatcher final : public Watcher {
public:
    PipeWatcher() : pipe_{posix::make_pipe(true).value()}, descriptor_{pipe_.read_end.get()} {}
    void poke(std::string_view bytes) { REQUIRE_FALSE(posix::write_all(pipe_.write_end.get(), bytes)); }
    [[nodiscard]] std::span<const int> descriptors() const override { return {&descriptor_, done_ ? 0U : 1U}; }
    bool wants_out(int descriptor) override {
        char c = 0;
        static_cast<void>(posix::read_some(descriptor, {&c, 1}));
        done_ = c == 'x';
        return c == '!';
    }

private:
    posix::Pipe pipe_;
    int descriptor_;
    bool done_ = false;
};

} // namespace

TEST_CASE("lines are the same whether they end with CRLF or LF") {
    ConversationBench bench;
    bench.says("+OK one\r\n+OK two\n\r\n");
    CHECK(bench.near->hear(1s).text == "+OK one");
    CHECK(bench.near->hear(1s).text == "+OK two");
    CHECK(bench.near->hear(1s).what == Heard::line);
    CHECK(bench.near->hear(0ms).what == Heard::quiet);
}

TEST_CASE("a reply is read whole wherever it is cut") {
    const std::string wire = "+OK\r\n..a\r\nb\r\n.\r\n";
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        ConversationBench bench;
        bench.says(wire.substr(0, cut));
        ReplyReader reader;
        auto progress = ReplyReader::Progress::more;
        const auto read_all = [&] {
            for (Hearing heard = bench.near->hear(0ms); heard.what == Heard::line; heard = bench.near->hear(0ms)) {
                progress = reader.take(heard.text);
            }
        };
        read_all();
        bench.says(wire.substr(cut));
        read_all();
        CHECK(progress == ReplyReader::Progress::done);
        CHECK(reader.reply().lines == std::vector<std::string>{".a", "b"});
    }
}

TEST_CASE("a command is sent as one line, and its reply is read") {
    ConversationBench bench;
    bench.says("+OK\r\nmessages 7\r\n.\r\n");
    const Answer answer = ask(*bench.near, "METR *");
    CHECK(answer.kind == Answer::Kind::reply);
    CHECK(answer.reply.lines == std::vector<std::string>{"messages 7"});
    CHECK(bench.heard() == "METR *\r\n");
}

TEST_CASE("a reply itself shows where it ends, even to a command that only a later server knows") {
    ConversationBench bench;
    bench.says("+OK done\r\n+OK\r\nline\r\n.\r\n");
    CHECK(ask(*bench.near, "NEWW x").reply.text == "done");
    CHECK(ask(*bench.near, "NEWW y").reply.lines == std::vector<std::string>{"line"});
    CHECK(bench.heard() == "NEWW x\r\nNEWW y\r\n");
    CHECK(bench.near->hear(0ms).what == Heard::quiet);
}

TEST_CASE("a server that hangs up is gone, even in the middle of a list") {
    for (const char* last : {"", "+OK", "+OK\r\n", "+OK\r\nhalf a list\r\n"}) {
        ConversationBench bench;
        bench.says(last);
        ::shutdown(bench.far.get(), SHUT_WR);
        const Answer answer = ask(*bench.near, "METR *");
        CHECK(answer.kind == Answer::Kind::gone);
        CHECK(answer.why == "the server closed the connection");
    }
}

TEST_CASE("the last reply of a server that has already gone is read") {
    ConversationBench bench;
    bench.says("-ERR [SYS/TEMP] going down\r\n");
    bench.far.reset();
    const Answer answer = ask(*bench.near, "METR");
    CHECK(answer.kind == Answer::Kind::reply);
    CHECK(answer.reply.text == "[SYS/TEMP] going down");
}

TEST_CASE("a reply counts if the server closes the connection right after it") {
    ConversationBench bench;
    bench.says("+OK draining\r\n");
    ::shutdown(bench.far.get(), SHUT_WR);
    const Answer answer = ask(*bench.near, "NEWW");
    CHECK(answer.kind == Answer::Kind::reply);
    CHECK(answer.reply.ok);
}

TEST_CASE("a server that speaks another protocol is recognized") {
    ConversationBench bench;
    bench.says("220 mail.example ESMTP\r\n");
    CHECK(ask(*bench.near, "METR").kind == Answer::Kind::gone);
}

TEST_CASE("a watcher can interrupt a wait") {
    ConversationBench bench;
    PipeWatcher watcher;
    watcher.poke("..!");
    CHECK(bench.near->hear(std::nullopt, &watcher).what == Heard::interrupted);
    watcher.poke("!");
    bench.says("+OK\r\n");
    // The watcher comes first, even if the server never stops sending.
    CHECK(bench.near->hear(1s, &watcher).what == Heard::interrupted);
    CHECK(bench.near->hear(1s, &watcher).what == Heard::line);
}

TEST_CASE("a descriptor that a watcher gives up is not read again in the same wait") {
    ConversationBench bench;
    PipeWatcher watcher;
    watcher.poke("x!");
    CHECK(bench.near->hear(0ms, &watcher).what == Heard::quiet);
}

TEST_CASE("the client ends a live list with an empty line and reads the rest of it") {
    ConversationBench bench;
    PipeWatcher watcher;
    bench.says("+OK\r\nfirst\r\n..second\r\nlate\r\n.\r\n+OK next\r\n");
    std::vector<std::string> lines;
    const Answer answer = follow(
        *bench.near, "EVNT", watcher, [](const Reply&) { return true; },
        [&](std::string_view line) {
            lines.emplace_back(line);
            return lines.size() < 2;
        });
    CHECK(answer.kind == Answer::Kind::reply);
    CHECK(lines == std::vector<std::string>{"first", ".second"});
    CHECK(bench.heard() == "EVNT\r\n\r\n");
    CHECK(bench.near->hear(0ms).text == "+OK next");
}

TEST_CASE("a live list that is refused never begins") {
    ConversationBench bench;
    PipeWatcher watcher;
    bench.says("-ERR unknown type\r\n");
    bool begun = false;
    const Answer answer = follow(
        *bench.near, "EVNT nothing", watcher, [&](const Reply&) { return begun = true; },
        [](std::string_view) { return true; });
    CHECK_FALSE(answer.reply.ok);
    CHECK_FALSE(begun);
}

TEST_CASE("waiting for a greeting that never comes times out") {
    // The listener's backlog takes the connection, but nothing accepts it.
    const posix::UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
    const auto opened = Conversation::open({"127.0.0.1", std::to_string(ntohs(where.sin_port)), ""}, 50ms);
    REQUIRE(std::holds_alternative<std::string>(opened));
    CHECK(std::get<std::string>(opened) == "the server sent no greeting");
}
