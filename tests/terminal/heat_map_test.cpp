#include "buzon/terminal/heat_map.h"

#include <sstream>

#include "buzon/terminal/text.h"
#include "support/catch.h"

using namespace buzon::client;
using namespace std::chrono_literals;

namespace {

// Five minutes: empty, one bucket, two, three, and one that is not over yet.
HeatMap five_minutes(Charset charset) {
    HeatMap map{"retr-time", Period::minute, {100, 250, 1000, 2500, 10'000}, {}, {}, charset};
    const auto start = *parse_time("2026-11-23T10:00:00Z");
    const std::vector<std::map<double, double>> counts = {{},
                                                          {{1000, 7}},
                                                          {{250, 1}, {1000, 9}},
                                                          {{250, 2}, {1000, 96}, {10'000, 2}},
                                                          {{1000, 1}, {Spread::unbounded, 1}}};
    for (std::size_t i = 0; i < counts.size(); ++i) map.spreads.push_back({start + i * 1min, counts[i]});
    map.now = start + 4min + 30s;
    return map;
}

} // namespace

TEST_CASE("a histogram over time has one row per bucket, the darker the larger its share of a period's samples") {
    CHECK(draw(five_minutes(Charset::ascii), 24, 60) ==
          "retr-time by minute, histogram, to 2026-11-23 10:04 UTC\n"
          "  more +                                                ///\n"
          "  10ms +                                             ...\n"
          " 2.5ms +\n"
          " 1.0ms +                                       #########///\n"
          " 250us +                                          :::...\n"
          "       +------+--------------+--------------+-------------\n"
          "              09:50          09:55          10:00\n"
          "119 samples; a minute's share: . to 5% : to 20% * to 50% # m\n");
    const std::string utf8 = draw(five_minutes(Charset::utf8), 24, 80);
    CHECK(utf8.find(" 1.0ms \xE2\x94\xA4 ") != std::string::npos);
    CHECK(utf8.find("\xE2\x96\x88\xE2\x96\x88\xE2\x96\x88////\n") != std::string::npos);
}

TEST_CASE("a histogram fits the screen: the lowest buckets share a row, and the oldest periods are dropped") {
    for (std::size_t rows = 1; rows <= 30; ++rows)
        for (const std::size_t width : {1U, 10U, 24U, 25U, 40U, 80U, 200U})
            for (const Charset charset : {Charset::ascii, Charset::utf8}) {
                CAPTURE(rows, width);
                std::istringstream lines{draw(five_minutes(charset), rows, width)};
                std::size_t count = 0;
                for (std::string line; std::getline(lines, line); ++count) CHECK(columns(line) <= width);
                CHECK(count <= rows);
            }
    const std::string low = draw(five_minutes(Charset::ascii), 6, 60);
    CHECK(low.find("  10ms +                                       ############///\n") == std::string::npos);
    CHECK(low.find("  10ms +                                       #########///\n") != std::string::npos);
    HeatMap many = five_minutes(Charset::ascii);
    for (int i = 0; i < 500; ++i) many.spreads.push_back({many.spreads.back().start + 1min, {{1000, 1}}});
    CHECK(draw(many, 24, 60).find(" 1.0ms +" + std::string(51, '#') + "/\n") != std::string::npos);
}

TEST_CASE("a histogram without samples is reported in words") {
    HeatMap none = five_minutes(Charset::ascii);
    for (Spread& spread : none.spreads) spread.counts.clear();
    CHECK(draw(none, 24, 80) == "no samples of retr-time by minute yet\n");
    CHECK(draw(HeatMap{"a\xC3\xA9", Period::day, {}, {}, {}, Charset::ascii}, 24, 80) ==
          "no samples of a? by day yet\n");
}
