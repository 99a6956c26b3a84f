// terminal/terminal.h - the terminal: raw mode, its size, and signals to wait for.
#pragma once

#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/unique_fd.h"
#include "buzon/terminal/text.h"

namespace buzon::client {

struct ScreenSize {
    std::size_t rows = 24;
    std::size_t columns = 80;
};
// 80x24 if the terminal does not know.
[[nodiscard]] ScreenSize screen_size(int terminal) noexcept;
// The width if the descriptor is a terminal that knows its width, else 0.
[[nodiscard]] std::size_t terminal_width(int descriptor) noexcept;

// Whether the terminal understands more than line ends: TERM is set, and to something else than "dumb".
[[nodiscard]] bool can_move_cursor() noexcept;
// Whether it has colours and the user wants them.
[[nodiscard]] bool has_colours();
// The character set of the terminal, from the environment (LC_ALL, LC_CTYPE, LANG).
[[nodiscard]] Charset locale_charset();

// Puts the terminal in raw mode: every key at once, no echo, no signals from keys; "\n" still begins a new line. The
// destructor restores the old mode, and so does a fatal signal. Only one may exist at a time. The descriptors are
// borrowed.
class RawMode {
public:
    // `on` is written when raw mode begins, `off` (at most 63 octets) when it ends, for example for the alternate
    // screen.
    RawMode(int input, int output, std::string on = {}, std::string off = {});
    ~RawMode();
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;

    void enter();
    void leave();
    // Restores the terminal and stops the process, like Ctrl-Z elsewhere; returns in raw mode when it continues.
    void suspend();

private:
    int input_, output_;
    std::string on_, off_;
    bool entered_ = false;
};

// Queues these signals while it exists: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    // The next signal received if it asks us to end; 0: none, or another one. If it asks us to stop, the process stops
    // here; `raw`, if given, restores the terminal first.
    [[nodiscard]] int take(RawMode* raw = nullptr);

private:
    sigset_t before_;
    posix::UniqueFd descriptor_;
};

// Reads a line without echo, if `input` is a terminal. Nothing if the user cancelled (Ctrl-C, Ctrl-D).
[[nodiscard]] std::optional<std::string> read_secret(int input, int output, std::string_view prompt);

// Output of the program; remembers the first failure and writes nothing after it.
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
