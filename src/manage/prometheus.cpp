// manage/prometheus.cpp - writes the table of metrics in Prometheus' format.
#include "buzon/manage/prometheus.h"

#include <algorithm>
#include <utility>

namespace buzon::manage {
namespace {

using state::Count;
using state::MetricField;
using state::MetricKind;

// Microseconds as seconds, exactly, without floating point: 1500000 is "1.5".
std::string seconds(Count microseconds) {
    std::string text = std::to_string(microseconds / 1'000'000);
    std::string fraction = std::to_string(1'000'000 + microseconds % 1'000'000).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fraction.empty() ? text : text + '.' + fraction;
}

void append_line(std::string_view name, std::string_view labels, std::string_view value, std::string& page) {
    page += name;
    if (!labels.empty()) page.append("{").append(labels) += '}';
    page.append(" ").append(value) += '\n';
}

std::string label(std::string_view name, std::string_view value) {
    return std::string{name}.append("=\"").append(value).append("\"");
}

void append_histogram(std::string_view name, const state::Histogram& histogram, std::string& page) {
    const std::string bucket = std::string{name} + "_bucket";
    Count below = 0;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
        below += histogram.buckets()[i];
        append_line(bucket, label("le", seconds(histogram.bounds[i])), std::to_string(below), page);
    }
    const std::string all = std::to_string(histogram.count());
    append_line(bucket, label("le", "+Inf"), all, page);
    append_line(std::string{name} + "_sum", "", seconds(histogram.sum()), page);
    append_line(std::string{name} + "_count", "", all, page);
}

void append_family(const MetricField& field, const state::Metrics& metrics, std::string& page) {
    const state::MetricLabels& labels = *field.labels;
    const std::size_t columns = std::max<std::size_t>(labels.second_values.size(), 1);
    const auto cells = field.cells(metrics);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::string both = label(labels.first, labels.first_values[i / columns]);
        if (!labels.second_values.empty())
            both.append(",").append(label(labels.second, labels.second_values[i % columns]));
        append_line(field.prometheus, both, std::to_string(cells[i]), page);
    }
}

// For a value that may contain any octets except line ends.
std::string quoted_label(std::string_view name, std::string_view value) {
    std::string text;
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return label(name, text);
}

void append_head(std::string_view name, std::string_view help, std::string_view kind, std::string& page) {
    page.append("# HELP ").append(name).append(" ").append(help) += '\n';
    page.append("# TYPE ").append(name).append(" ").append(kind) += '\n';
}

void append_programs(const state::Metrics& metrics, std::string& page) {
    constexpr std::string_view messages = "buzon_program_messages_total", time = "buzon_program_duration_seconds_total",
                               restarts = "buzon_program_restarts_total";
    append_head(messages, "Messages through a transformation's programs, by what became of them.", "counter", page);
    for (const state::ProgramCounts& one : metrics.programs) {
        for (const auto& [result, count] :
             {std::pair{"same", one.same}, std::pair{"changed", one.changed}, std::pair{"failed", one.failed}})
            append_line(messages, quoted_label("program", one.name) + ',' + label("result", result),
                        std::to_string(count), page);
    }
    append_head(time, "Time that messages were in a transformation's programs.", "counter", page);
    for (const state::ProgramCounts& one : metrics.programs)
        append_line(time, quoted_label("program", one.name), seconds(one.microseconds), page);
    append_head(restarts, "Restarts of long-running programs after a failure.", "counter", page);
    for (const state::ProgramCounts& one : metrics.programs)
        append_line(restarts, quoted_label("program", one.name), std::to_string(one.restarts), page);
}

} // namespace

std::string prometheus_page(const state::Metrics& metrics) {
    static constexpr std::string_view kinds[] = {"counter", "gauge", "histogram"};
    std::string page;
    for (const MetricField& field : state::metric_fields()) {
        append_head(field.prometheus, field.help, kinds[static_cast<std::size_t>(field.kind)], page);
        if (field.histogram != nullptr)
            append_histogram(field.prometheus, metrics.*field.histogram, page);
        else if (field.cells != nullptr)
            append_family(field, metrics, page);
        else
            append_line(field.prometheus, "", std::to_string(metrics.*field.value), page);
    }
    append_programs(metrics, page);
    append_head("buzon_build_info", "Version of the server.", "gauge", page);
    append_line("buzon_build_info", label("version", BUZON_VERSION), "1", page);
    return page;
}

} // namespace buzon::manage
