// client/terminal.h - the terminal as a resource: raw mode, its size, signals as something one can wait for.
#pragma once

#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/client/text.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::client {

struct ScreenSize {
    std::size_t rows = 24;
    std::size_t columns = 80;
};
// 80x24 where the terminal does not know.
[[nodiscard]] ScreenSize screen_size(int terminal) noexcept;
// Its columns where the descriptor is a terminal that knows them, else 0.
[[nodiscard]] std::size_t terminal_width(int descriptor) noexcept;

// Whether the terminal understands more than line ends: TERM is set, and to something else than "dumb".
[[nodiscard]] bool can_move_cursor() noexcept;
// What the environment says of the characters that the terminal shows (LC_ALL, LC_CTYPE, LANG).
[[nodiscard]] Charset locale_charset();

// A terminal in raw mode while this lives: every key at once, no echo, no signals from keys; "\n" still begins a new
// line. The old mode comes back with the destructor and when the process dies of a fault or an abort. Only one lives at
// a time. The descriptors are borrowed.
class RawMode {
public:
    // `on` is written when the mode is entered, `off` (at most 63 octets) when it is left: alternate screen and the
    // like.
    RawMode(int input, int output, std::string on = {}, std::string off = {});
    ~RawMode();
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;

    void enter();
    void leave();
    // Gives the terminal back and stops the process, as Ctrl-Z does elsewhere; returns in raw mode when it goes on.
    void suspend();

private:
    int input_, output_;
    std::string on_, off_;
    bool entered_ = false;
};

// While this lives these signals do not interrupt: they wait here. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    // The next one that came; 0: none is left.
    [[nodiscard]] int take() noexcept;

private:
    sigset_t before_;
    posix::UniqueFd descriptor_;
};

// A line typed without echo: from `input` if that is a terminal. Nothing when the user gave up (Ctrl-C, Ctrl-D).
[[nodiscard]] std::optional<std::string> read_secret(int input, int output, std::string_view prompt);

// What a program prints; remembers the first failure, and is silent from then on.
class Output {
public:
    explicit Output(int descriptor) noexcept : descriptor_{descriptor} {}
    // False once writing has failed.
    bool put(std::string_view text) noexcept;
    [[nodiscard]] std::error_code error() const noexcept { return error_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
    std::error_code error_;
};

} // namespace buzon::client
