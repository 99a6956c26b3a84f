#include "buzon/state/history.h"

#include <random>

#include "support/catch.h"

using namespace buzon::state;
using namespace std::chrono;

namespace {

const sys_seconds monday = sys_days{year{2026} / 11 / 23}; // 00:00 UTC

// A history of one counter "c" and one gauge "g", and short functions to fill and show it.
struct Fixture {
    History history{{{"c", false}, {"g", true}}};
    std::vector<Count> values{0, 0};

    void at(sys_seconds when, Count growth, Count gauge = 0) {
        values[0] += growth;
        values[1] = gauge;
        history.sample(when, values);
    }
    std::string show(Period period, std::size_t count = 100, std::size_t series = 0) const {
        std::string text;
        for (const auto& point : history.points(series, period, count))
            text += std::to_string((point.start - monday).count()) + "=" + std::to_string(point.value) + " ";
        return text;
    }
    Count total(Period period) const {
        Count sum = 0;
        for (const auto& point : history.points(0, period, SIZE_MAX)) sum += point.value;
        return sum;
    }
};

constexpr Period all_periods[] = {Period::minute, Period::hour, Period::day, Period::week};

} // namespace

TEST_CASE("growth counts in the minute, hour, day and week of its sample") {
    Fixture f;
    CHECK(f.show(Period::minute).empty());
    f.at(monday + 59s, 5);
    f.at(monday + 60s, 7);
    f.at(monday + 119s, 1);
    f.at(monday + 3600s, 2);
    f.at(monday + 24h, 3);
    f.at(monday + 24h * 7, 4);
    CHECK(f.show(Period::minute) == "0=5 60=8 3600=2 86400=3 604800=4 ");
    CHECK(f.show(Period::hour) == "0=13 3600=2 86400=3 604800=4 ");
    CHECK(f.show(Period::day) == "0=15 86400=3 604800=4 ");
    CHECK(f.show(Period::week) == "0=18 604800=4 ");
    CHECK(f.show(Period::minute, 2) == "86400=3 604800=4 ");
    CHECK(f.show(Period::minute, 0).empty());
}

TEST_CASE("weeks begin on Mondays") {
    Fixture f;
    f.at(monday - 1s, 1);
    f.at(monday, 1);
    CHECK(f.show(Period::week) == "-604800=1 0=1 ");
}

TEST_CASE("a gauge is the mean of its samples in the period") {
    Fixture f;
    f.at(monday, 0, 10);
    f.at(monday + 30s, 0, 20);
    f.at(monday + 60s, 0, 90);
    CHECK(f.show(Period::minute, 9, 1) == "0=15 60=90 ");
    CHECK(f.show(Period::hour, 9, 1) == "0=40 ");
}

TEST_CASE("frequent queries see counters at once and do not distort the mean of gauges") {
    Fixture f;
    f.at(monday, 1, 10);
    for (int i = 0; i < 100; ++i) {
        f.values = {f.values[0] + 1, 0};
        f.history.sample(monday + 1s, f.values, false);
    }
    f.at(monday + 2s, 0, 20);
    CHECK(f.show(Period::minute) == "0=101 ");
    CHECK(f.show(Period::minute, 1, 1) == "0=15 ");
    f.values[1] = 7; // they count at the start of a period, which would have none otherwise
    f.history.sample(monday + 60s, f.values, false);
    CHECK(f.show(Period::minute, 1, 1) == "60=7 ");
}

TEST_CASE("a gap has no periods, and the growth within it counts in the period where it is seen") {
    Fixture f;
    f.at(monday, 1);
    f.at(monday + 10h, 1);
    CHECK(f.show(Period::hour) == "0=1 36000=1 ");
}

TEST_CASE("setting the clock back moves future periods into the current one and loses nothing") {
    Fixture f;
    for (int i = 0; i < 10; ++i) f.at(monday + minutes{i}, 1);
    f.at(monday + 3min, 1); // six minutes back
    CHECK(f.show(Period::minute) == "0=1 60=1 120=1 180=8 ");
    f.at(monday + 4min, 1);
    CHECK(f.show(Period::minute) == "0=1 60=1 120=1 180=8 240=1 ");
    f.at(monday + 24h * 365 * 50, 1); // far into the future,
    f.at(monday + 5min, 1);           // and home again
    CHECK(f.show(Period::minute) == "0=1 60=1 120=1 180=8 240=1 300=2 ");
    for (const Period period : all_periods) CHECK(f.total(period) == f.values[0]);
}

TEST_CASE("whatever the clock does, the sums stay right and the periods in order") {
    std::mt19937 random{3};
    Fixture f;
    sys_seconds now = monday;
    for (int i = 0; i < 500; ++i) {
        now += seconds{static_cast<int>(random() % 4000) - 1500};
        f.at(now, random() % 100);
        if (i % 50 == 0) REQUIRE_FALSE(f.history.decode(f.history.encode()).has_value());
        for (const Period period : all_periods) {
            const auto points = f.history.points(0, period, SIZE_MAX);
            for (std::size_t j = 1; j < points.size(); ++j) REQUIRE(points[j - 1].start < points[j].start);
        }
    }
    for (const Period period : {Period::hour, Period::day, Period::week}) CHECK(f.total(period) == f.values[0]);
}

TEST_CASE("a percentile in the history is that of all samples of its period, not a mean of percentiles") {
    Metrics metrics;
    History history{history_series()};
    std::vector<Count> values;
    const auto at = [&](sys_seconds when) {
        read_history(metrics, values);
        history.sample(when, values);
    };
    const auto show = [&](const History& of, Period period) {
        std::string text;
        for (const char* name : {"login-time-p50", "login-time-p99"}) {
            for (const auto& point : of.points(*of.find(name), period, 10))
                text += std::to_string((point.start - monday).count()) + "=" + std::to_string(point.value) + " ";
        }
        return text;
    };
    at(monday);
    for (int i = 0; i < 90; ++i) metrics.login_time.observe(200);
    at(monday + 59s);
    for (int i = 0; i < 10; ++i) metrics.login_time.observe(9'000'000); // a minute of ten slow ones
    at(monday + 119s);
    for (int second = 120; second < 3600; second += 60) at(monday + seconds{second}); // an idle hour
    CHECK(show(history, Period::minute).find("=0 ") != std::string::npos);
    CHECK(show(history, Period::hour) == "0=250 0=10000000 "); // the mean of the minutes would be a sixtieth of it
    CHECK(show(history, Period::day) == "0=250 0=10000000 ");
    at(monday + 2h);
    for (int i = 0; i < 5; ++i) metrics.login_time.observe(50);
    at(monday + 2h + 1min);
    CHECK(show(history, Period::hour) == "0=250 7200=100 0=10000000 7200=100 "); // the current one as well
    CHECK(show(history, Period::week) == "0=250 0=10000000 ");
    CHECK(history.points(*history.find("login-time-p50"), Period::minute, 1).at(0).value == 100);

    History restarted{history_series()};
    REQUIRE_FALSE(restarted.decode(history.encode()).has_value());
    for (const Period period : all_periods) CHECK(show(restarted, period) == show(history, period));
    metrics = {};
    for (int i = 0; i < 200; ++i) metrics.login_time.observe(9'000'000);
    read_history(metrics, values);
    restarted.sample(monday + 3h, values); // the new process counts from 0
    CHECK(show(restarted, Period::day) == "0=10000000 0=10000000 ");
    restarted.sample(monday + 1h, values); // a clock set back merges, too
    CHECK(show(restarted, Period::hour) == "0=250 3600=10000000 0=10000000 3600=10000000 ");
}

TEST_CASE("percentiles of an old file that stored their means are not taken over") {
    std::vector<MetricSeries> then = metric_series();
    History old{then};
    std::vector<Count> values(then.size(), 77);
    old.sample(monday, values);
    History now{history_series()};
    REQUIRE_FALSE(now.decode(old.encode()).has_value());
    CHECK(now.points(*now.find("login-time-p99"), Period::minute, 1).at(0).value == 0);
    CHECK(now.points(*now.find("login-time-count"), Period::minute, 1).at(0).value == 77);
    CHECK(now.points(*now.find("memory"), Period::minute, 1).at(0).value == 77);
}

TEST_CASE("the history keeps 1,440 minutes, 744 hours, 731 days and 522 weeks") {
    Fixture f;
    for (int i = 0; i < 3000; ++i) f.at(monday + minutes{i}, 1, 1);
    CHECK(f.history.points(0, Period::minute, SIZE_MAX).size() == 1440);
    CHECK(f.history.points(0, Period::minute, SIZE_MAX).front().start == monday + minutes{3000 - 1440});
    for (int i = 0; i < 800; ++i) f.at(monday + hours{i + 50}, 1, 1);
    CHECK(f.history.points(0, Period::hour, SIZE_MAX).size() == 744);
    for (int i = 0; i < 4000; ++i) f.at(monday + days{i + 50}, 1, 1);
    CHECK(f.history.points(0, Period::day, SIZE_MAX).size() == 731);
    CHECK(f.history.points(0, Period::week, SIZE_MAX).size() == 522);
}

TEST_CASE("a history of ten years of large numbers fits its file and is read back completely") {
    const std::vector<MetricSeries> series = history_series();
    History history{series};
    std::vector<Count> values(series.size(), 0);
    const auto busy = [&](sys_seconds when) {
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = series[i].gauge ? Count{1} << 40 : values[i] + (Count{1} << 50);
        history.sample(when, values);
    };
    sys_seconds now = monday;
    for (int i = 0; i < 522; ++i) busy(now += days{7});
    for (int i = 0; i < 731; ++i) busy(now += days{1});
    for (int i = 0; i < 744; ++i) busy(now += hours{1});
    for (int i = 0; i < 1440; ++i) busy(now += minutes{1});
    const std::string file = history.encode();
    CHECK(file.size() <= History::max_file_octets / 2); // more metrics may come
    History again{series};
    CHECK(!again.decode(file));
    CHECK(again.encode() == file);
}

TEST_CASE("times before 1970 and far in the future lose no counts") {
    Fixture f;
    f.at(sys_seconds{-5s}, 1);
    f.at(sys_seconds{seconds{INT64_MAX}}, 1);
    f.at(sys_seconds{seconds{INT64_MIN}}, 1);
    for (const Period period : all_periods) CHECK(f.total(period) == 3);
}

TEST_CASE("a history that is read back is the same and continues in its last period") {
    Fixture f;
    for (int i = 0; i < 200; ++i) f.at(monday + minutes{i * 7}, static_cast<Count>(i), 5);
    const std::string file = f.history.encode();
    Fixture restarted;
    REQUIRE_FALSE(restarted.history.decode(file).has_value());
    CHECK(restarted.history.encode() == file);
    for (const Period period : all_periods) CHECK(restarted.show(period, 999, 1) == f.show(period, 999, 1));
    restarted.at(monday + minutes{199 * 7} + 10s, 1000); // the new process counts from 0
    CHECK(restarted.history.points(0, Period::minute, 1).at(0).value == 199 + 1000);
    Fixture empty, other;
    CHECK_FALSE(other.history.decode(empty.history.encode()).has_value());
    CHECK(other.show(Period::day).empty());
}

TEST_CASE("series that are new, removed or of another kind are not mixed up") {
    Fixture f;
    f.at(monday, 5, 9);
    History other{{{"new", false}, {"g", true}, {"c", true}}};
    REQUIRE_FALSE(other.decode(f.history.encode()).has_value());
    CHECK(other.points(0, Period::minute, 1).at(0).value == 0);
    CHECK(other.points(1, Period::minute, 1).at(0).value == 9);
    CHECK(other.points(2, Period::minute, 1).at(0).value == 0); // "c" was a counter then
    CHECK(other.find("new") == 0u);
    CHECK_FALSE(other.find("ne").has_value());
}

TEST_CASE("a damaged history is refused with a reason and changes nothing") {
    Fixture f;
    for (int i = 0; i < 5; ++i) f.at(monday + hours{i * 30}, 1 + static_cast<Count>(i) * 100, 3);
    const std::string file = f.history.encode();
    Fixture victim;
    victim.at(monday, 42);
    const std::string before = victim.history.encode();
    for (std::size_t size = 0; size < file.size(); ++size)
        REQUIRE(victim.history.decode(std::string_view{file}.substr(0, size)).has_value());
    for (std::size_t place = 0; place < file.size(); ++place)
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string damaged = file;
            damaged[place] = static_cast<char>(static_cast<unsigned char>(damaged[place]) ^ (1u << bit));
            REQUIRE(victim.history.decode(damaged).has_value());
        }
    CHECK(victim.history.decode(file + "x").has_value());
    CHECK(victim.history.decode("").value() == "not a history file, or from another version");
    CHECK(victim.history.encode() == before);
}

namespace {

// CRC-32 the slow way, to give damaged content a valid checksum.
void append_checksum(std::string& file) {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const char c : file) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i < 8; ++i) crc = (crc & 1u) != 0 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
    }
    crc = ~crc;
    for (unsigned shift = 0; shift < 32; shift += 8) file += static_cast<char>(crc >> shift & 0xFFu);
}

} // namespace

TEST_CASE("corrupt content with a valid checksum is refused or gives a consistent history") {
    Fixture f;
    for (int i = 0; i < 5; ++i) f.at(monday + hours{i * 30}, 1 + static_cast<Count>(i) * 100, 3);
    std::string good = f.history.encode();
    good.resize(good.size() - 4);
    std::string same = good;
    append_checksum(same);
    CHECK(same == f.history.encode()); // the two checksums agree
    std::mt19937 random{11};
    int taken = 0, refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string file = good;
        for (std::size_t i = random() % 3 + 1; i > 0; --i) {
            const std::size_t place = 16 + random() % (file.size() - 16);
            if (random() % 8 == 0)
                file.erase(place, random() % 4);
            else if (random() % 8 == 0)
                file.insert(place, 1, static_cast<char>(random() & 0xFFu));
            else
                file[place] = static_cast<char>(random() & 0xFFu);
            if (file.size() <= 17) break;
        }
        append_checksum(file);
        Fixture victim;
        if (victim.history.decode(file).has_value()) {
            ++refused;
            CHECK(victim.show(Period::minute).empty());
            continue;
        }
        ++taken;
        victim.at(monday + hours{200}, 1, 1);
        for (const Period period : all_periods) {
            const auto points = victim.history.points(0, period, SIZE_MAX);
            for (std::size_t j = 1; j < points.size(); ++j) REQUIRE(points[j - 1].start < points[j].start);
        }
        Fixture again;
        CHECK_FALSE(again.history.decode(victim.history.encode()).has_value());
    }
    CHECK(taken > 100);
    CHECK(refused > 100);
}
