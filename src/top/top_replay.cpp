// top/top_replay.cpp - shows a recording of top, and moves back and forth in time. Needs no server.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "buzon/posix/io.h"
#include "buzon/talk/report.h"
#include "buzon/top/run_top.h"
#include "top_record.h"
#include "top_screen.h"

namespace buzon::client {
namespace {

class Replay {
public:
    Replay(TopRecording recording, Charset charset)
        : recording_{std::move(recording)}, view_{recording_.server(), charset} {
        go_to(0);
    }

    int run();
    // One screen, without a terminal.
    std::string screen(ScreenSize size) {
        go_to(recording_.size() - 1);
        return plain_screen(view_, size, clock_);
    }

private:
    // Curves need the earlier rounds, so going back in time takes them all again.
    void go_to(std::size_t place);
    void take(std::size_t number);
    bool obey(TopView::Wants what);

    TopRecording recording_;
    TopView view_;
    std::size_t place_ = 0, taken_ = 0; // rounds that the view has seen
    std::int64_t clock_ = 0;
};

void Replay::take(std::size_t number) {
    const TopRecording::Round round = recording_.round(number);
    clock_ = round.clock;
    const auto now = static_cast<double>(round.clock);
    for (const auto& [question, reply] : round.replies) view_.data().take(question, now, now, reply);
    for (const std::string& event : round.events) view_.data().take_event(event);
    taken_ = number + 1;
}

void Replay::go_to(std::size_t place) {
    constexpr std::size_t enough = 400; // rounds of curve before the first one shown
    place_ = std::min(place, recording_.size() - 1);
    if (taken_ > place_ + 1 || taken_ == 0) {
        view_.data() = TopData{};
        taken_ = place_ + 1 > enough ? place_ + 1 - enough : 0;
    }
    for (std::size_t i = taken_; i <= place_; ++i) take(i);
    view_.refresh();
    view_.set_state("RECORDED");
    view_.set_pace("look " + std::to_string(place_ + 1) + " of " + std::to_string(recording_.size()) +
                   "   < > Home End");
}

// Returns false to quit.
bool Replay::obey(TopView::Wants what) {
    switch (what) {
    case TopView::Wants::quit:
    case TopView::Wants::leave_now: return false;
    case TopView::Wants::back: go_to(place_ > 0 ? place_ - 1 : 0); break;
    case TopView::Wants::forward: go_to(place_ + 1); break;
    case TopView::Wants::first: go_to(0); break;
    case TopView::Wants::last: go_to(recording_.size() - 1); break;
    case TopView::Wants::kick: view_.set_message("a recorded session cannot be kicked"); break;
    default: break;
    }
    return true;
}

int Replay::run() {
    Signals signals;
    TopTerminal terminal;
    KeyReader reader;
    for (;;) {
        if (terminal.dumb())
            terminal.print(view_, clock_);
        else
            terminal.draw(view_, clock_);
        if (terminal.failed()) return exit_output;
        std::array<pollfd, 2> ready = {{{signals.descriptor(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), -1) < 0) continue;
        if (ready[0].revents != 0)
            if (const int signal = signals.take(&terminal.raw())) return 128 + signal;
        if (ready[1].revents == 0) continue;
        std::array<char, 256> bytes;
        const posix::Transfer got = posix::read_some(STDIN_FILENO, bytes);
        if (got.what == posix::Moved::end || got.what == posix::Moved::failed) return exit_ok;
        if (got.what != posix::Moved::some) continue;
        for (const Key& key : reader.feed({bytes.data(), got.bytes})) {
            const TopView::Wants what = view_.press(key, screen_size(STDOUT_FILENO).rows);
            if (what == TopView::Wants::suspend) terminal.raw().suspend();
            if (!obey(what)) return exit_ok;
        }
        view_.refresh();
    }
}

} // namespace

int run_replay(const TopOptions& options) {
    std::string why;
    auto recording = TopRecording::read(options.replay, why);
    if (!recording) {
        complain(why);
        return exit_usage;
    }
    Replay replay{std::move(*recording), locale_charset()};
    if (!options.once && ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)) return replay.run();
    Output out{STDOUT_FILENO};
    return out.put(replay.screen(screen_size(STDOUT_FILENO))) ? exit_ok : exit_output;
}

} // namespace buzon::client
