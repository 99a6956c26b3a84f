#include "arguments.h"

#include <sys/un.h>

#include <algorithm>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "buzon/terminal/text.h"

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

// The options that take a value: "--NAME VALUE" or "--NAME=VALUE".
constexpr std::string_view valued_options[] = {"--auth", "--server", "--timeout"};

// Returns what is wrong with the value, or nothing.
std::string take_value(std::string_view option, std::string_view value, Invocation& invocation,
                       std::string_view& server) {
    if (option == "--auth") {
        invocation.admin = value;
        const bool one_word = !value.empty() && value.find_first_of(" \t") == std::string_view::npos;
        return one_word && !breaks_line(value) ? "" : "--auth takes a name of one word";
    }
    if (option == "--server") {
        server = value;
        return value.empty() ? "--server takes ADDRESS[:PORT] or unix:PATH" : "";
    }
    const auto seconds = line::parse_whole<unsigned>(value, 1, 86'400);
    if (!seconds) return "--timeout takes whole seconds from 1 to 86400";
    invocation.target.patience = std::chrono::seconds{*seconds};
    return {};
}

// Parses options up to the first operand or "--". Returns the operands; `wrong` gets an error.
Arguments parse_options(Arguments rest, Invocation& invocation, std::string_view& server, std::string& wrong) {
    for (; !rest.empty(); rest = rest.subspan(1)) {
        const std::string_view option = rest.front();
        if (option == "--") return rest.subspan(1);
        if (option.size() < 2 || option.front() != '-') return rest;
        const bool help = option == "-h" || option == "--help";
        if (help || option == "-v" || option == "--version") {
            invocation.what = help ? What::help : What::version;
            return {};
        }
        const std::string_view name = option.substr(0, option.find('='));
        const bool valued =
            std::find(std::begin(valued_options), std::end(valued_options), name) != std::end(valued_options);
        const Format chosen = option == "--raw" ? Format::raw : option == "--json" ? Format::json : Format::person;
        if (chosen != Format::person) {
            if (invocation.format != Format::person && invocation.format != chosen) {
                wrong = "--raw and --json cannot be combined";
            }
            invocation.format = chosen;
        } else if (valued && name.size() < option.size()) {
            wrong = take_value(name, option.substr(name.size() + 1), invocation, server);
        } else if (valued && rest.size() > 1) {
            rest = rest.subspan(1);
            wrong = take_value(name, rest.front(), invocation, server);
        } else {
            wrong = valued ? std::string{name} + " takes a value" : "unknown option " + quoted(option);
        }
        if (!wrong.empty()) return {};
    }
    return rest;
}

// Keywords begin with a letter. Anything else is a mistyped port or a misplaced option.
bool may_be_keyword(std::string_view word) noexcept {
    const char first = word.empty() ? 'A' : word.front(); // an empty command is handled later
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || first == ' ';
}

bool looks_like_address(std::string_view operand) noexcept {
    return operand.find_first_of(".:") != std::string_view::npos || line::equals_ignoring_case(operand, "localhost");
}

// Parses a host without its port, in brackets or not, or a unix socket.
std::string parse_host(std::string_view host, Address& address) {
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
    return {};
}

// Takes ADDRESS and PORT off the front. Returns what is wrong, or nothing.
std::string parse_address(Arguments& rest, Address& address) {
    std::string wrong = parse_host(rest.front(), address);
    rest = rest.subspan(1);
    if (!wrong.empty() || !address.unix_path.empty()) return wrong;
    if (rest.empty() || may_be_keyword(rest.front())) return {};
    address.port = rest.front();
    if (!is_port(address.port)) return "bad port " + quoted(rest.front());
    rest = rest.subspan(1);
    return {};
}

// ADDRESS[:PORT], [V6]:PORT or unix:PATH. A bare IPv6 address has several colons and no port.
std::string parse_server(std::string_view server, Address& address) {
    const std::size_t colon = server.rfind(':');
    const bool bracketed =
        server.starts_with('[') && colon != std::string_view::npos && colon > 0 && server[colon - 1] == ']';
    const bool with_port =
        !server.starts_with(unix_prefix) && colon != std::string_view::npos && (bracketed || server.find(':') == colon);
    std::string wrong = parse_host(with_port ? server.substr(0, colon) : server, address);
    if (wrong.empty() && with_port) {
        address.port = server.substr(colon + 1);
        if (!is_port(address.port)) wrong = "bad port " + quoted(address.port);
    }
    return wrong.empty() ? wrong : "the server's name " + quoted(server) + ": " + wrong;
}

// top [--once] [--record FILE], or top FILE.
std::string parse_top(Arguments words, Invocation& invocation) {
    constexpr const char* usage = "top takes --once, --record FILE, or the FILE of a recording";
    invocation.what = What::top;
    for (; !words.empty(); words = words.subspan(1)) {
        if (words.front() == "--once") {
            invocation.top.once = true;
        } else if (words.front() == "--record" && words.size() > 1) {
            words = words.subspan(1);
            invocation.top.record = words.front();
        } else if (invocation.top.replay.empty() && !words.front().empty() && !words.front().starts_with("--")) {
            invocation.top.replay = words.front();
        } else {
            return usage;
        }
    }
    if (!invocation.top.record.empty() && (invocation.top.once || !invocation.top.replay.empty())) return usage;
    const bool json = invocation.format == Format::json && invocation.top.once && invocation.top.replay.empty();
    if (invocation.format != Format::person && !json) return "only top --once can be combined with --json";
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
        return parse_top(words.subspan(1), invocation);
    }
    if (line::equals_ignoring_case(words.front(), "plot")) {
        invocation.what = What::plot;
        if (words.size() > 1 && words[1] == "--log") {
            invocation.logarithmic = true;
            words = words.subspan(1);
        }
        return operands(1, 3) ? "" : "plot takes [--log] METRIC[,METRIC...] [minute|hour|day|week [N]]";
    }
    invocation.what = What::command;
    for (const std::string_view word : words) {
        if (!invocation.command.empty()) invocation.command += ' ';
        invocation.command += word;
    }
    return {};
}

} // namespace

Parsed parse_arguments(Arguments arguments, std::string_view server) {
    Invocation invocation;
    std::string wrong;
    Arguments rest = parse_options(arguments, invocation, server, wrong);
    if (!wrong.empty()) return wrong;
    if (invocation.what != What::talk) return invocation;
    if (rest.empty() && server.empty()) return "missing address: give ADDRESS, --server or BUZON_SERVER";
    // A host called "hash" would be followed by a port; a scheme is never a number.
    if (!rest.empty() && rest.front() == "hash" && (rest.size() == 1 || !is_port(rest[1]))) {
        if (rest.size() > 2) return "hash takes one scheme";
        invocation.what = What::hash;
        invocation.operands.assign(rest.begin() + 1, rest.end());
        return invocation;
    }
    // A recording needs no server.
    if (!rest.empty() && rest.front() == "top" && rest.size() > 1 && !is_port(rest[1])) {
        Invocation replay = invocation;
        if (wrong = parse_top(rest.subspan(1), replay); wrong.empty() && !replay.top.replay.empty()) return replay;
    }
    const bool named = !server.empty() && (rest.empty() || !looks_like_address(rest.front()));
    wrong = named ? parse_server(server, invocation.target.address) : parse_address(rest, invocation.target.address);
    if (!wrong.empty()) return wrong;
    if (!rest.empty()) wrong = parse_command(rest, invocation);
    if (!wrong.empty()) return wrong;
    return invocation;
}

std::string_view usage_text() noexcept {
    return R"(usage: client [OPTION...] ADDRESS [PORT] [COMMAND [ARG...]]
       client [OPTION...] unix:PATH [COMMAND [ARG...]]
       client [OPTION...] --server NAME [COMMAND [ARG...]]
       client [OPTION...] ADDRESS [PORT] top [--once] [--record FILE]
       client top FILE
       client [OPTION...] ADDRESS [PORT] plot [--log] METRIC[,METRIC...]
              [minute|hour|day|week [N]]
       client hash [SCHEME]

Talks to the management service of a buzon server, on port 1111 unless PORT is given.

With COMMAND it runs that command and exits; EVNT and LOGG FOLLOW run until interrupted.
Without COMMAND it prompts for commands, or reads them from standard input up to
its end or QUIT; there it ignores empty lines and lines that begin with #.
USER ADD and USER PASS without a password ask for it, or read it from standard input.

  top              live view of the server: q to quit, h for help; --once prints one screen,
                   --record keeps what is seen in a FILE, top FILE shows it again
  plot             charts of metrics' histories, on a logarithmic axis with --log;
                   CSV if the output is a file or pipe
  hash             makes a secret for a passwd-file (SCHEME: SCRAM-SHA-256,
                   SHA512-CRYPT, BLF-CRYPT, CRYPT, PLAIN ...); asks for the password,
                   or reads it from BUZON_PASSWORD or the first line of a pipe

  --raw            print the protocol lines
  --json           print JSON, one document per command (per line for live commands)
  --auth NAME      log in as this administrator first; asks for the password
                   unless BUZON_PASSWORD is set
  --server NAME    the server, ADDRESS[:PORT], [V6]:PORT or unix:PATH, unless the first
                   operand is an address; BUZON_SERVER is the default
  --timeout S      how long to wait for a connection, a greeting and each reply (10 s)
  -h, --help       print this and exit
  -v, --version    print the version and exit

exit codes: 0 +OK; 1 -ERR (from a pipe: for any command); 64 wrong usage;
            69 the server cannot be reached or closed the connection; 74 cannot write
)";
}

} // namespace buzon::client
