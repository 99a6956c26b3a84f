#include "buzon/talk/conversation.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/talk/commands.h"
#include "connect.h"

namespace buzon::client {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t longest_reply_line = std::size_t{4} * 1024 * 1024;
constexpr Milliseconds goodbye_patience = 1s;

// A POP3 server also greets with +OK: without this check the first command would just look refused.
constexpr std::string_view greeting_text = "buzon management";

constexpr std::string_view closed = "the server closed the connection";

// The timeout for poll(2); -1: wait forever. Rounded up, so that the deadline has passed when poll times out.
int poll_time(std::optional<Clock::time_point> deadline) {
    if (!deadline) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(*deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 1'000'000'000));
}

Answer gone(std::string why) {
    return {Answer::Kind::gone, {}, std::move(why)};
}

std::string seconds_text(Milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

std::string Address::text() const {
    if (!unix_path.empty()) return "unix:" + unix_path;
    return host.find(':') == std::string::npos ? host + ':' + port : '[' + host + "]:" + port;
}

std::variant<Conversation, std::string> Conversation::open(const Address& address, Milliseconds patience) {
    auto socket = connect_to(address, patience);
    if (auto* why = std::get_if<std::string>(&socket)) return std::move(*why);
    Conversation server{std::get<posix::UniqueFd>(std::move(socket)), patience};
    const Hearing greeting = server.hear(patience);
    if (greeting.what == Heard::quiet) return "the server sent no greeting";
    if (greeting.what != Heard::line) return greeting.text;
    ReplyReader reader;
    if (reader.take(greeting.text) != ReplyReader::Progress::done) return "this is not a management service";
    if (!reader.reply().ok) return "refused: " + reader.reply().text;
    if (!reader.reply().text.starts_with(greeting_text)) return "this is not a management service";
    return server;
}

Conversation::Conversation(posix::UniqueFd socket, Milliseconds patience)
    : socket_{std::move(socket)}, patience_{patience} {
    // Nobody else uses this socket, so it can be non-blocking.
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

std::string Conversation::send(std::string_view line) {
    const std::string wire = std::string{line} + "\r\n";
    std::string_view rest = wire;
    const auto deadline = Clock::now() + patience_;
    while (!rest.empty()) {
        const posix::Transfer sent = posix::send_some(socket_.get(), rest);
        if (sent.what == posix::Moved::some) {
            rest.remove_prefix(sent.bytes);
        } else if (sent.what != posix::Moved::would_block) {
            // Clearer than "Broken pipe". If the peer sent a reason before it closed, ask() still reads it.
            return sent.why == std::errc::broken_pipe ? std::string{closed} : sent.why.message();
        } else {
            pollfd ready{socket_.get(), POLLOUT, 0};
            if (::poll(&ready, 1, poll_time(deadline)) == 0) return "the server is not reading";
        }
    }
    return {};
}

std::optional<std::string> Conversation::next_line() {
    const std::size_t end = received_.find('\n', read_);
    if (end == std::string::npos) return std::nullopt;
    std::string line = received_.substr(read_, end - read_);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    read_ = end + 1;
    if (read_ == received_.size()) {
        received_.clear();
        read_ = 0;
    }
    return line;
}

// Reads once. Empty on success, otherwise the reason.
std::string Conversation::receive() {
    if (read_ > 64 * 1024) {
        received_.erase(0, read_);
        read_ = 0;
    }
    std::array<char, 16 * 1024> piece;
    const posix::Transfer got = posix::read_some(socket_.get(), piece);
    switch (got.what) {
    case posix::Moved::some: received_.append(piece.data(), got.bytes); break;
    case posix::Moved::would_block: break;
    case posix::Moved::end: return std::string{closed};
    case posix::Moved::failed: return got.why.message();
    }
    return received_.size() - read_ > longest_reply_line && !holds_line() ? "the server sent an overlong line" : "";
}

Hearing Conversation::hear(std::optional<Milliseconds> patience, Watcher* watcher) {
    std::optional<Clock::time_point> deadline;
    if (patience) deadline = Clock::now() + *patience;
    std::vector<pollfd> ready;
    for (;;) {
        ready.assign({{socket_.get(), POLLIN, 0}});
        if (watcher) // each time, since wants_out() may have closed one
            for (const int descriptor : watcher->descriptors()) ready.push_back({descriptor, POLLIN, 0});
        // Other descriptors first: a server that never stops sending must not block Ctrl-C.
        const bool waiting = !holds_line();
        const int count = ::poll(ready.data(), ready.size(), waiting ? poll_time(deadline) : 0);
        if (count < 0 && errno != EINTR) return {Heard::gone, posix::last_error().message()};
        if (count <= 0) std::for_each(ready.begin(), ready.end(), [](pollfd& one) { one.revents = 0; });
        for (std::size_t i = 1; i < ready.size(); ++i) {
            if (ready[i].revents != 0 && watcher->wants_out(ready[i].fd)) return {Heard::interrupted};
        }
        if (auto line = next_line()) return {Heard::line, std::move(*line)};
        if (count == 0) return {Heard::quiet};
        if (ready[0].revents == 0) continue;
        if (std::string why = receive(); !why.empty()) return {Heard::gone, std::move(why)};
    }
}

void Conversation::leave() {
    if (!send("QUIT").empty()) return;
    while (hear(goodbye_patience).what == Heard::line) {
    }
}

Answer ask(Conversation& server, std::string_view command, Watcher* watcher) {
    // Even if sending fails, read what is left, since the server may have said why.
    const std::string unsent = server.send(command);
    ReplyReader reader{is_live(command)};
    for (;;) {
        Hearing heard = server.hear(server.patience(), watcher);
        if (heard.what == Heard::interrupted) return {Answer::Kind::interrupted};
        if (heard.what == Heard::quiet)
            return gone("no reply within " + seconds_text(server.patience()) + " (--timeout waits longer)");
        if (heard.what == Heard::gone) return gone(unsent.empty() ? heard.text : unsent);
        switch (reader.take(heard.text)) {
        case ReplyReader::Progress::more: break;
        case ReplyReader::Progress::done: return {Answer::Kind::reply, reader.release()};
        case ReplyReader::Progress::not_the_protocol: return gone("the server sent something other than a reply");
        case ReplyReader::Progress::too_much: return gone("the reply is too long");
        }
    }
}

Answer follow(Conversation& server, std::string_view command, Watcher& watcher,
              const std::function<bool(const Reply&)>& started, const std::function<bool(std::string_view)>& each) {
    Answer answer = ask(server, command, &watcher);
    if (answer.kind != Answer::Kind::reply || !answer.reply.ok) return answer;
    bool enough = !started(answer.reply);
    bool leaving = false;
    for (;;) {
        if (enough && !leaving) {
            leaving = true;
            if (std::string why = server.send(""); !why.empty()) return gone(std::move(why));
        }
        const std::optional<Milliseconds> patience = leaving ? std::optional{server.patience()} : std::nullopt;
        const Hearing heard = server.hear(patience, &watcher);
        switch (heard.what) {
        case Heard::gone: return gone(heard.text);
        case Heard::quiet: return gone("the server did not finish its reply");
        case Heard::interrupted:
            if (leaving) return {Answer::Kind::interrupted}; // interrupted twice: leave at once
            enough = true;
            break;
        case Heard::line:
            if (heard.text == ".") return answer;
            if (!leaving) enough = !each(unstuffed(heard.text));
        }
    }
}

} // namespace buzon::client
