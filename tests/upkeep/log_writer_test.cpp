#include "buzon/upkeep/log_writer.h"

#include <fcntl.h>

#include "buzon/posix/io.h"
#include "support/catch.h"

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
