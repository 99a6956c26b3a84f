#include "buzon/state/metrics.h"

#include <algorithm>
#include <set>

#include "support/catch.h"

using namespace buzon::state;

namespace {

Count value_of(const Metrics& metrics, std::string_view name) {
    std::vector<Count> values;
    read_series(metrics, values);
    const auto& series = metric_series();
    REQUIRE(values.size() == series.size());
    for (std::size_t i = 0; i < series.size(); ++i)
        if (series[i].name == name) return values[i];
    FAIL("no series " << name);
    return 0;
}

} // namespace

TEST_CASE("every metric has a unique name, a help text and one place for its value") {
    std::set<std::string> names, exported;
    for (const MetricSeries& one : metric_series()) {
        CAPTURE(one.name);
        CHECK(names.insert(one.name).second);
        CHECK(one.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
    }
    for (const MetricField& field : metric_fields()) {
        CAPTURE(std::string{field.name});
        CHECK(exported.insert(std::string{field.prometheus}).second);
        CHECK(field.help.ends_with("."));
        CHECK((field.value != nullptr) + (field.histogram != nullptr) + (field.cells != nullptr) == 1);
        CHECK((field.cells != nullptr) == (field.labels != nullptr));
        CHECK((field.kind == MetricKind::counter) == field.prometheus.ends_with("_total"));
        CHECK((field.kind == MetricKind::histogram) == (field.histogram != nullptr));
        if (field.histogram != nullptr) CHECK(field.prometheus.ends_with("_seconds"));
        CHECK(field.prometheus.starts_with("buzon_"));
    }
}

TEST_CASE("METR * begins with the four numbers of METR") {
    const auto& series = metric_series();
    CHECK(series[0].name == "messages");
    CHECK(series[1].name == "bytes");
    CHECK(series[2].name == "online");
    CHECK(series[3].name == "historic");
    CHECK(series[2].gauge);
    CHECK_FALSE(series[3].gauge);
}

TEST_CASE("a family counts each pair of labels in its own cell") {
    Metrics metrics;
    for (std::size_t m = 0; m < mechanism_names.size(); ++m)
        for (std::size_t r = 0; r < login_result_names.size(); ++r)
            metrics.count_login(static_cast<Mechanism>(m), static_cast<LoginResult>(r));
    for (const Count cell : metrics.logins) CHECK(cell == 1);
    metrics.count_login(Mechanism::scram_sha_256, LoginResult::busy);
    CHECK(value_of(metrics, "logins-scram-sha-256-busy") == 2);
    CHECK(value_of(metrics, "logins-scram-sha-256-ok") == 1);
    metrics.count_command(Pop3Command::retr, CommandResult::error);
    metrics.count_command(Pop3Command::unknown, CommandResult::error);
    CHECK(value_of(metrics, "commands-retr-error") == 1);
    CHECK(value_of(metrics, "commands-retr-ok") == 0);
    CHECK(value_of(metrics, "commands-unknown-error") == 1);
    metrics.count_filter_failure(FilterFailure::timeout);
    CHECK(value_of(metrics, "filter-failures-timeout") == 1);
}

TEST_CASE("programs are counted by name up to a limit, and the rest together") {
    Metrics metrics;
    for (std::size_t i = 0; i < 2 * Metrics::max_programs; ++i) {
        const std::string name = "/p" + std::to_string(i);
        ++metrics.counts_of(name).same;
        ++metrics.counts_of(name).same;
    }
    REQUIRE(metrics.programs.size() == Metrics::max_programs);
    CHECK(metrics.programs.front().name == "/p0");
    CHECK(metrics.programs.front().same == 2);
    CHECK(metrics.programs.back().name == "other");
    CHECK(metrics.programs.back().same == 2 * (Metrics::max_programs + 1));
    CHECK(program_series(metrics).size() == 5 * Metrics::max_programs);
}

TEST_CASE("a duration equal to a bound belongs to its bucket, and one above it to the next") {
    for (std::size_t i = 0; i < Histogram::bounds.size(); ++i) {
        Histogram histogram;
        histogram.observe(Histogram::bounds[i]);
        CHECK(histogram.buckets()[i] == 1);
        histogram.observe(Histogram::bounds[i] + 1);
        CHECK(histogram.buckets()[i + 1] == 1);
        CHECK(histogram.count() == 2);
        CHECK(histogram.sum() == 2 * Histogram::bounds[i] + 1);
    }
    Histogram histogram;
    histogram.observe(0);
    CHECK(histogram.buckets()[0] == 1);
}

TEST_CASE("a percentile is the upper bound of its bucket, or the last bound beyond all buckets") {
    Histogram histogram;
    CHECK(histogram.percentile(50) == 0);
    histogram.observe(200);
    CHECK(histogram.percentile(50) == 250);
    CHECK(histogram.percentile(99) == 250);
    for (int i = 0; i < 98; ++i) histogram.observe(200);
    histogram.observe(UINT32_MAX); // 100 durations, one of them beyond all bounds
    CHECK(histogram.percentile(50) == 250);
    CHECK(histogram.percentile(99) == 250);
    CHECK(histogram.percentile(100) == Histogram::bounds.back());
    histogram.observe(UINT32_MAX);
    CHECK(histogram.percentile(99) == Histogram::bounds.back());
}

TEST_CASE("percentiles cover only the last 60 seconds") {
    Histogram histogram;
    histogram.mark(1000);
    for (int i = 0; i < 1000; ++i) histogram.observe(9'000'000); // a bad start
    for (Count second = 1001; second <= 1060; ++second) {
        histogram.mark(second);
        CHECK(histogram.percentile(99) == 10'000'000);
        histogram.observe(200);
    }
    histogram.mark(1061);
    CHECK(histogram.percentile(50) == 250);
    CHECK(histogram.percentile(99) == 250);
    CHECK(histogram.percentile(100) == 250);
    CHECK(histogram.count() == 1060); // Prometheus still gets all of them
    CHECK(histogram.buckets()[15] == 1000);
    histogram.mark(1120);
    CHECK(histogram.percentile(99) == 250);
    histogram.mark(1121);
    CHECK(histogram.percentile(99) == 0);
}

TEST_CASE("percentiles of the last minute are right however irregularly seconds are marked") {
    Histogram histogram;
    histogram.observe(200); // before the first mark
    CHECK(histogram.percentile(99) == 250);
    histogram.mark(5);
    histogram.mark(5);
    histogram.mark(4); // time never goes back; if it did, nothing would happen
    histogram.observe(400);
    CHECK(histogram.percentile(99) == 500);
    // A loop that was blocked for most of a minute loses nothing of it.
    histogram.mark(60);
    histogram.observe(800);
    histogram.mark(65);
    CHECK(histogram.percentile(1) == 500);
    CHECK(histogram.percentile(99) == 1000);
    histogram.mark(10'000);
    CHECK(histogram.percentile(99) == 0);
    // Many seconds, some of them left out: each slow one is seen for a minute.
    std::vector<Count> seen;
    for (Count second = 20'000; second < 22'000; second += 1 + second % 3) {
        histogram.mark(second);
        seen.push_back(second);
        histogram.observe(second % 100 == 0 ? 9'000'000 : 50);
        const bool slow =
            std::any_of(seen.begin(), seen.end(), [&](Count then) { return then + 60 > second && then % 100 == 0; });
        if (slow) CHECK(histogram.percentile(100) == 10'000'000);
    }
}

TEST_CASE("mark_second() marks the second in every histogram") {
    Metrics metrics;
    mark_second(metrics, 1);
    for (Histogram Metrics::*const one :
         {&Metrics::login_time, &Metrics::scan_time, &Metrics::retr_time, &Metrics::filter_time, &Metrics::loop_lag})
        (metrics.*one).observe(200);
    for (const char* name : {"login-time", "scan-time", "retr-time", "filter-time", "loop-lag"})
        CHECK(value_of(metrics, std::string{name} + "-p99") == 250);
    mark_second(metrics, 2);
    mark_second(metrics, 62);
    for (const char* name : {"login-time", "scan-time", "retr-time", "filter-time", "loop-lag"}) {
        CHECK(value_of(metrics, std::string{name} + "-p99") == 0);
        CHECK(value_of(metrics, std::string{name} + "-count") == 1);
    }
}

TEST_CASE("a history stores the series that METR lists, followed by the buckets of the histograms") {
    const auto& flat = metric_series();
    const auto& kept = history_series();
    REQUIRE(kept.size() > flat.size());
    for (std::size_t i = 0; i < flat.size(); ++i) {
        CHECK(kept[i].name == flat[i].name);
        CHECK((kept[i].percent != 0) == (flat[i].name.ends_with("-p50") || flat[i].name.ends_with("-p99")));
    }
    for (std::size_t i = flat.size(); i < kept.size(); ++i) CHECK(kept[i].name.find(' ') != std::string::npos);
    Metrics metrics;
    metrics.scan_time.observe(300);
    std::vector<Count> values;
    read_history(metrics, values);
    REQUIRE(values.size() == kept.size());
    const auto p99 =
        std::find_if(kept.begin(), kept.end(), [](const auto& one) { return one.name == "scan-time-p99"; });
    REQUIRE(p99 != kept.end());
    CHECK(p99->percent == 99);
    CHECK(kept[p99->buckets].name == "scan-time up to 100");
    CHECK(values[p99->buckets + 2] == 1);
}
