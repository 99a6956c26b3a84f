#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "buzon/posix/io.h"
#include "keys.h"
#include "modes.h"
#include "text.h"
#include "top.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view screen_on = "\x1b[?1049h\x1b[?25l", screen_off = "\x1b[?25h\x1b[?1049l";
constexpr Milliseconds interval = 1s, dumb_interval = 5s;
constexpr Milliseconds events_patience = 3s;

double seconds_of(Clock::time_point when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
}

// Polls, draws, waits, and reads keys and events while it waits. A terminal that cannot move its cursor gets one screen
// below the other, without control sequences.
class TopScreen final : public Watcher {
public:
    TopScreen(Conversation& server, const Invocation& invocation)
        : server_{server}, view_{invocation.address.text(), locale_charset()} {}

    // Returns why the server is lost; empty if the user or a signal ended it.
    std::string run(const Invocation& invocation, const std::string& auth);
    // The signal that ended it; also SIGINT for a Ctrl-C that left a reply unread.
    [[nodiscard]] int signal() const noexcept { return signal_ == 0 && cut_off_ ? SIGINT : signal_; }

    [[nodiscard]] std::span<const int> descriptors() const override { return {descriptors_.data(), events_ ? 3U : 2U}; }
    bool wants_out(int descriptor) override;

private:
    std::string look();
    std::string listen(const Invocation& invocation, const std::string& auth);
    void read_keys();
    void read_events();
    void draw();
    void print();
    [[nodiscard]] bool over() const noexcept { return quit_ || signal_ != 0; }

    Conversation& server_;
    TopView view_;
    Signals signals_;
    const bool dumb_ = !can_move_cursor();
    RawMode raw_{STDIN_FILENO, STDOUT_FILENO, std::string{dumb_ ? "" : screen_on},
                 std::string{dumb_ ? "" : screen_off}};
    Output out_{STDOUT_FILENO};
    KeyReader key_reader_;
    std::optional<Conversation> events_;
    std::array<int, 3> descriptors_ = {signals_.descriptor(), STDIN_FILENO, -1};
    bool quit_ = false, hurried_ = false, asking_ = false, cut_off_ = false, changed_ = false;
    int signal_ = 0;
};

bool TopScreen::wants_out(int descriptor) {
    if (descriptor == signals_.descriptor()) {
        if (const int signal = signals_.take(&raw_)) signal_ = signal;
        changed_ = true; // the size of the screen, or all of it
    } else if (descriptor == STDIN_FILENO) {
        read_keys();
    } else {
        read_events();
    }
    // q lets the current reply finish, so that the connection can be used afterwards.
    return asking_ ? hurried_ || signal_ != 0 : over();
}

void TopScreen::read_keys() {
    std::array<char, 256> bytes;
    const posix::Transfer got = posix::read_some(STDIN_FILENO, bytes);
    if (got.what == posix::Moved::end || got.what == posix::Moved::failed) quit_ = true;
    if (got.what != posix::Moved::some) return;
    const long page = static_cast<long>(screen_size(STDOUT_FILENO).rows) / 2;
    for (const Key& key : key_reader_.feed({bytes.data(), got.bytes})) {
        changed_ = true;
        switch (key.code) {
        case Key::Code::up: view_.scroll(-1); break;
        case Key::Code::down: view_.scroll(1); break;
        case Key::Code::page_up: view_.scroll(-page); break;
        case Key::Code::page_down: view_.scroll(page); break;
        case Key::Code::text:
            if (key.text == "q" || key.text == "Q") quit_ = true;
            if (key.text == "s") view_.next_order();
            break;
        case Key::Code::control:
            if (key.text == "C" || key.text == "D") quit_ = hurried_ = true;
            if (key.text == "Z") raw_.suspend();
            break;
        default: break;
        }
    }
}

void TopScreen::read_events() {
    for (;;) {
        const Hearing heard = events_->hear(0ms);
        if (heard.what == Heard::quiet) return;
        if (heard.what == Heard::line && heard.text != ".") {
            view_.take_event(unstuffed(heard.text));
            changed_ = true;
            continue;
        }
        view_.set_events_trouble("events stopped: " +
                                 (heard.text == "." ? std::string{"the server ended them"} : printable(heard.text)));
        events_.reset();
        return;
    }
}

// Opens a second connection, since events would mix with replies. Returns the reason on failure, else nothing.
std::string TopScreen::listen(const Invocation& invocation, const std::string& auth) {
    auto opened = Conversation::open(invocation.address, events_patience);
    if (auto* why = std::get_if<std::string>(&opened)) return *why;
    Conversation events = std::get<Conversation>(std::move(opened));
    if (!auth.empty()) {
        const Answer answer = ask(events, auth, this);
        if (answer.kind != Answer::Kind::reply) return answer.why;
        if (!answer.reply.ok) return answer.reply.text;
    }
    const Answer answer = ask(events, "EVNT login auth-fail", this);
    if (answer.kind != Answer::Kind::reply) return answer.why;
    if (!answer.reply.ok) return answer.reply.text;
    events_ = std::move(events);
    descriptors_[2] = events_->descriptor();
    read_events(); // those received together with the +OK, which poll() does not report
    return {};
}

// Polls once. Returns why the server is lost, or nothing.
std::string TopScreen::look() {
    for (const std::string_view question : {"METR", "METR *", "SESS"}) {
        asking_ = true;
        const Answer answer = ask(server_, question, this);
        asking_ = false;
        if (answer.kind == Answer::Kind::interrupted) cut_off_ = true;
        if (answer.kind == Answer::Kind::interrupted) return {};
        if (answer.kind == Answer::Kind::gone) return answer.why;
        const double now = seconds_of(Clock::now());
        if (question == "METR") view_.take_numbers(now, answer.reply);
        if (question == "METR *") view_.take_metrics(answer.reply);
        if (question == "SESS") view_.take_sessions(now, answer.reply);
    }
    return {};
}

std::int64_t wall_clock() {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

void TopScreen::print() {
    const ScreenSize size = screen_size(STDOUT_FILENO);
    std::string text;
    // One column less: after writing the last one, a terminal may or may not wrap.
    for (const TopView::Row& row : view_.frame(size.rows, size.columns - 1, wall_clock())) {
        const std::size_t end = row.text.find_last_not_of(' ') + 1;
        if (end > 0) text += row.text.substr(0, end) + '\n';
    }
    out_.put(text + '\n');
}

void TopScreen::draw() {
    const ScreenSize size = screen_size(STDOUT_FILENO);
    std::string text = "\x1b[H";
    const auto rows = view_.frame(size.rows, size.columns, wall_clock());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        // Position each row: after writing the last column, a terminal may or may not wrap.
        text += "\x1b[" + std::to_string(i + 1) + ";1H";
        text += rows[i].inverse ? "\x1b[7m" + rows[i].text + "\x1b[m" : rows[i].text;
    }
    out_.put(text);
    changed_ = false;
}

std::string TopScreen::run(const Invocation& invocation, const std::string& auth) {
    bool listening = false;
    while (!over() && !out_.error()) {
        const auto begin = Clock::now();
        if (std::string why = look(); !why.empty()) return why;
        if (over()) break;
        if (dumb_)
            print();
        else
            draw();
        if (!listening) {
            listening = true;
            if (const std::string why = listen(invocation, auth); !why.empty())
                view_.set_events_trouble("no events: " + printable(why));
            changed_ = true;
        }
        // A server with so many sessions that the list takes long is polled less often.
        const auto until =
            begin + std::max<Clock::duration>(dumb_ ? dumb_interval : interval, 5 * (Clock::now() - begin));
        while (!over() && Clock::now() < until) {
            if (changed_ && !dumb_) draw();
            const auto left = std::min(std::chrono::ceil<Milliseconds>(until - Clock::now()), Milliseconds{100});
            const Hearing heard = server_.hear(left, this);
            if (heard.what == Heard::gone) return heard.text;
        }
    }
    return {};
}

} // namespace

int run_top(Conversation& server, const Invocation& invocation, const std::string& auth) {
    if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO)) {
        complain("top needs a terminal");
        return exit_usage;
    }
    int signal = 0;
    std::string why;
    {
        TopScreen screen{server, invocation};
        why = screen.run(invocation, auth);
        signal = screen.signal();
    }
    // The terminal is restored, so the message can be printed.
    if (!why.empty()) return unavailable(invocation, why);
    return signal != 0 ? 128 + signal : exit_ok;
}

} // namespace buzon::client
