#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "buzon/posix/io.h"
#include "modes.h"
#include "terminal.h"
#include "text.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
constexpr Milliseconds connect_patience = 10s;

// From BUZON_PASSWORD, or typed at the terminal, even if stdin is a pipe with commands.
std::optional<std::string> find_password() {
    if (const char* given = std::getenv("BUZON_PASSWORD")) return given;
    const posix::UniqueFd terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC)};
    if (terminal) return read_secret(terminal.get(), terminal.get(), "Password: ");
    if (::isatty(STDIN_FILENO)) return read_secret(STDIN_FILENO, STDERR_FILENO, "Password: ");
    complain("--auth needs a password: BUZON_PASSWORD is not set and there is no terminal to ask for it");
    return std::nullopt;
}

// exit_ok if the login succeeds.
int log_in(Conversation& server, const Invocation& invocation, const std::string& auth) {
    const Answer answer = ask(server, auth);
    if (answer.kind == Answer::Kind::gone) return unavailable(invocation, answer.why);
    if (answer.reply.ok) return exit_ok;
    complain("login refused: " + printable(answer.reply.text));
    return exit_refused;
}

int use(Conversation& server, const Invocation& invocation, const std::string& auth, Output& out) {
    switch (invocation.what) {
    case Invocation::What::command: return run_command(server, invocation, out);
    case Invocation::What::plot: return run_plot(server, invocation, out);
    case Invocation::What::top: return run_top(server, invocation, auth);
    default: break;
    }
    const bool person = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
    return person && can_move_cursor() ? run_prompt(server, invocation, auth, out)
                                       : run_script(server, invocation, out);
}

} // namespace

void complain(std::string_view what) {
    // If stderr fails, too, there is nowhere to report it.
    [[maybe_unused]] const std::error_code unseen =
        posix::write_all(STDERR_FILENO, "client: " + std::string{what} + '\n');
}

std::string prompt_text(const Invocation& invocation) {
    return "buzon " + invocation.address.text() + "> ";
}

int unavailable(const Invocation& invocation, std::string_view why) {
    complain(invocation.address.text() + ": " + printable(why));
    return exit_unavailable;
}

void put_reply(Output& out, Format format, std::string_view command, const Reply& reply) {
    const std::string text = show(format, command, reply, terminal_width(STDOUT_FILENO));
    if (format != Format::person || reply.ok) {
        out.put(text);
    } else {
        Output{STDERR_FILENO}.put(text);
    }
}

int run(const Invocation& invocation) {
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is a failed write, and a clean exit
    std::string auth;              // the command that logs in; empty: none
    if (!invocation.admin.empty()) {
        const auto password = find_password();
        if (!password) return exit_usage;
        if (password->find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
            complain("the password contains a line end");
            return exit_usage;
        }
        auth = "AUTH " + invocation.admin + ' ' + *password;
    }
    auto opened = Conversation::open(invocation.address, connect_patience);
    if (const auto* why = std::get_if<std::string>(&opened)) return unavailable(invocation, *why);
    Conversation server = std::get<Conversation>(std::move(opened));
    if (!auth.empty()) {
        if (const int code = log_in(server, invocation, auth); code != exit_ok) return code;
    }
    Output out{STDOUT_FILENO};
    const int code = use(server, invocation, auth, out);
    if (out.error() && out.error() != std::errc::broken_pipe) {
        complain("cannot write: " + out.error().message());
        return exit_output;
    }
    return code;
}

} // namespace buzon::client
