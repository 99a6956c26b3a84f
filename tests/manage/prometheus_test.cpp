#include "buzon/manage/prometheus.h"

#include <map>
#include <set>
#include <sstream>

#include "support/catch.h"

using namespace buzon;
using namespace buzon::manage;

namespace {

std::vector<std::string> lines_of(const std::string& page) {
    std::vector<std::string> lines;
    std::istringstream in{page};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool has(const std::string& page, const std::string& line) {
    return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("numbers appear under their exported names, times in seconds") {
    state::Metrics metrics;
    metrics.messages = 12;
    metrics.online = 3;
    metrics.count_login(state::Mechanism::plain, state::LoginResult::wrong);
    metrics.count_filter_failure(state::FilterFailure::exit);
    metrics.scan_time.observe(100);       // equal to the first bound
    metrics.scan_time.observe(1'500'000); // 1.5 s
    metrics.scan_time.observe(90'000'001);
    const std::string page = prometheus_page(metrics);
    CHECK(has(page, "buzon_messages_retrieved_total 12"));
    CHECK(has(page, "buzon_users_online 3"));
    CHECK(has(page, "buzon_logins_total{mechanism=\"plain\",result=\"wrong\"} 1"));
    CHECK(has(page, "buzon_filter_failures_total{cause=\"exit\"} 1"));
    CHECK(has(page, "buzon_commands_total{command=\"retr\",result=\"ok\"} 0"));
    CHECK(has(page, "buzon_scan_duration_seconds_bucket{le=\"0.0001\"} 1"));
    CHECK(has(page, "buzon_scan_duration_seconds_bucket{le=\"1\"} 1"));
    CHECK(has(page, "buzon_scan_duration_seconds_bucket{le=\"2.5\"} 2"));
    CHECK(has(page, "buzon_scan_duration_seconds_bucket{le=\"60\"} 2"));
    CHECK(has(page, "buzon_scan_duration_seconds_bucket{le=\"+Inf\"} 3"));
    CHECK(has(page, "buzon_scan_duration_seconds_sum 91.500101"));
    CHECK(has(page, "buzon_scan_duration_seconds_count 3"));
}

TEST_CASE("programs are labels in families of their own, and no program's name can break the page") {
    state::Metrics metrics;
    state::ProgramCounts& odd = metrics.counts_of("process:/opt/\"a\\b\" \xff\n");
    odd.same = 5;
    odd.failed = 1;
    odd.microseconds = 1'500'000;
    odd.restarts = 3;
    const std::string page = prometheus_page(metrics);
    const std::string label = "{program=\"process:/opt/\\\"a\\\\b\\\"%20%FF%0A\"";
    CHECK(has(page, "buzon_program_messages_total" + label + ",result=\"same\"} 5"));
    CHECK(has(page, "buzon_program_messages_total" + label + ",result=\"changed\"} 0"));
    CHECK(has(page, "buzon_program_messages_total" + label + ",result=\"failed\"} 1"));
    CHECK(has(page, "buzon_program_duration_seconds_total" + label + "} 1.5"));
    CHECK(has(page, "buzon_program_restarts_total" + label + "} 3"));
}

TEST_CASE("the page is well formed: HELP and TYPE once before each family, each series once") {
    state::Metrics metrics;
    metrics.login_time.observe(777);
    for (const char* program : {"/usr/bin/sed", "process:/opt/\"a\\b\" \xff\n", "/bin/a|process:/bin/b"})
        metrics.counts_of(program).same = 1;
    std::set<std::string> families, series;
    std::string family, kind;
    for (const std::string& line : lines_of(prometheus_page(metrics))) {
        CAPTURE(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(families.insert(family).second);
            CHECK(line.size() > 8 + family.size());
            kind.clear();
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.starts_with("# TYPE " + family + " "));
            kind = line.substr(8 + family.size());
            CHECK(std::set<std::string>{"counter", "gauge", "histogram"}.contains(kind));
            CHECK((kind == "counter") == family.ends_with("_total"));
        } else {
            REQUIRE_FALSE(kind.empty());
            const std::size_t blank = line.rfind(' ');
            CHECK(series.insert(line.substr(0, blank)).second);
            CHECK(line.substr(blank + 1).find_first_not_of("0123456789.") == std::string::npos);
            const std::string name = line.substr(0, line.find_first_of("{ "));
            if (kind == "histogram")
                CHECK(std::set<std::string>{family + "_bucket", family + "_sum", family + "_count"}.contains(name));
            else
                CHECK(name == family);
        }
    }
    CHECK(families.size() == state::metric_fields().size() + 4); // build_info, and three for programs
    CHECK(prometheus_page(metrics).ends_with("\n"));
}
