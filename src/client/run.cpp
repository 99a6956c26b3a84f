#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "buzon/posix/io.h"
#include "buzon/terminal/terminal.h"
#include "buzon/terminal/text.h"
#include "modes.h"

namespace buzon::client {
namespace {

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
int log_in(Conversation& server, const Target& target) {
    const Answer answer = ask(server, target.auth);
    if (answer.kind == Answer::Kind::gone) return unavailable(target.address, answer.why);
    if (answer.reply.ok) return exit_ok;
    complain("login refused: " + printable(answer.reply.text));
    return exit_refused;
}

int use(Conversation& server, const Invocation& invocation, Output& out) {
    switch (invocation.what) {
    case Invocation::What::command: return run_command(server, invocation, out);
    case Invocation::What::plot: return run_plot(server, invocation, out);
    case Invocation::What::top: return run_top(server, invocation.target, invocation.top, invocation.format, out);
    default: break;
    }
    const bool person = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
    return person && can_move_cursor() ? run_prompt(server, invocation, out) : run_script(server, invocation, out);
}

} // namespace

std::string prompt_text(const Invocation& invocation) {
    return "buzon " + invocation.target.address.text() + "> ";
}

int run(const Invocation& given) {
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe then fails the write and leads to a clean exit
    Invocation invocation = given;
    Target& target = invocation.target;
    if (!invocation.admin.empty()) {
        const auto password = find_password();
        if (!password) return exit_usage;
        if (password->find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
            complain("the password contains a line end");
            return exit_usage;
        }
        target.auth = "AUTH " + invocation.admin + ' ' + *password;
    }
    auto opened = Conversation::open(target.address, target.patience);
    if (const auto* why = std::get_if<std::string>(&opened)) return unavailable(target.address, *why);
    Conversation server = std::get<Conversation>(std::move(opened));
    if (!target.auth.empty()) {
        if (const int code = log_in(server, target); code != exit_ok) return code;
    }
    Output out{STDOUT_FILENO};
    const int code = use(server, invocation, out);
    if (out.error() && out.error() != std::errc::broken_pipe) {
        complain("cannot write: " + out.error().message());
        return exit_output;
    }
    return code;
}

} // namespace buzon::client
