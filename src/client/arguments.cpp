#include "arguments.h"

#include <sys/un.h>

#include <algorithm>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "text.h"

namespace buzon::client {
namespace {

using Arguments = std::span<const std::string_view>;
using Parsed = std::variant<Invocation, std::string>;
using What = Invocation::What;

constexpr std::string_view unix_prefix = "unix:", usual_port = "1111";

bool is_port(std::string_view text) noexcept {
    return line::parse_whole<unsigned>(text, 1, 65535).has_value();
}

bool breaks_line(std::string_view text) noexcept {
    return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

std::string quoted(std::string_view text) {
    return "'" + printable(text) + "'";
}

// Parses options up to the first operand or "--". Returns the operands; `wrong` gets an error.
Arguments parse_options(Arguments rest, Invocation& invocation, std::string& wrong) {
    for (; !rest.empty(); rest = rest.subspan(1)) {
        const std::string_view option = rest.front();
        if (option == "--") return rest.subspan(1);
        if (option.size() < 2 || option.front() != '-') return rest;
        const bool help = option == "-h" || option == "--help";
        if (help || option == "-v" || option == "--version") {
            invocation.what = help ? What::help : What::version;
            return {};
        }
        const Format chosen = option == "--raw" ? Format::raw : option == "--json" ? Format::json : Format::person;
        if (chosen != Format::person) {
            if (invocation.format != Format::person && invocation.format != chosen) {
                wrong = "--raw and --json cannot be combined";
            }
            invocation.format = chosen;
        } else if (option == "--auth" && rest.size() > 1) {
            rest = rest.subspan(1);
            invocation.admin = rest.front();
        } else if (option.substr(0, 7) == "--auth=") {
            invocation.admin = option.substr(7);
        } else {
            wrong = option == "--auth" ? "--auth takes a name" : "unknown option " + quoted(option);
        }
        const bool auth = option.substr(0, 6) == "--auth";
        const std::string& admin = invocation.admin;
        if (wrong.empty() && auth &&
            (admin.empty() || admin.find_first_of(" \t") != std::string::npos || breaks_line(admin))) {
            wrong = "--auth takes a name of one word";
        }
        if (!wrong.empty()) return {};
    }
    return rest;
}

// Keywords begin with a letter; anything else is a mistyped port or a misplaced option.
bool may_be_keyword(std::string_view word) noexcept {
    const char first = word.empty() ? 'A' : word.front(); // an empty command is handled later
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || first == ' ';
}

// Takes ADDRESS and PORT off the front. Returns what is wrong, or nothing.
std::string parse_address(Arguments& rest, Address& address) {
    const std::string_view host = rest.front();
    rest = rest.subspan(1);
    if (host.substr(0, unix_prefix.size()) == unix_prefix) {
        address.unix_path = host.substr(unix_prefix.size());
        if (address.unix_path.empty()) return "unix: takes a path";
        if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) return "the path of the socket is too long";
        return breaks_line(host) ? "bad socket path" : "";
    }
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    address.host = bracketed ? host.substr(1, host.size() - 2) : host;
    if (address.host.empty() || breaks_line(host) || host.find(' ') != std::string_view::npos) {
        return "bad address " + quoted(host);
    }
    address.port = usual_port;
    if (rest.empty() || may_be_keyword(rest.front())) return {};
    address.port = rest.front();
    if (!is_port(address.port)) return "bad port " + quoted(rest.front());
    rest = rest.subspan(1);
    return {};
}

std::string parse_command(Arguments words, Invocation& invocation) {
    for (const std::string_view word : words) {
        if (breaks_line(word)) return "an argument contains a line end";
    }
    if (words_of(words.front()).empty()) return "the command is empty";
    const auto operands = [&](std::size_t least, std::size_t most) {
        invocation.operands.assign(words.begin() + 1, words.end());
        return words.size() - 1 >= least && words.size() - 1 <= most;
    };
    if (line::equals_ignoring_case(words.front(), "top")) {
        invocation.what = What::top;
        if (invocation.format != Format::person) return "top cannot be combined with --raw or --json";
        return operands(0, 0) ? "" : "top takes no argument";
    }
    if (line::equals_ignoring_case(words.front(), "plot")) {
        invocation.what = What::plot;
        return operands(1, 3) ? "" : "plot takes METRIC [minute|hour|day|week [N]]";
    }
    invocation.what = What::command;
    for (const std::string_view word : words) {
        if (!invocation.command.empty()) invocation.command += ' ';
        invocation.command += word;
    }
    return {};
}

} // namespace

Parsed parse_arguments(Arguments arguments) {
    Invocation invocation;
    std::string wrong;
    Arguments rest = parse_options(arguments, invocation, wrong);
    if (!wrong.empty()) return wrong;
    if (invocation.what != What::talk) return invocation;
    if (rest.empty()) return "missing address";
    // A host called "hash" would be followed by a port; a scheme is never a number.
    if (rest.front() == "hash" && (rest.size() == 1 || !is_port(rest[1]))) {
        if (rest.size() > 2) return "hash takes one scheme";
        invocation.what = What::hash;
        invocation.operands.assign(rest.begin() + 1, rest.end());
        return invocation;
    }
    if (wrong = parse_address(rest, invocation.address); !wrong.empty()) return wrong;
    if (!rest.empty()) wrong = parse_command(rest, invocation);
    if (!wrong.empty()) return wrong;
    return invocation;
}

std::string_view usage_text() noexcept {
    return R"(usage: client [--raw|--json] [--auth NAME] ADDRESS [PORT] [COMMAND [ARG...]]
       client [--raw|--json] [--auth NAME] unix:PATH [COMMAND [ARG...]]
       client [--auth NAME] ADDRESS [PORT] top
       client [--auth NAME] ADDRESS [PORT] plot METRIC [minute|hour|day|week [N]]
       client hash [SCHEME]

Talks to the management service of a buzon server, on port 1111 unless PORT is given.

With COMMAND it runs that command and exits; EVNT and LOGG FOLLOW run until interrupted.
Without COMMAND it prompts for commands, or reads them from standard input up to
its end or QUIT; there it ignores empty lines and lines that begin with #.

  top              live view of the server; q quits
  plot             chart of a metric's history; CSV if the output is a file or pipe
  hash             makes a secret for a passwd-file (SCHEME: SCRAM-SHA-256,
                   SHA512-CRYPT, BLF-CRYPT, CRYPT, PLAIN ...); asks for the password,
                   or reads it from BUZON_PASSWORD or the first line of a pipe

  --raw            print the protocol lines
  --json           print JSON, one document per command (per line for live commands)
  --auth NAME      log in as this administrator first; asks for the password
                   unless BUZON_PASSWORD is set
  -h, --help       print this and exit
  -v, --version    print the version and exit

exit codes: 0 +OK; 1 -ERR (from a pipe: for any command); 64 wrong usage;
            69 the server cannot be reached or closed the connection; 74 cannot write
)";
}

} // namespace buzon::client
