#include "buzon/upkeep/log_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

TEST_CASE("lines lost to a slow reader are reported by a line of the log itself, in the log's format") {
    event::EventLoop loop;
    state::Metrics metrics;
    posix::Pipe pipe = std::move(posix::make_pipe(true)).value();
    REQUIRE(::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 4096) >= 0);
    upkeep::LogWriter* writer = nullptr;
    upkeep::LogWriter log{loop, metrics, pipe.write_end.get(),
                          [&](const std::string& what) { writer->write("<4>" + what + '\n'); }};
    writer = &log;
    const std::string line = "<6>" + std::string(1000, 'x') + '\n';
    for (int i = 0; i < 300; ++i) log.write(line);
    REQUIRE(metrics.log_lines_lost > 0);
    std::string got;
    const auto end = event::Clock::now() + 60s;
    while (got.find("were lost") == std::string::npos && event::Clock::now() < end) {
        loop.turn(10ms);
        char piece[4096];
        const posix::Transfer step = posix::read_some(pipe.read_end.get(), piece);
        if (step.what == posix::Moved::some) got.append(piece, step.bytes);
    }
    CHECK(got.ends_with("\n<4>" + std::to_string(metrics.log_lines_lost) +
                        " log lines were lost because their reader was too slow\n"));
    CHECK(got.find("\n(") == std::string::npos);
}

namespace {

// Ignores a signal for the life of the object.
class Ignored {
public:
    explicit Ignored(int number) : number_{number}, before_{::signal(number, SIG_IGN)} {}
    ~Ignored() { ::signal(number_, before_); }
    Ignored(const Ignored&) = delete;
    Ignored& operator=(const Ignored&) = delete;

private:
    int number_;
    sighandler_t before_;
};

// Files of this process cannot grow beyond this size for the life of the object, as on a full disk.
class FullDisk {
public:
    explicit FullDisk(rlim_t octets) {
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
        const rlimit small{octets, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

private:
    Ignored signal_{SIGXFSZ};
    rlimit before_{};
};

posix::UniqueFd log_file(const std::string& path) {
    posix::UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    REQUIRE(file);
    return file;
}

std::string line_of(char c) {
    return std::string(59, c) + '\n';
}

} // namespace

TEST_CASE("lines lost to a full disk are counted and reported later, and half a line never runs into the next") {
    const test::TempDirectory directory;
    event::EventLoop loop;
    state::Metrics metrics;
    std::vector<std::string> told;
    upkeep::LogWriter log{loop, metrics, -1, [&](const std::string& what) { told.push_back(what); }};
    log.use(log_file(directory / "log"));
    for (const char c : {'a', 'b', 'c'}) log.write(line_of(c));
    state::Count lost = 0;
    {
        const FullDisk full{100};
        log.flush();
        lost = metrics.log_lines_lost;
        log.write(line_of('d'));
        log.flush();
    }
    CHECK(lost == 2);
    CHECK(metrics.log_lines_lost == 3);
    CHECK(told.empty()); // that line would be lost, too
    log.write(line_of('e'));
    log.flush();
    CHECK(told == std::vector<std::string>{"3 log lines were lost: File too large"});
    CHECK(metrics.log_lines_lost == 3);
    CHECK(posix::read_file((directory / "log").c_str(), 1000).value() ==
          line_of('a') + std::string(40, 'b') + '\n' + line_of('e'));

    // In another file there is no such line to end.
    log.write(line_of('f'));
    {
        const FullDisk full{180};
        log.flush();
    }
    log.use(log_file(directory / "new"));
    log.write(line_of('g'));
    log.flush();
    CHECK(posix::read_file((directory / "new").c_str(), 1000).value() == line_of('g'));
    CHECK(told.size() == 2);
}

TEST_CASE("lines that nobody reads any more are counted as lost") {
    const Ignored broken{SIGPIPE};
    event::EventLoop loop;
    state::Metrics metrics;
    posix::Pipe pipe = std::move(posix::make_pipe(true)).value();
    upkeep::LogWriter log{loop, metrics, pipe.write_end.get(), [](const std::string&) {}};
    pipe.read_end.reset();
    log.write(line_of('a'));
    log.write(line_of('b'));
    log.flush();
    CHECK(metrics.log_lines_lost == 2);
}
