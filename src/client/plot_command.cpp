#include <unistd.h>

#include <algorithm>
#include <map>

#include "buzon/state/metrics.h"
#include "buzon/talk/fields.h"
#include "buzon/talk/json.h"
#include "buzon/talk/typed.h"
#include "buzon/terminal/heat_map.h"
#include "buzon/terminal/plot.h"
#include "buzon/terminal/table.h"
#include "buzon/terminal/text.h"
#include "modes.h"

namespace buzon::client {
namespace {

// Values are numbers and times contain no commas. Anything else is quoted as in RFC 4180.
std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string{"\"\""} : std::string(1, c);
    return cell + '"';
}

struct Series {
    std::string metric;
    Reply reply;
};

bool is_histogram(const Series& series) {
    const auto& lines = series.reply.lines;
    return std::any_of(lines.begin(), lines.end(),
                       [](const std::string& line) { return is_spread(first_blank_field(line).second); });
}

// The columns after the time: "value" for a single metric, the names of several metrics, or the buckets of a histogram.
Cells columns_of(const Series& series, bool alone) {
    if (!is_histogram(series)) return {alone ? "value" : series.metric};
    Cells names;
    for (const state::Count bound : state::Histogram::bounds) names.push_back(std::to_string(bound));
    names.emplace_back("more");
    if (!alone)
        for (std::string& name : names) name.insert(0, series.metric + ":");
    return names;
}

// If a metric lacks a period that another one has, its cell stays empty.
std::string csv(const std::vector<Series>& all) {
    std::map<std::string, std::map<std::string, std::string>> rows; // ISO 8601 sorts as text
    Cells heading;
    for (const Series& one : all) {
        const Cells columns = columns_of(one, all.size() == 1);
        for (const std::string& line : one.reply.lines) {
            const Field point = first_blank_field(line);
            auto& row = rows[point.first];
            if (columns.size() == 1) row[columns.front()] = point.second;
            for (std::size_t i = 0; columns.size() > 1 && i < columns.size(); ++i) row[columns[i]] = "0";
            for (const Field& bucket : buckets_of(point.second))
                row[(all.size() == 1 ? "" : one.metric + ':') + bucket.first] = bucket.second;
        }
        heading.insert(heading.end(), columns.begin(), columns.end());
    }
    std::string text = "time";
    for (const std::string& name : heading) text += ',' + csv_cell(name);
    text += '\n';
    for (auto& [time, values] : rows) {
        text += csv_cell(time);
        for (const std::string& name : heading) text += ',' + csv_cell(values[name]);
        text += '\n';
    }
    return text;
}

// For several metrics: the points of each are in "series". A single metric gets the document of HIST instead.
std::string json(const std::vector<Series>& all) {
    JsonObject document, series;
    document.add("status", json_string("+OK")).add("text", json_string(""));
    for (const Series& one : all) {
        std::vector<std::string> points;
        for (const std::string& line : one.reply.lines) points.push_back(point_object(line));
        series.add(one.metric, json_array(points));
    }
    return document.add("series", series.text()).text() + '\n';
}

std::vector<std::string> metrics_in(std::string_view words) {
    std::vector<std::string> all;
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(','), words.size());
        if (end > 0) all.emplace_back(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return all;
}

Chart chart_of(const Series& series, Period period, Charset charset, bool logarithmic) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Chart chart{series.metric, period, {}, now, charset, logarithmic};
    for (const std::string& line : series.reply.lines) {
        const Field field = first_blank_field(line);
        const auto start = parse_time(field.first);
        const auto value = number_of(field.second);
        if (start && value) chart.points.push_back({*start, *value});
    }
    return chart;
}

std::string heat_map(const Series& series, Period period, Charset charset, ScreenSize screen) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    HeatMap map{series.metric, period, {}, {}, now, charset};
    map.bounds.assign(state::Histogram::bounds.begin(), state::Histogram::bounds.end());
    for (const std::string& line : series.reply.lines) {
        const Field field = first_blank_field(line);
        const auto start = parse_time(field.first);
        if (!start) continue;
        Spread& spread = map.spreads.emplace_back(Spread{*start, {}});
        for (const Field& bucket : buckets_of(field.second))
            spread.counts[number_of(bucket.first).value_or(Spread::unbounded)] = number_of(bucket.second).value_or(0);
    }
    return draw(map, screen.rows, screen.columns);
}

// The charts share the screen, one below the other.
std::string picture(const std::vector<Series>& all, Period period, bool logarithmic, ScreenSize screen) {
    const Charset charset = locale_charset();
    screen.rows = (screen.rows - 1) / all.size();
    std::string text;
    for (const Series& one : all)
        text += is_histogram(one) ? heat_map(one, period, charset, screen)
                                  : draw(chart_of(one, period, charset, logarithmic), screen.rows, screen.columns);
    return text;
}

} // namespace

int run_plot(Conversation& server, const Invocation& invocation, Output& out) {
    const std::vector<std::string>& operands = invocation.operands;
    const auto period = operands.size() > 1 ? parse_period(operands[1]) : Period::minute;
    if (!period) {
        complain("plot takes minute, hour, day or week after the metric");
        return exit_usage;
    }
    const bool drawn = invocation.format == Format::person && ::isatty(out.descriptor());
    const ScreenSize screen = screen_size(out.descriptor());
    std::vector<Series> all;
    for (const std::string& metric : metrics_in(operands[0])) {
        std::string command = "HIST " + metric + ' ' + std::string{name_of(*period)};
        if (operands.size() > 2) {
            command += ' ' + operands[2];
        } else if (drawn) {
            command += ' ' + std::to_string(dots_across(screen.columns, locale_charset()));
        }
        const Answer answer = ask(server, command);
        if (answer.kind != Answer::Kind::reply) return unavailable(invocation.target.address, answer.why);
        if (!answer.reply.ok || invocation.format == Format::raw)
            put_reply(out, invocation.format, command, answer.reply);
        if (!answer.reply.ok) return exit_refused;
        all.push_back({metric, answer.reply});
    }
    if (all.empty()) {
        complain("plot takes a metric, or several joined by commas");
        return exit_usage;
    }
    if (invocation.format == Format::json && all.size() == 1) {
        put_reply(out, invocation.format, "HIST", all.front().reply);
    } else if (invocation.format == Format::json) {
        out.put(json(all));
    } else if (drawn) {
        out.put(picture(all, *period, invocation.logarithmic, screen));
    } else if (invocation.format == Format::person) {
        out.put(csv(all));
    }
    return exit_ok;
}

} // namespace buzon::client
