// Complaints of transformations: a limited number of lines per program, user and minute; the rest is counted and
// reported.
#include "buzon/upkeep/complaints.h"

#include "support/catch.h"

using namespace buzon;

namespace {

struct Lines final : state::LogSink {
    void write(std::string_view line) override { all.emplace_back(line); }
    [[nodiscard]] std::size_t with(std::string_view text) const {
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [&](const std::string& line) { return line.find(text) != line.npos; }));
    }
    std::vector<std::string> all;
};

} // namespace

TEST_CASE("a program that complains about every message cannot flood the log, and omitted lines are counted") {
    Lines lines;
    event::EventLoop loop;
    state::Log log{&lines, {}};
    state::EventBus events{log};
    {
        upkeep::Complaints complaints{loop, events};
        for (int i = 0; i < 100; ++i) complaints.line("/bin/a", 7, "ana", "uidl-" + std::to_string(i), "no good");
        complaints.line("/bin/a", 8, "bob", "b", "no good either");
        complaints.line("/bin/b", 7, "ana", "c", "nor this");
        CHECK(lines.all.size() == upkeep::Complaints::lines_a_minute + 2);
        CHECK(lines.all[3].find("session=7 user=ana program=/bin/a uidl=uidl-3 stderr=\"no good\"") !=
              std::string::npos);
        CHECK(lines.with("user=bob") == 1);
        CHECK(lines.with("program=/bin/b") == 1);
    }
    CHECK(lines.all.size() == upkeep::Complaints::lines_a_minute + 3);
    CHECK(lines.with("user=ana program=/bin/a stderr=\"(40 more lines not shown)\"") == 1);
}

TEST_CASE("however many programs and users complain, what is kept about them is bounded") {
    Lines lines;
    event::EventLoop loop;
    state::Log log{&lines, {}};
    state::EventBus events{log};
    {
        upkeep::Complaints complaints{loop, events};
        for (std::size_t i = 0; i < 2 * upkeep::Complaints::max_talkers; ++i)
            complaints.line("/bin/a", 0, "user" + std::to_string(i), "x", "no good");
        CHECK(lines.all.size() == upkeep::Complaints::max_talkers + upkeep::Complaints::lines_a_minute);
    }
    CHECK(lines.with("more lines not shown") == 1);
}
