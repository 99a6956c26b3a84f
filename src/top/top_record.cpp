#include "top_record.h"

#include <fcntl.h>

#include "buzon/line/number.h"
#include "buzon/posix/io.h"

namespace buzon::client {
namespace {

constexpr std::string_view magic = "buzon-top 1 ";
constexpr std::size_t max_recording = std::size_t{1} << 30;

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

} // namespace

std::optional<TopRecorder> TopRecorder::open(const std::string& path, std::string_view server, std::string& why) {
    posix::UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)}; // it contains user names
    if (!file) {
        why = path + ": " + posix::last_error().message();
        return std::nullopt;
    }
    TopRecorder recorder{std::move(file)};
    recorder.pending_.append(magic).append(server) += '\n';
    return recorder;
}

void TopRecorder::begin_round(std::int64_t clock) {
    pending_ += "@ " + std::to_string(clock) + '\n';
}

void TopRecorder::add_reply(std::string_view question, const Reply& reply) {
    pending_.append("> ").append(question).append("\n").append(reply.status) += '\n';
    for (const std::string& line : reply.lines) {
        if (line.starts_with('.')) pending_ += '.';
        pending_.append(line) += '\n';
    }
    if (reply.has_lines) pending_ += ".\n";
}

void TopRecorder::add_event(std::string_view line) {
    pending_.append("! ").append(line) += '\n';
}

bool TopRecorder::flush() {
    const bool good = !posix::write_all(file_.get(), pending_);
    pending_.clear();
    return good;
}

std::optional<TopRecording> TopRecording::read(const std::string& path, std::string& why) {
    auto text = posix::read_file(path.c_str(), max_recording);
    if (!text) {
        why = path + ": " + text.error().message();
        return std::nullopt;
    }
    TopRecording recording;
    recording.text_ = std::move(text).value();
    std::string_view rest = recording.text_;
    const std::string_view first = take_line(rest);
    if (!first.starts_with(magic)) {
        why = path + ": not a recording of top";
    } else {
        recording.server_ = first.substr(magic.size());
        bool in_list = false;
        while (!rest.empty()) {
            const auto at = static_cast<std::size_t>(rest.data() - recording.text_.data());
            const std::string_view line = take_line(rest);
            if (line == "+OK") in_list = true;
            if (line == ".") in_list = false;
            if (!in_list && line.starts_with("@ ")) recording.rounds_.push_back(at);
        }
        if (in_list && !recording.rounds_.empty()) recording.rounds_.pop_back(); // top was killed while writing it
        if (recording.rounds_.empty()) why = path + ": an empty recording";
    }
    if (!why.empty()) return std::nullopt;
    return recording;
}

TopRecording::Round TopRecording::round(std::size_t number) const {
    Round round;
    std::string_view rest = std::string_view{text_}.substr(rounds_[number]);
    round.clock = static_cast<std::int64_t>(
        line::parse_whole<std::uint64_t>(take_line(rest).substr(2), 0, INT64_MAX).value_or(0));
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (line.starts_with("@ ")) break;
        if (line.starts_with("! ")) round.events.emplace_back(line.substr(2));
        if (!line.starts_with("> ")) continue;
        ReplyReader reader;
        while (!rest.empty() && reader.take(take_line(rest)) == ReplyReader::Progress::more) {
        }
        round.replies.emplace_back(line.substr(2), reader.release());
    }
    return round;
}

} // namespace buzon::client
