#include "buzon/state/metrics.h"

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

TEST_CASE("every metric has one name, a help text and one place for its value") {
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

TEST_CASE("the four numbers of METR come first") {
    const auto& series = metric_series();
    CHECK(series[0].name == "messages");
    CHECK(series[1].name == "bytes");
    CHECK(series[2].name == "online");
    CHECK(series[3].name == "historic");
    CHECK(series[2].gauge);
    CHECK_FALSE(series[3].gauge);
}

TEST_CASE("a family counts each pair of labels in a cell of its own") {
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

TEST_CASE("a span on a bound belongs to its bucket, one above to the next") {
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

TEST_CASE("a percentile is the bound that so many spans stay under") {
    Histogram histogram;
    CHECK(histogram.percentile(50) == 0);
    histogram.observe(200);
    CHECK(histogram.percentile(50) == 250);
    CHECK(histogram.percentile(99) == 250);
    for (int i = 0; i < 98; ++i) histogram.observe(200);
    histogram.observe(UINT32_MAX); // 100 spans, one of them beyond all bounds
    CHECK(histogram.percentile(50) == 250);
    CHECK(histogram.percentile(99) == 250);
    CHECK(histogram.percentile(100) == Histogram::bounds.back());
    histogram.observe(UINT32_MAX);
    CHECK(histogram.percentile(99) == Histogram::bounds.back());
}
