// bench/load/main.cpp - the load generator: runs the kind of load that the command line asks for, and reports.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <span>

#include "common/options.h"
#include "common/process_cost.h"
#include "load/beside.h"
#include "load/canned.h"
#include "load/questions.h"
#include "load/scenario.h"

namespace {

using namespace bench;

constexpr const char* usage =
    "usage: bench_load KIND --port N --user PREFIX [options]      users are PREFIX1, PREFIX2, ...\n"
    "kinds:\n"
    "  sessions   connect, USER, PASS, STAT, QUIT, end of connection\n"
    "  fresh      the same with RETR of all messages; every visit is another user's\n"
    "  commands   logged-in sessions send NOOP, STAT, LIST n in turn (--noop: NOOP only)\n"
    "  retr       logged-in sessions retrieve one message after the other\n"
    "  list uidl  logged-in sessions ask for the whole listing\n"
    "  listen     --listeners on the management port --port, until its input ends; tells what came at each line of it\n"
    "  canned     no server: writes replies for bench_floor to --into DIR\n"
    "options:\n"
    "  --maildir DIR         a Maildir with the mails of every user: replies are checked against it\n"
    "  --stat 'N OCTETS'     instead, where only the reply to STAT is to be checked\n"
    "  --only-first          ask for message 1 only\n"
    "  --filter COMMAND      what the server is told to run on every message\n"
    "  --password P          (pass)\n"
    "  --sessions N          at once (1)\n"
    "  --depth N             commands sent in one piece (1)\n"
    "  --pause SECONDS       between an answer and the next question of a session (0)\n"
    "  --count N --seconds S units begun at most (100000000), time in which they are begun (2)\n"
    "  --idle N --idle-user PREFIX                        logged-in sessions that do nothing, beside the load\n"
    "  --slow N --slow-user PREFIX --slow-maildir DIR     sessions that read message 1 at --slow-rate octets/s "
    "(16384)\n"
    "  --logins N --login-user PREFIX --login-users M     so many log in again and again, each time another of M "
    "users\n"
    "  --listeners N --silent K                           managers with EVNT or LOGG FOLLOW, K of whom never read\n"
    "  --server-pid PID      processor time and memory of this process and its descendants are reported\n"
    "  --rest SECONDS        nothing happens for so long once the idle sessions have come (0)\n"
    "  --settle SECONDS      processor time is read so long after the end, for work put off (0)\n"
    "  --patience SECONDS    what is still under way so long after its time is an error (60)\n"
    "  --sources N           use source addresses 127.0.0.2 ... (200)\n";

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

Place place_of(const Options& options) {
    Place place;
    place.server.sin_family = AF_INET;
    place.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::uint64_t port = options.number("port", 0);
    if (port == 0 || port > 65535) throw UsageError{"--port is needed"};
    place.server.sin_port = htons(static_cast<std::uint16_t>(port));
    place.sources = static_cast<std::uint32_t>(options.number("sources", 200));
    if (place.sources == 0 || place.sources > 100'000) throw UsageError{"--sources is out of range"};
    return place;
}

Maildrop maildrop_of(const Options& options) {
    if (options.has("maildir")) return read_maildrop(options.text("maildir"));
    Maildrop maildrop;
    if (!options.has("stat")) return maildrop;
    const std::string numbers = options.text("stat");
    const std::size_t space = numbers.find(' ');
    if (space == numbers.npos) throw UsageError{"--stat takes two numbers"};
    maildrop.messages = parse_number("--stat", std::string_view{numbers}.substr(0, space));
    maildrop.total = parse_number("--stat", std::string_view{numbers}.substr(space + 1));
    return maildrop;
}

std::vector<std::string> wires_of(const Options& options, const Maildrop& maildrop) {
    std::vector<std::string> wires;
    for (const std::string& path : maildrop.paths) {
        wires.push_back(wire_form(options.has("filter") ? filtered(options.text("filter"), path) : read_whole(path)));
        if (options.has("only-first")) break;
    }
    if (wires.empty()) throw UsageError{"--maildir with at least one message is needed"};
    return wires;
}

struct Memory {
    std::uint64_t before = 0, with_idle = 0, after = 0; // KiB
    std::uint64_t descriptors_before = 0, descriptors_with_idle = 0;
};

void print(const Options& options, Result& result, const Meter& meter, const Memory& memory) {
    const auto units = static_cast<double>(result.units);
    Report report;
    report.number("units", units);
    report.number("seconds", meter.seconds());
    report.number("rate", meter.seconds() > 0 ? units / meter.seconds() : 0);
    report.number("errors", static_cast<double>(result.errors.count()));
    report.number("octets", static_cast<double>(result.octets));
    report.number("p50-us", result.times.percentile(0.50));
    report.number("p99-us", result.times.percentile(0.99));
    if (!result.logins.empty()) {
        report.number("login-p50-us", result.logins.percentile(0.50));
        report.number("login-p99-us", result.logins.percentile(0.99));
    }
    if (options.has("server-pid")) {
        report.number("server-cpu-seconds", meter.server_seconds());
        report.number("server-cpu-us-per-unit", units > 0 ? meter.server_seconds() / units * 1e6 : 0);
        report.number("server-cpu-us-without-programs", units > 0 ? meter.alone_seconds() / units * 1e6 : 0);
        report.number("server-pss-before-kib", static_cast<double>(memory.before));
        report.number("server-pss-ready-kib", static_cast<double>(memory.with_idle));
        report.number("server-pss-after-kib", static_cast<double>(memory.after));
        if (const std::uint64_t idle = options.number("idle", 0); idle > 0) {
            const auto per_idle = [&](std::uint64_t with, std::uint64_t without) {
                return (static_cast<double>(with) - static_cast<double>(without)) / static_cast<double>(idle);
            };
            report.number("server-pss-kib-per-idle", per_idle(memory.with_idle, memory.before));
            report.number("server-descriptors-per-idle",
                          per_idle(memory.descriptors_with_idle, memory.descriptors_before));
        }
    }
    report.print();
}

void print_beside(Logins& logins) {
    if (logins.done() == 0) return;
    Report report;
    report.number("beside-logins", static_cast<double>(logins.done()));
    report.number("beside-login-p50-us", logins.times().percentile(0.50));
    report.number("beside-login-p99-us", logins.times().percentile(0.99));
    report.print();
}

int listen_on(const Options& options) {
    const Place place = place_of(options);
    Listeners listeners{place, options.number("listeners", 1), options.number("silent", 0)};
    constexpr int between_reads = 50; // milliseconds
    for (;;) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const bool asked = poll(&input, 1, between_reads) > 0;
        listeners.read_some();
        if (!asked) continue;
        char line[16];
        if (read(STDIN_FILENO, line, sizeof line) <= 0) return 0;
        Report report;
        report.number("listeners", static_cast<double>(listeners.still_there()));
        report.number("octets", static_cast<double>(listeners.octets()));
        report.number("looked-at", static_cast<double>(listeners.looked_at()));
        report.number("lines", static_cast<double>(listeners.lines()));
        report.number("lost", static_cast<double>(listeners.lost()));
        report.print();
        std::cout << std::flush;
    }
}

int run_load(const std::string& kind, const Options& options) {
    const Place place = place_of(options);
    const auto server = static_cast<pid_t>(options.number("server-pid", 0));
    const std::string password = options.text("password", "pass");
    const Users users{options.text("user"), password};
    const Limits limits{.count = options.number("count", 100'000'000),
                        .seconds = options.real("seconds", 2),
                        .patience = options.real("patience", 60)};
    const std::size_t at_once = options.number("sessions", 1);
    if (users.prefix.empty() || at_once == 0) throw UsageError{"--user and at least one session are needed"};

    Maildrop maildrop = maildrop_of(options);
    if (options.has("only-first") && !maildrop.octets.empty()) maildrop.octets.resize(1);
    const std::vector<std::string> wires =
        kind == "retr" || kind == "fresh" ? wires_of(options, maildrop) : std::vector<std::string>{};

    Loop loop;
    Memory memory{.before = proportional_memory(server), .descriptors_before = descriptors(server)};
    Result result;
    Meter meter{server, options.real("settle", 0)};

    Crowd idle{loop, place, {options.text("idle-user", "idle"), password}};
    idle.come(options.number("idle", 0));
    if (const double rest = options.real("rest", 0); rest > 0) usleep(static_cast<useconds_t>(rest * 1e6));
    Place slow_place = place;
    slow_place.receive_buffer = 16 * 1024;
    Crowd slow{loop, slow_place, {options.text("slow-user", "slow"), password}};
    slow.come(options.number("slow", 0));
    std::string slow_wire;
    std::optional<SlowReaders> slow_readers;
    if (options.number("slow", 0) > 0) {
        slow_wire = wire_form(read_whole(read_maildrop(options.text("slow-maildir")).paths.at(0)));
        slow_readers.emplace(slow, slow_wire, options.number("slow-rate", 16384), result.errors);
        loop.at_every_turn([&] { slow_readers->read_some(); });
    }
    Logins logins{loop,
                  place,
                  {options.text("login-user", "login"), password},
                  options.number("login-users", 1'000),
                  result.errors};
    logins.begin(options.number("logins", 0));
    memory.with_idle = proportional_memory(server);
    memory.descriptors_with_idle = descriptors(server);

    if (kind == "sessions" || kind == "fresh") {
        const bool numbers_known = (options.has("stat") || options.has("maildir")) && !options.has("filter");
        const Visit visit{.stat_reply = numbers_known ? maildrop.stat_reply() : std::string{},
                          .messages = wires,
                          .other_user_each_time = kind == "fresh"};
        visit_on(loop, place, users, visit, at_once, limits, meter, result);
        memory.after = proportional_memory(server);
    } else {
        Texts texts;
        Crowd crowd{loop, place, users};
        crowd.come(at_once);
        const Mix mix{options.number("depth", 1), options.has("noop")};
        const std::vector<Question> questions =
            kind == "retr" ? retrievals(wires)
            : kind == "commands"
                ? command_mix(mix, maildrop, loop, crowd, texts)
                : listing(kind == "list" ? Listing::list : Listing::uidl, maildrop, loop, crowd, texts);
        ask_on(loop, crowd, questions, limits, options.real("pause", 0), meter, result);
        memory.after = proportional_memory(server);
        crowd.leave();
    }
    logins.end();
    idle.leave();
    print(options, result, meter, memory);
    print_beside(logins);
    return result.errors.count() == 0 && result.units > 0 ? 0 : 1;
}

int run(std::span<char* const> words) {
    const Options options{words,
                          {"port",       "user",        "maildir",   "stat",         "filter",    "password",
                           "sessions",   "depth",       "pause",     "count",        "seconds",   "idle",
                           "idle-user",  "slow",        "slow-user", "slow-maildir", "slow-rate", "server-pid",
                           "rest",       "settle",      "patience",  "sources",      "into",      "logins",
                           "login-user", "login-users", "listeners", "silent"},
                          {"only-first", "noop", "help"}};
    if (options.has("help")) {
        std::cout << usage;
        return 0;
    }
    if (options.operands().size() != 1) throw UsageError{"one kind of load is needed"};
    const std::string& kind = options.operands()[0];
    if (kind == "canned") {
        if (!options.has("into")) throw UsageError{"--into is needed"};
        write_canned(maildrop_of(options), options.text("into"));
        return 0;
    }
    if (kind == "listen") {
        raise_file_limit();
        return listen_on(options);
    }
    for (const char* known : {"sessions", "fresh", "commands", "retr", "list", "uidl"}) {
        if (kind != known) continue;
        raise_file_limit();
        return run_load(kind, options);
    }
    throw UsageError{"unknown kind " + kind};
}

} // namespace

int main(int argc, char** argv) try {
    return run({argv + 1, static_cast<std::size_t>(argc - 1)});
} catch (const UsageError& trouble) {
    std::cerr << "bench_load: " << trouble.what() << '\n' << usage;
    return 64;
} catch (const std::exception& trouble) {
    std::cerr << "bench_load: " << trouble.what() << '\n';
    return 69;
}
