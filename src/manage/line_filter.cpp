#include "line_filter.h"

#include <arpa/inet.h>

#include <algorithm>

#include "buzon/line/escapes.h"
#include "buzon/line/number.h"

namespace buzon::manage {
namespace {

constexpr std::size_t max_seen = 1024; // sessions that have ended must be forgotten at some point

bool holds(const std::vector<std::string>& wanted, std::string_view value) {
    return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

// Takes the first word off a line; a quoted value may contain blanks.
std::string_view take_pair(std::string_view& line) noexcept {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < line.size() && (quoted || line[end] != ' '); ++end) {
        if (line[end] == '\\')
            ++end;
        else if (line[end] == '"')
            quoted = !quoted;
    }
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(line.size(), end + 1));
    return word;
}

// An address as lines contain it: IPv6 without brackets and in its short form. Empty if the value is not an address.
std::string address_of(std::string_view value) {
    if (value.size() > 2 && value.front() == '[' && value.back() == ']') value = value.substr(1, value.size() - 2);
    std::string text{value};
    in6_addr octets{};
    if (::inet_pton(AF_INET, text.c_str(), &octets) == 1) return text;
    char room[INET6_ADDRSTRLEN];
    if (::inet_pton(AF_INET6, text.c_str(), &octets) != 1) return {};
    return ::inet_ntop(AF_INET6, &octets, room, sizeof room);
}

// The address without its port: "192.0.2.1:40000", "[2001:db8::1]:40000".
std::string_view without_port(std::string_view address) noexcept {
    address = address.substr(0, address.rfind(':'));
    const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
    return bracketed ? address.substr(1, address.size() - 2) : address;
}

} // namespace

bool LineFilter::add(std::string_view word, std::string& wrong) {
    const std::size_t sign = word.find('=');
    const std::string_view key = word.substr(0, sign);
    if (sign == std::string_view::npos || (key != "user" && key != "ip" && key != "session")) return false;
    std::string value = line::without_escapes(word.substr(sign + 1)); // escaped as in SESS, since a filter is one word
    if (key == "ip") value = address_of(value);
    if (value.empty()) wrong = std::string{key} + (key == "ip" ? "= needs an address" : "= needs a value");
    if (key == "session") {
        if (!line::parse_whole<std::uint64_t>(value, 1, UINT64_MAX)) wrong = "a session is a whole number from 1";
        sessions_.push_back(value);
    } else {
        std::string& text = (key == "user" ? users_ : ips_).emplace_back();
        state::append_value(value, text);
    }
    return true;
}

bool LineFilter::passes(std::string_view line, const Host& host) {
    if (users_.empty() && ips_.empty() && sessions_.empty()) return true;
    std::string_view user, ip, session;
    while (!line.empty()) {
        const std::string_view pair = take_pair(line);
        const std::size_t sign = pair.find('=');
        if (sign == std::string_view::npos) continue;
        const std::string_view key = pair.substr(0, sign), value = pair.substr(sign + 1);
        if (key == "user") user = value;
        if (key == "ip") ip = value;
        if (key == "session") session = value;
    }
    if (!ips_.empty() && !is_from(ip, session, host)) return false;
    return (users_.empty() || holds(users_, user)) && (sessions_.empty() || holds(sessions_, session));
}

bool LineFilter::is_from(std::string_view ip, std::string_view session, const Host& host) {
    const auto id = line::parse_whole<std::uint64_t>(session, 1, UINT64_MAX);
    if (ip.empty() && id) {
        if (std::find(seen_.begin(), seen_.end(), session) != seen_.end()) return true;
        // The session may have begun before this view.
        const auto row = host.session(*id);
        return row && holds(ips_, without_port(row->address));
    }
    if (!holds(ips_, ip)) return false;
    if (id && std::find(seen_.begin(), seen_.end(), session) == seen_.end()) {
        seen_.emplace_back(session);
        if (seen_.size() > max_seen) seen_.pop_front();
    }
    return true;
}

} // namespace buzon::manage
