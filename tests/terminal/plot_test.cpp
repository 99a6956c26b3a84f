#include "buzon/terminal/plot.h"

#include <sstream>

#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"
#include "support/catch.h"

using namespace buzon::client;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> rows_of(const std::string& text) {
    std::vector<std::string> rows;
    std::istringstream in{text};
    for (std::string row; std::getline(in, row);) rows.push_back(row);
    return rows;
}

Chart chart(Period period, std::chrono::seconds step, std::vector<double> values, std::string metric = "messages") {
    Chart made{std::move(metric), period, {}, {}};
    auto when = *parse_time("2026-11-23T10:00:00Z");
    for (const double value : values) {
        made.points.push_back({when, value});
        when += step;
    }
    made.now = when - 1s; // the last period is nearly over
    return made;
}

} // namespace

TEST_CASE("times are ISO 8601 in UTC and nothing else") {
    CHECK(parse_time("1970-01-01T00:00:00Z")->time_since_epoch() == 0s);
    CHECK(parse_time("2026-11-23T15:14:34Z")->time_since_epoch() == 1795446874s);
    CHECK(parse_time("2026-11-23T15:14:34.123Z") == parse_time("2026-11-23T15:14:34Z"));
    for (const char* bad : {"", "2026-11-23", "2026-11-23T15:14:34", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                            "2026-11-23T24:00:00Z", "2026-11-23T15:60:00Z", "2026-11-23 15:14:34Z",
                            "2026-11-23T15:14:3xZ", "2026-11-23T15:14:34.xZ", "2026-11-23T15:14:34+1Z"}) {
        CHECK_FALSE(parse_time(bad));
    }
}

TEST_CASE("a rising history rises from bottom left to top right, with its current period hatched") {
    std::vector<double> values;
    for (int i = 0; i < 32; ++i) values.push_back(i);
    Chart rising = chart(Period::minute, 1min, values);
    CHECK(draw(rising, 8, 24) == "messages by minute, 2026\n"
                                 "    32 ┤            ⢀⣠⣴⡮\n"
                                 "    24 ┤        ⢀⣠⣴⣾⣿⣿⣿⡯\n"
                                 "    16 ┤    ⢀⣠⣴⣾⣿⣿⣿⣿⣿⣿⣿⡯\n"
                                 "     8 ┤⢀⣠⣴⣾⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡯\n"
                                 "       └┴───────────────\n"
                                 "        10:00\n"
                                 "current minute 31; befor\n");
    values.resize(16);
    rising = chart(Period::minute, 1min, values);
    rising.charset = Charset::ascii;
    CHECK(draw(rising, 8, 24) == "messages by minute, 2026\n"
                                 "    16 +             .:/\n"
                                 "    12 +         .::###/\n"
                                 "     8 +     .::#######/\n"
                                 "     4 + .::###########/\n"
                                 "       ++---------+-----\n"
                                 "        10:00     10:10\n"
                                 "current minute 15; befor\n");
}

TEST_CASE("no plot is wider or higher than the screen, whatever the history") {
    const std::vector<std::vector<double>> histories = {
        {0}, {1}, {0, 0, 0}, {1e18, 0, 3}, std::vector<double>(999, 7), {0.001, 0.002}, {-5, 5}, {1e300, 1}};
    for (const auto& values : histories) {
        for (const Period period : {Period::minute, Period::hour, Period::day, Period::week}) {
            for (const char* metric : {"messages", "bytes", "loop-lag-p99"}) {
                for (const auto& [high, wide] :
                     {std::pair<std::size_t, std::size_t>{24, 80}, {8, 24}, {3, 10}, {60, 200}, {1, 1}}) {
                    const std::string text = draw(chart(period, 1min, values, metric), high, wide);
                    const auto rows = rows_of(text);
                    CHECK(rows.size() <= std::max<std::size_t>(high, 1));
                    for (const std::string& row : rows) CHECK(columns(row) <= wide);
                }
            }
        }
    }
}

TEST_CASE("the title and the axes show what, when and how much") {
    const auto rows = rows_of(draw(chart(Period::minute, 1min, std::vector<double>(120, 1500), "bytes"), 24, 80));
    REQUIRE(rows.size() == 20);
    CHECK(rows[0] == "bytes by minute (octets, k = 1024), 2026-11-23 10:00 to 2026-11-23 11:59 UTC");
    CHECK(rows[1].find("  2.0k \xE2\x94\xA4") == 0);
    CHECK(rows[18].find("10:00") != std::string::npos);
    CHECK(rows[18].find("11:30") != std::string::npos);
    CHECK(rows[19] == "current minute 1.5k; before: last 1.5k, min 1.5k, max 1.5k, mean 1.5k");
}

TEST_CASE("hours in which the server was not running stay empty") {
    Chart gap = chart(Period::hour, 1h, {8, 8});
    gap.points.push_back({gap.points.front().start + 13h, 8});
    gap.points.push_back({gap.points.front().start + 15h, 8});
    gap.now = gap.points.back().start + 59min;
    const auto rows = rows_of(draw(gap, 8, 40));
    CHECK(rows[4] == "     2 ┤⣿⣿⣿⣿" + std::string(22, ' ') + "⣿⣿  ⠭⠭");
}

TEST_CASE("the current period is never drawn as a full one, and the axis ends now") {
    for (const Charset charset : {Charset::utf8, Charset::ascii}) {
        CAPTURE(charset == Charset::utf8);
        const std::string full = charset == Charset::utf8 ? "⣿" : "#";
        Chart week = chart(Period::week, 24h * 7, {5});
        week.charset = charset;
        week.now = week.points.back().start + 24h; // a seventh of the last sixteenth of the axis
        auto rows = rows_of(draw(week, 24, 80));
        REQUIRE(rows.size() == 20);
        CHECK(rows[0] == "messages by week, 2026-11-23 10:00 to 2026-11-24 10:00 UTC");
        for (const std::string& row : rows) CHECK(row.find(full) == std::string::npos);
        CHECK(columns(rows[16]) == 8 + 69); // the fifteen weeks before are empty: 72 columns, four and a half per week
        CHECK(columns(rows[17]) == 8 + 69);
        CHECK(rows[19] == "current week 5");

        // A wrong clock cannot move the end of the axis out of the current week.
        week.now = week.points.back().start + 24h * 70;
        rows = rows_of(draw(week, 24, 80));
        CHECK(columns(rows[17]) == 80);
        week.now = week.points.back().start - 24h * 70;
        rows = rows_of(draw(week, 24, 80));
        CHECK(columns(rows[17]) == 8 + 68);

        // A period that has only begun spoils neither the mean nor the bar of full periods that share its dot.
        Chart minutes = chart(Period::minute, 1min, std::vector<double>(1440, 8));
        minutes.points.back().value = 0;
        minutes.charset = charset;
        rows = rows_of(draw(minutes, 24, 80));
        CHECK(rows[19] == "current minute 0; before: last 8, min 8, max 8, mean 8");
        for (std::size_t row = 1; row <= 16; ++row) {
            CHECK(columns(rows[row]) == 80);
            CHECK(rows[row].ends_with(full));
        }
    }
}

TEST_CASE("without a UTF-8 locale a plot is ASCII, whatever the metric is called") {
    for (const std::size_t wide : {1U, 24U, 80U, 200U}) {
        Chart odd = chart(Period::day, 24h, {1, 3, 2}, "caf\xC3\xA9\xFF");
        odd.charset = Charset::ascii;
        for (const char c : draw(odd, 24, wide)) CHECK(static_cast<unsigned char>(c) < 0x80);
        odd.points.clear();
        CHECK(draw(odd, 24, wide) == "no history of caf?? by day yet\n");
    }
}

TEST_CASE("a missing history is reported in words") {
    CHECK(draw(Chart{"messages", Period::week, {}, {}}, 24, 80) == "no history of messages by week yet\n");
}

TEST_CASE("points out of order or far apart are drawn in bounded time") {
    Chart odd{"messages", Period::minute, {}, {}};
    for (const char* when :
         {"2026-11-23T10:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
        odd.points.push_back({*parse_time(when), 5});
    }
    CHECK_FALSE(draw(odd, 24, 80).empty());
    std::reverse(odd.points.begin(), odd.points.end());
    CHECK_FALSE(draw(odd, 24, 80).empty());
}

TEST_CASE("a metric's unit follows from its name") {
    CHECK(unit_of("bytes") == Unit::octets);
    CHECK(unit_of("retr-bytes") == Unit::octets);
    CHECK(unit_of("memory") == Unit::octets);
    CHECK(unit_of("login-time-p99") == Unit::microseconds);
    CHECK(unit_of("loop-lag-sum") == Unit::microseconds);
    CHECK(unit_of("login-time-count") == Unit::number);
    CHECK(unit_of("start-time") == Unit::moment);
    CHECK(unit_of("process-cpu-seconds") == Unit::seconds);
    CHECK(unit_of("loop-busy") == Unit::percent);
    CHECK(unit_of("messages") == Unit::number);
    CHECK(measured(250, Unit::microseconds) == "250us");
    CHECK(measured(2500, Unit::microseconds) == "2.5ms");
    CHECK(measured(2'500'000, Unit::microseconds) == "2.5s");
    CHECK(measured(99, Unit::seconds) == "99s");
    CHECK(measured(100, Unit::seconds) == "1m");
    CHECK(measured(7 * 86400, Unit::seconds) == "7d");
    CHECK(readable("1234567", Unit::number) == "1,234,567");
    CHECK(readable("123", Unit::number) == "123");
    CHECK(readable("40213", Unit::octets) == "39k");
    CHECK(readable("1795440874", Unit::moment) == "2026-11-23 13:34:34 UTC");
    CHECK(readable("-", Unit::octets) == "-");
    CHECK(readable("007", Unit::number) == "007");
}

TEST_CASE("a sparkline has the requested width, with the newest value at its right end") {
    const std::vector<double> values = {0, 1, 4, 8};
    CHECK(sparkline(values, 6, Charset::utf8) == "   \xE2\x96\x81\xE2\x96\x84\xE2\x96\x88");
    CHECK(sparkline(values, 2, Charset::utf8) == "\xE2\x96\x84\xE2\x96\x88");
    CHECK(sparkline(values, 4, Charset::utf8, 16) == " \xE2\x96\x81\xE2\x96\x82\xE2\x96\x84");
    CHECK(sparkline(values, 6, Charset::ascii) == "   .=@");
    CHECK(sparkline({}, 3, Charset::utf8) == "   ");
    CHECK(sparkline(values, 0, Charset::utf8).empty());
    CHECK(columns(sparkline(std::vector<double>{-1, 0}, 5, Charset::utf8)) == 5);
}

TEST_CASE("a logarithmic axis gives small values more room and keeps its ends") {
    Chart steep = chart(Period::minute, 1min, {0, 1, 10, 100, 1000, 0});
    const auto linear = rows_of(draw(steep, 12, 40));
    steep.logarithmic = true;
    const auto rows = rows_of(draw(steep, 12, 40));
    REQUIRE(rows.size() == linear.size());
    CHECK(rows[0].starts_with("messages by minute, logarithmic,"));
    CHECK(rows[1].starts_with("  1.0k "));
    CHECK(linear[3].starts_with("   750 "));
    CHECK(rows[3].starts_with("   177 ")); // 1001 to the power of three quarters, less 1
    CHECK(columns(rows[7]) > 0);
    const auto filled = [](const std::vector<std::string>& all) {
        std::size_t octets = 0;
        for (const std::string& row : all) octets += row.size();
        return octets;
    };
    CHECK(filled(rows) > filled(linear));
}
