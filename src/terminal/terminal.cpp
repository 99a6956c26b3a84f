#include "buzon/terminal/terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "buzon/line/command_line.h"
#include "buzon/posix/io.h"
#include "buzon/terminal/secret_line.h"

namespace buzon::client {
namespace {

constexpr std::array fatal_signals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::array watched_signals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};

// What a signal handler needs to restore the terminal. A handler has no arguments, so this is the program's only
// global; only RawMode writes it.
struct Rescue {
    volatile std::sig_atomic_t armed = 0;
    int input = -1, output = -1;
    termios before{};
    char off[64] = {};
    std::size_t off_size = 0;
};
Rescue rescue;

void restore_terminal() noexcept {
    if (!rescue.armed) return;
    rescue.armed = 0;
    if (rescue.off_size > 0) {
        // Nothing can be done about a failure here.
        [[maybe_unused]] const ssize_t n = ::write(rescue.output, rescue.off, rescue.off_size);
    }
    ::tcsetattr(rescue.input, TCSADRAIN, &rescue.before); // async-signal-safe (POSIX 2.4.3)
}

extern "C" void on_fatal_signal(int signal) {
    restore_terminal();
    ::raise(signal); // SA_RESETHAND: this time with the default action
}

void catch_fatal_signals() {
    struct sigaction action {};
    action.sa_handler = on_fatal_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_NODEFER;
    for (const int signal : fatal_signals) ::sigaction(signal, &action, nullptr);
}

// "UTF-8" of "es_ES.UTF-8@euro": for a locale that exists only on the machine with the terminal.
std::string codeset_by_name() {
    for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(variable);
        if (!value || !*value) continue;
        const std::string_view name{value};
        const std::size_t dot = name.find('.');
        return std::string{dot == name.npos ? "" : name.substr(dot + 1, name.find('@', dot) - dot - 1)};
    }
    return {};
}

} // namespace

bool can_move_cursor() noexcept {
    const char* kind = std::getenv("TERM");
    return kind && *kind && std::string_view{kind} != "dumb";
}

// https://no-color.org. The only terminals without colours that are still around are DEC's.
bool has_colours() {
    const char* const refused = std::getenv("NO_COLOR");
    const char* const term = std::getenv("TERM");
    const std::string_view name = term == nullptr ? "" : term;
    return (refused == nullptr || *refused == '\0') && !name.starts_with("vt1") && !name.starts_with("vt2");
}

Charset locale_charset() {
    std::string codeset;
    if (const locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr)) {
        codeset = ::nl_langinfo_l(CODESET, locale);
        ::freelocale(locale);
    } else {
        codeset = codeset_by_name();
    }
    return line::equals_ignoring_case(codeset, "UTF-8") || line::equals_ignoring_case(codeset, "UTF8") ? Charset::utf8
                                                                                                       : Charset::ascii;
}

ScreenSize screen_size(int terminal) noexcept {
    winsize window{};
    ScreenSize size;
    if (::ioctl(terminal, TIOCGWINSZ, &window) != 0) return size;
    if (window.ws_row > 0) size.rows = window.ws_row;
    if (window.ws_col > 0) size.columns = window.ws_col;
    return size;
}

std::size_t terminal_width(int descriptor) noexcept {
    winsize window{};
    return ::ioctl(descriptor, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

RawMode::RawMode(int input, int output, std::string on, std::string off)
    : input_{input}, output_{output}, on_{std::move(on)}, off_{std::move(off)} {
    catch_fatal_signals();
    enter();
}

RawMode::~RawMode() {
    leave();
}

void RawMode::enter() {
    if (entered_ || ::tcgetattr(input_, &rescue.before) != 0) return;
    rescue.input = input_;
    rescue.output = output_;
    rescue.off_size = std::min(off_.size(), sizeof rescue.off);
    std::memcpy(rescue.off, off_.data(), rescue.off_size);
    rescue.armed = 1;
    entered_ = true;

    termios raw = rescue.before;
    raw.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    // Drain, not flush: keep what was typed ahead.
    ::tcsetattr(input_, TCSADRAIN, &raw);
    // A terminal that accepts no output will fail at the next line as well.
    [[maybe_unused]] const std::error_code unseen = posix::write_all(output_, on_);
}

void RawMode::leave() {
    if (!entered_) return;
    entered_ = false;
    restore_terminal();
}

void RawMode::suspend() {
    leave();
    // While an object of class Signals exists, SIGTSTP is blocked: let exactly this one through.
    struct sigaction by_default {
    }, before{};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(SIGTSTP, &by_default, &before);
    sigset_t stop, mask;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTSTP);
    ::kill(0, SIGTSTP); // the whole job, as the terminal's own Ctrl-Z would
    ::sigprocmask(SIG_UNBLOCK, &stop, &mask);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::sigaction(SIGTSTP, &before, nullptr);
    enter();
}

Signals::Signals() {
    sigset_t watched;
    ::sigemptyset(&watched);
    for (const int signal : watched_signals) ::sigaddset(&watched, signal);
    ::sigprocmask(SIG_BLOCK, &watched, &before_);
    descriptor_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor_) throw std::system_error{posix::last_error(), "signalfd"};
}

Signals::~Signals() {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int Signals::take(RawMode* raw) {
    signalfd_siginfo came{};
    if (::read(descriptor_.get(), &came, sizeof came) != sizeof came || came.ssi_signo == SIGWINCH) return 0;
    if (came.ssi_signo != SIGTSTP) return static_cast<int>(came.ssi_signo);
    if (raw)
        raw->suspend();
    else
        ::kill(::getpid(), SIGSTOP);
    return 0;
}

std::optional<std::string> read_secret(int input, int output, std::string_view prompt) {
    Signals signals;
    RawMode raw{input, output};
    Output out{output};
    out.put(prompt);
    KeyReader keys;
    SecretLine line;
    for (;;) {
        std::array<pollfd, 2> ready = {{{input, POLLIN, 0}, {signals.descriptor(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), -1) < 0) continue;
        if (ready[1].revents != 0) {
            if (signals.take(&raw) != 0) return std::nullopt;
            continue;
        }
        char byte = 0; // one by one: input after the Enter is not ours
        if (posix::read_some(input, {&byte, 1}).what != posix::Moved::some) return std::nullopt;
        for (const Key& key : keys.feed({&byte, 1})) {
            const SecretLine::State state = line.press(key);
            if (state == SecretLine::State::typing) continue;
            out.put("\n");
            if (state == SecretLine::State::given_up) return std::nullopt;
            return line.release();
        }
    }
}

bool Output::put(std::string_view text) noexcept {
    if (!error_) error_ = posix::write_all(descriptor_, text);
    return !error_;
}

} // namespace buzon::client
