// top/top_live.cpp - top with a live server: sends its questions, draws, waits, and reads keys and events while it
// waits.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "buzon/posix/io.h"
#include "buzon/talk/json.h"
#include "buzon/talk/reconnect.h"
#include "buzon/talk/report.h"
#include "buzon/talk/typed.h"
#include "buzon/terminal/text.h"
#include "buzon/top/run_top.h"
#include "top_record.h"
#include "top_screen.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::array<Milliseconds, 6> intervals = {1s, 2s, 5s, 10s, 30s, 60s};
constexpr std::size_t dumb_interval = 2;
constexpr Milliseconds events_patience = 3s;

double seconds_of(Clock::time_point when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
}

class TopScreen final : public Watcher {
public:
    TopScreen(Conversation& server, const Target& target, std::optional<TopRecorder> recorder)
        : server_{server}
        , target_{target}
        , recorder_{std::move(recorder)}
        , view_{target.address.text(), locale_charset()} {}

    // Returns why the connection was lost; empty if the user or a signal ended it.
    std::string run();
    // The signal that ended it; also SIGINT for a Ctrl-C that left a reply unread.
    [[nodiscard]] int signal() const noexcept { return signal_ == 0 && cut_off_ ? SIGINT : signal_; }

    [[nodiscard]] std::span<const int> descriptors() const override { return {descriptors_.data(), events_ ? 3U : 2U}; }
    bool wants_out(int descriptor) override;

private:
    std::string look();
    std::string ask_for(std::string_view question);
    std::string reconnect(const std::string& why);
    std::string wait(Clock::time_point begin);
    void listen();
    std::string open_events();
    void read_keys();
    void read_events();
    void obey(TopView::Wants what);
    void kick();
    void show();
    [[nodiscard]] bool over() const noexcept { return quit_ || signal_ != 0; }

    Conversation& server_;
    const Target& target_;
    std::optional<TopRecorder> recorder_;
    TopView view_;
    Signals signals_;
    TopTerminal terminal_;
    KeyReader key_reader_;
    std::optional<Conversation> events_;
    std::array<int, 3> descriptors_ = {signals_.descriptor(), STDIN_FILENO, -1};
    std::size_t pace_ = 0;       // of intervals
    Clock::time_point looked_{}; // when the last look ended
    bool quit_ = false, hurried_ = false, asking_ = false, cut_off_ = false, changed_ = false, kicking_ = false,
         knows_past_ = false;
    int signal_ = 0;
};

bool TopScreen::wants_out(int descriptor) {
    if (descriptor == signals_.descriptor()) {
        if (const int signal = signals_.take(&terminal_.raw())) signal_ = signal;
        changed_ = true; // the screen has a new size, or must be redrawn
    } else if (descriptor == STDIN_FILENO) {
        read_keys();
    } else {
        read_events();
    }
    // q lets the current reply finish, so that the connection can be used afterwards.
    return asking_ ? hurried_ || signal_ != 0 : over() || kicking_;
}

void TopScreen::read_keys() {
    std::array<char, 256> bytes;
    const posix::Transfer got = posix::read_some(STDIN_FILENO, bytes);
    if (got.what == posix::Moved::end || got.what == posix::Moved::failed) quit_ = true;
    if (got.what != posix::Moved::some) return;
    changed_ = true;
    for (const Key& key : key_reader_.feed({bytes.data(), got.bytes}))
        obey(view_.press(key, screen_size(STDOUT_FILENO).rows));
}

void TopScreen::obey(TopView::Wants what) {
    switch (what) {
    case TopView::Wants::quit: quit_ = true; break;
    case TopView::Wants::leave_now: quit_ = hurried_ = true; break;
    case TopView::Wants::suspend: terminal_.raw().suspend(); break;
    case TopView::Wants::kick: kicking_ = true; break;
    case TopView::Wants::slower: pace_ = std::min(pace_ + 1, intervals.size() - 1); break;
    case TopView::Wants::faster: pace_ = pace_ > 0 ? pace_ - 1 : 0; break;
    default: break;
    }
}

void TopScreen::read_events() {
    for (;;) {
        const Hearing heard = events_->hear(0ms);
        if (heard.what == Heard::quiet) return;
        if (heard.what == Heard::line && heard.text != ".") {
            view_.data().take_event(unstuffed(heard.text));
            if (recorder_) recorder_->add_event(unstuffed(heard.text));
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
std::string TopScreen::open_events() {
    auto opened = Conversation::open(target_.address, events_patience);
    if (auto* why = std::get_if<std::string>(&opened)) return *why;
    Conversation events = std::get<Conversation>(std::move(opened));
    if (!target_.auth.empty()) {
        const Answer answer = ask(events, target_.auth, this);
        if (answer.kind != Answer::Kind::reply) return answer.why;
        if (!answer.reply.ok) return answer.reply.text;
    }
    const Answer answer = ask(events, "EVNT login auth-fail refused", this);
    if (answer.kind != Answer::Kind::reply) return answer.why;
    if (!answer.reply.ok) return answer.reply.text;
    events_ = std::move(events);
    descriptors_[2] = events_->descriptor();
    read_events(); // those received together with the +OK, which poll() does not report
    return {};
}

void TopScreen::listen() {
    const std::string why = open_events();
    view_.set_events_trouble(why.empty() ? "" : "no events: " + printable(why));
    changed_ = true;
}

// Returns why the connection was lost, or nothing.
std::string TopScreen::ask_for(std::string_view question) {
    asking_ = true;
    const Answer answer = ask(server_, question, this);
    asking_ = false;
    if (answer.kind == Answer::Kind::interrupted) cut_off_ = true;
    if (answer.kind == Answer::Kind::gone) return answer.why;
    if (answer.kind != Answer::Kind::reply) return {};
    view_.data().take(question, seconds_of(Clock::now()), static_cast<double>(wall_clock()), answer.reply);
    if (recorder_) recorder_->add_reply(question, answer.reply);
    return {};
}

std::string TopScreen::look() {
    if (recorder_) recorder_->begin_round(wall_clock());
    if (!std::exchange(knows_past_, true)) {
        if (std::string why = ask_for("METR *"); !why.empty()) return why; // to learn which refusals there are
        for (const std::string& question : view_.data().past_questions()) {
            if (cut_off_) return {};
            if (std::string why = ask_for(question); !why.empty()) return why;
        }
    }
    for (const std::string_view question : TopData::questions) {
        if (cut_off_) return {};
        if (std::string why = ask_for(question); !why.empty()) return why;
    }
    if (recorder_ && !recorder_->flush()) {
        recorder_.reset();
        view_.set_state("RECORDING FAILED");
    }
    view_.refresh();
    return {};
}

void TopScreen::kick() {
    kicking_ = false;
    asking_ = true;
    const Answer answer = ask(server_, "KICK " + view_.to_kick(), this);
    asking_ = false;
    if (answer.kind == Answer::Kind::interrupted) cut_off_ = true;
    if (answer.kind != Answer::Kind::reply) return; // the next look will notice
    view_.set_message(answer.reply.ok ? "kicked session " + view_.to_kick() : printable(answer.reply.status));
}

void TopScreen::show() {
    view_.set_pace("every " + std::to_string(intervals[pace_].count() / 1000) + " s");
    if (terminal_.dumb())
        terminal_.print(view_, wall_clock());
    else
        terminal_.draw(view_, wall_clock());
    changed_ = false;
}

// A server that was restarted comes back after a while.
std::string TopScreen::reconnect(const std::string& why) {
    events_.reset();
    view_.set_state("LOST: " + printable(why) + ", reconnecting");
    show();
    auto again = connect_again(target_, *this);
    if (std::holds_alternative<std::string>(again)) return why;
    server_ = std::get<Conversation>(std::move(again));
    view_.set_state("");
    view_.set_message("connection lost: " + printable(why) + "; reconnected");
    listen();
    return {};
}

// Waits until the next look is due.
std::string TopScreen::wait(Clock::time_point begin) {
    // If the list takes long because there are many sessions, poll less often.
    const auto until = [&] { return begin + std::max<Clock::duration>(intervals[pace_], 5 * (looked_ - begin)); };
    while (!over() && (view_.paused() || Clock::now() < until())) {
        if (kicking_) kick();
        if (changed_ && !terminal_.dumb()) {
            view_.refresh();
            show();
        }
        const Hearing heard = server_.hear(100ms, this);
        if (heard.what == Heard::gone) return heard.text;
    }
    return {};
}

std::string TopScreen::run() {
    if (terminal_.dumb()) pace_ = dumb_interval;
    bool listening = false;
    while (!over() && !terminal_.failed()) {
        const auto begin = Clock::now();
        std::string why = look();
        looked_ = Clock::now();
        if (why.empty() && !over()) {
            show();
            if (!std::exchange(listening, true)) listen();
            why = wait(begin);
        }
        if (!why.empty() && !over())
            if (why = reconnect(why); !why.empty()) return why;
    }
    return {};
}

// For support tickets: one screen, or the data as JSON.
int run_once(Conversation& server, const Target& target, Format format, Output& out) {
    TopView view{target.address.text(), locale_charset()};
    JsonObject document;
    document.add("status", json_string("+OK")).add("text", json_string(""));
    std::string why;
    const auto look = [&](std::string_view question, bool shown) {
        const Answer answer = ask(server, question);
        if (answer.kind != Answer::Kind::reply) {
            why = answer.why;
            return false;
        }
        view.data().take(question, seconds_of(Clock::now()), static_cast<double>(wall_clock()), answer.reply);
        if (shown && (question == "METR *" || question == "SESS")) add_typed(document, question, answer.reply);
        return true;
    };
    if (!look("METR *", false)) return unavailable(target.address, why);
    for (const std::string& question : view.data().past_questions())
        if (!look(question, false)) return unavailable(target.address, why);
    for (const bool second : {false, true}) { // rates need two looks
        if (second && server.hear(intervals[0]).what == Heard::gone)
            return unavailable(target.address, "the server closed the connection");
        for (const std::string_view question : TopData::questions)
            if (!look(question, second)) return unavailable(target.address, why);
    }
    view.refresh();
    out.put(format == Format::json ? document.text() + '\n'
                                   : plain_screen(view, screen_size(out.descriptor()), wall_clock()));
    server.leave();
    return exit_ok;
}

} // namespace

int run_top(Conversation& server, const Target& target, const TopOptions& options, Format format, Output& out) {
    if (options.once) return run_once(server, target, format, out);
    if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO)) {
        complain("top needs a terminal; top --once prints one screen");
        return exit_usage;
    }
    std::optional<TopRecorder> recorder;
    std::string why;
    if (!options.record.empty()) recorder = TopRecorder::open(options.record, target.address.text(), why);
    if (!why.empty()) {
        complain(why);
        return exit_output;
    }
    int signal = 0;
    {
        TopScreen screen{server, target, std::move(recorder)};
        why = screen.run();
        signal = screen.signal();
    }
    // The terminal is restored, so the message can be printed.
    if (!why.empty()) return unavailable(target.address, why);
    return signal != 0 ? 128 + signal : exit_ok;
}

} // namespace buzon::client
