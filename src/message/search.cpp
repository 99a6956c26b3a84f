#include "buzon/message/search.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "buzon/message/file_name.h"
#include "buzon/message/header.h"

namespace buzon::message {
namespace {

constexpr std::int64_t seconds_of_a_day = 86400;

// A word or a quoted string; std::nullopt at the end, or if a quote is not closed.
std::optional<std::string> take_string(std::string_view& rest) {
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    std::string text;
    if (rest.front() != '"') {
        text = rest.substr(0, rest.find(' '));
        rest.remove_prefix(text.size());
        return text;
    }
    for (rest.remove_prefix(1); !rest.empty(); rest.remove_prefix(1)) {
        if (rest.front() == '"') {
            rest.remove_prefix(1);
            if (!rest.empty() && rest.front() != ' ') return std::nullopt;
            return text;
        }
        if (rest.front() == '\\') rest.remove_prefix(1);
        if (rest.empty()) break;
        text += rest.front();
    }
    return std::nullopt;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

// Days since 1970-01-01, by the proleptic Gregorian calendar.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day_of_month) noexcept {
    year -= month <= 2 ? 1 : 0; // years begin in March: leap days come last
    const std::int64_t era = year / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (std::int64_t{month} + (month > 2 ? -3 : 9)) + 2) / 5 + day_of_month - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

std::optional<std::int64_t> day_start(unsigned year, unsigned month, unsigned day_of_month) {
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day_of_month < 1) return std::nullopt;
    const std::int64_t start = days_from_civil(year, month, day_of_month);
    const std::int64_t next_month = month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
    if (start >= next_month) return std::nullopt; // such as 30 February
    return start * seconds_of_a_day;
}

// YYYY-MM-DD or D-Mon-YYYY.
std::optional<std::int64_t> parse_date(std::string_view text) {
    constexpr std::string_view months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                           "jul", "aug", "sep", "oct", "nov", "dec"};
    const std::size_t first = text.find('-');
    const std::size_t second = first == text.npos ? first : text.find('-', first + 1);
    if (second == text.npos) return std::nullopt;
    const std::string_view one = text.substr(0, first), two = text.substr(first + 1, second - first - 1),
                           three = text.substr(second + 1);
    if (one.size() == 4 && two.size() == 2 && three.size() == 2) {
        const auto year = number<unsigned>(one), month = number<unsigned>(two), date = number<unsigned>(three);
        return year && month && date ? day_start(*year, *month, *date) : std::nullopt;
    }
    const auto date = number<unsigned>(one), year = number<unsigned>(three);
    if (!date || !year || one.size() > 2 || three.size() != 4) return std::nullopt;
    for (unsigned month = 1; month <= 12; ++month)
        if (same_name(months[month - 1], two)) return day_start(*year, month, *date);
    return std::nullopt;
}

std::string searchable(std::string_view folded_body) {
    return lower_latin(decoded(unfolded(folded_body), Charsets::of_system));
}

} // namespace

std::string SearchCriteria::parse_one(std::string_view& rest, Criterion& criterion) {
    constexpr struct {
        std::string_view word;
        What what;
    } words[] = {
        {"SUBJECT", What::subject}, {"FROM", What::from},     {"TO", What::to},         {"TEXT", What::text},
        {"SINCE", What::since},     {"BEFORE", What::before}, {"LARGER", What::larger}, {"SMALLER", What::smaller},
    };
    std::optional<std::string> keyword = take_string(rest);
    while (keyword && same_name(*keyword, "NOT")) {
        criterion.negated = !criterion.negated;
        keyword = take_string(rest);
    }
    if (!keyword) return "criterion expected";
    for (const auto& known : words) {
        if (!same_name(known.word, *keyword)) continue;
        criterion.what = known.what;
        const std::optional<std::string> argument = take_string(rest);
        if (!argument) return std::string{known.word} + " needs an argument";
        if (in_header(known.what)) {
            criterion.text = lower_latin(decoded(*argument));
        } else if (known.what == What::since || known.what == What::before) {
            const auto start = parse_date(*argument);
            if (!start) return std::string{known.word} + " needs a date such as 2026-12-31";
            criterion.day_start = *start;
        } else {
            const auto octets = number<std::uint64_t>(*argument);
            if (!octets) return std::string{known.word} + " needs a number of octets";
            criterion.number = *octets;
        }
        return {};
    }
    return "unknown criterion";
}

std::variant<SearchCriteria, std::string> SearchCriteria::parse(std::string_view text) {
    SearchCriteria criteria;
    for (;;) {
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        if (text.empty() && !criteria.all_.empty()) return criteria;
        Criterion criterion{};
        if (std::string trouble = parse_one(text, criterion); !trouble.empty()) return trouble;
        criteria.all_.push_back(std::move(criterion));
    }
}

bool SearchCriteria::holds(const Criterion& criterion, std::uint64_t octets, std::int64_t delivered) noexcept {
    switch (criterion.what) {
    case What::since: return delivered >= criterion.day_start;
    case What::before: return delivered < criterion.day_start;
    case What::larger: return octets > criterion.number;
    default: return octets < criterion.number;
    }
}

bool SearchCriteria::needs_header() const noexcept {
    for (const Criterion& criterion : all_)
        if (in_header(criterion.what)) return true;
    return false;
}

bool SearchCriteria::may_match(std::uint64_t octets, std::int64_t delivered) const {
    for (const Criterion& criterion : all_)
        if (!in_header(criterion.what) && holds(criterion, octets, delivered) == criterion.negated) return false;
    return true;
}

bool SearchCriteria::matches(const SearchFacts& message) const {
    if (!may_match(message.octets, message.delivered)) return false;
    std::vector<bool> found(all_.size(), false);
    HeaderFields fields{message.header};
    while (const auto field = fields.next()) {
        std::optional<std::string> body; // decoded once, and only on demand
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const Criterion& criterion = all_[i];
            if (found[i] || !in_header(criterion.what)) continue;
            if (criterion.what == What::subject && !same_name(field->name, "Subject")) continue;
            if (criterion.what == What::from && !same_name(field->name, "From")) continue;
            if (criterion.what == What::to && !same_name(field->name, "To")) continue;
            if (!body) body = searchable(field->folded_body);
            found[i] = body->find(criterion.text) != body->npos;
        }
    }
    for (std::size_t i = 0; i < all_.size(); ++i)
        if (in_header(all_[i].what) && found[i] == all_[i].negated) return false;
    return true;
}

std::int64_t delivery_time(std::string_view base_name, std::int64_t mtime_ns) noexcept {
    const Delivered when = delivered(base_name);
    if (!when.known) return mtime_ns / 1'000'000'000;
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min(when.seconds, largest));
}

} // namespace buzon::message
