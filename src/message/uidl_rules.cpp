#include "buzon/message/uidl_rules.h"

#include <algorithm>
#include <charconv>

#include "buzon/message/bytes.h"
#include "buzon/message/checksum.h"
#include "buzon/message/uidl_format.h"

namespace buzon::message {

std::uint64_t UidlRules::digest() const noexcept {
    // The fields about the breaker and about writing are left out: they change no UIDL.
    return checksum(dovecot_format) * 31 + static_cast<std::uint64_t>(source) * 7 + static_cast<std::uint64_t>(order);
}

std::string trouble_with_uidl_format(std::string_view format) {
    std::string trouble;
    static_cast<void>(UidlFormat::parse(format, trouble));
    return trouble;
}

std::error_code uidls_would_change() noexcept {
    return {EREMCHG, std::system_category()};
}

namespace {

struct CapturedLine {
    std::uint32_t number;
    std::string_view uidl;
};

posix::Result<std::vector<CapturedLine>> parse_captured(std::string_view text) {
    std::vector<CapturedLine> lines;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty() || line == "." || line.substr(0, 3) == "+OK") continue;
        CapturedLine parsed{};
        const char* const end = line.data() + line.size();
        const auto [stop, error] = std::from_chars(line.data(), end, parsed.number);
        if (error != std::errc{} || parsed.number == 0 || parsed.number == UINT32_MAX) return bad_bytes();
        if (stop == end || *stop != ' ') return bad_bytes();
        parsed.uidl = line.substr(static_cast<std::size_t>(stop - line.data()) + 1);
        if (parsed.uidl.empty() || parsed.uidl.find(' ') != parsed.uidl.npos) return bad_bytes();
        lines.push_back(parsed);
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const CapturedLine& a, const CapturedLine& b) { return a.number < b.number; });
    return lines;
}

} // namespace

posix::Result<std::vector<UidlDifference>> compare_uidls(const Snapshot& served, std::string_view captured) {
    const posix::Result<std::vector<CapturedLine>> lines = parse_captured(captured);
    if (!lines) return lines.error();
    std::vector<UidlDifference> differences;
    auto theirs = lines.value().begin();
    const auto end = lines.value().end();
    for (std::uint32_t number = 1; number <= served.count() || theirs != end; ++number) {
        // The captured listing may lack some numbers and may contain more than we have.
        if (number > served.count()) number = theirs->number;
        const std::string_view ours = number <= served.count() ? served.uidl(number - 1) : std::string_view{};
        const bool told = theirs != end && theirs->number == number;
        if (const std::string_view uidl = told ? theirs->uidl : std::string_view{}; uidl != ours)
            differences.push_back({number, std::string{uidl}, std::string{ours}});
        if (told) ++theirs;
    }
    return differences;
}

} // namespace buzon::message
