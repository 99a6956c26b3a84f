// manage/listing.cpp - the lines of SESS, USER LIST and LOGG.
#include "listing.h"

namespace buzon::manage {
namespace {

void append_pair(std::string_view key, std::string_view word, std::string& line) {
    line.append(" ").append(key) += '=';
    state::append_word(word, line);
}

void append_pair(std::string_view key, std::uint64_t number, std::string& line) {
    line.append(" ").append(key).append("=").append(std::to_string(number));
}

void append_row(const SessionRow& row, std::string& line) {
    line += std::to_string(row.id);
    state::append_word(row.user, line += ' ');
    state::append_word(row.address, line += ' ');
    state::append_word(row.state, line += ' ');
    append_pair("age", static_cast<std::uint64_t>(row.age.count()), line);
    append_pair("idle", static_cast<std::uint64_t>(row.idle.count()), line);
    append_pair("command", row.command, line);
    append_pair("sent", row.sent, line);
    if (row.size)
        append_pair("size", *row.size, line);
    else
        append_pair("size", "", line);
    append_pair("backlog", row.backlog, line);
    append_pair("messages", row.messages, line);
    append_pair("program", row.program, line);
    if (row.tls) line += " tls";
}

} // namespace

bool FixedListing::next(std::string& line) {
    if (place_ == lines_.size()) return false;
    line = std::move(lines_[place_++]);
    return true;
}

bool UserListing::next(std::string& line) {
    std::optional<std::string> name = next_();
    if (!name) return false;
    line = std::move(*name);
    return true;
}

bool SessionListing::next(std::string& line) {
    while (place_ < ids_.size()) {
        const std::optional<SessionRow> row = host_.session(ids_[place_++]);
        if (!row) continue;
        append_row(*row, line);
        return true;
    }
    return false;
}

LogListing::LogListing(Host& host, std::size_t count) : host_{host}, reader_{host.events().log().lines(), 1, count} {
    reader_.stop_here();
}

bool LogListing::next(std::string& line) {
    if (kept_) {
        line = std::move(*kept_);
        kept_.reset();
        return true;
    }
    std::string_view found;
    const bool any = reader_.next(found);
    if (const std::uint64_t lost = reader_.take_lost(); lost != 0) {
        append_lost(host_, lost, line);
        if (any) kept_.emplace(found);
        return true;
    }
    if (any) line = found;
    return any;
}

void append_lost(Host& host, std::uint64_t count, std::string& line) {
    state::append_time(host.now(), line);
    line.append(" lost count=").append(std::to_string(count));
}

} // namespace buzon::manage
