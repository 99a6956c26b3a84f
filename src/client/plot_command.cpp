#include <unistd.h>

#include "fields.h"
#include "modes.h"
#include "plot.h"
#include "text.h"

namespace buzon::client {
namespace {

// Values are numbers and times have no commas; anything else is quoted as RFC 4180 says.
std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string{"\"\""} : std::string(1, c);
    return cell + '"';
}

std::string csv(const std::vector<std::string>& lines) {
    std::string text = "time,value\n";
    for (const std::string& line : lines) {
        const Field point = first_blank_field(line);
        text += csv_cell(point.first) + ',' + csv_cell(point.second) + '\n';
    }
    return text;
}

Chart chart_of(const std::string& metric, Period period, const std::vector<std::string>& lines, Charset charset) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Chart chart{metric, period, {}, now, charset};
    for (const std::string& line : lines) {
        const Field field = first_blank_field(line);
        const auto start = parse_time(field.first);
        const auto value = number_of(field.second);
        if (start && value) chart.points.push_back({*start, *value});
    }
    return chart;
}

} // namespace

int run_plot(Conversation& server, const Invocation& invocation, Output& out) {
    const std::vector<std::string>& operands = invocation.operands;
    const auto period = operands.size() > 1 ? parse_period(operands[1]) : Period::minute;
    if (!period) {
        complain("plot takes minute, hour, day or week after the metric");
        return exit_usage;
    }
    const bool picture = invocation.format == Format::person && ::isatty(out.descriptor());
    const ScreenSize screen = screen_size(out.descriptor());
    const Charset charset = locale_charset();
    std::string command = "HIST " + operands[0] + ' ' + std::string{name_of(*period)};
    if (operands.size() > 2) {
        command += ' ' + operands[2];
    } else if (picture) {
        command += ' ' + std::to_string(dots_across(screen.columns, charset));
    }
    const Answer answer = ask(server, command);
    if (answer.kind != Answer::Kind::reply) return unavailable(invocation, answer.why);
    if (!answer.reply.ok || invocation.format != Format::person) {
        put_reply(out, invocation.format, command, answer.reply);
    } else if (picture) {
        out.put(draw(chart_of(operands[0], *period, answer.reply.lines, charset), screen.rows - 1, screen.columns));
    } else {
        out.put(csv(answer.reply.lines));
    }
    return answer.reply.ok ? exit_ok : exit_refused;
}

} // namespace buzon::client
