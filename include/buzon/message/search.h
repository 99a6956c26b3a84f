// message/search.h - the criteria of SEARCH: parsed once, then matched against each message. No I/O; search_maildrop.h
// reads the files.
//
//   criteria  = criterion *( SP criterion )                 all of them must hold
//   criterion = "NOT" SP criterion
//             / ( "SUBJECT" / "FROM" / "TO" / "TEXT" ) SP string    part of that field (TEXT: of any header field)
//             / ( "SINCE" / "BEFORE" ) SP date                      delivered on that day or later / before that day
//             / ( "LARGER" / "SMALLER" ) SP number                  octets as in LIST
//   string    = word / DQUOTE *( char / "\" char ) DQUOTE
//   date      = YYYY-MM-DD / D-Mon-YYYY (as in IMAP)                UTC
//
// Keywords are case-insensitive. Header text is decoded as in RFC 2047 and compared ignoring the case of Latin letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace buzon::message {

inline constexpr std::string_view search_criteria = "SUBJECT FROM TO TEXT SINCE BEFORE LARGER SMALLER NOT";

struct SearchFacts {
    std::uint64_t octets = 0;
    std::int64_t delivered = 0;   // Unix time
    std::string_view header = {}; // in stored form; used only if needs_header()
};

class SearchCriteria {
public:
    // Returns the criteria, or an error message for the client. Bounded by the length of a line.
    [[nodiscard]] static std::variant<SearchCriteria, std::string> parse(std::string_view text);

    [[nodiscard]] bool matches(const SearchFacts& message) const;
    // Whether any criterion needs the header.
    [[nodiscard]] bool needs_header() const noexcept;
    // False if the message certainly does not match, whatever its header contains.
    [[nodiscard]] bool may_match(std::uint64_t octets, std::int64_t delivered) const;

private:
    enum class What : std::uint8_t { subject, from, to, text, since, before, larger, smaller };
    struct Criterion {
        What what;
        bool negated = false;
        std::uint64_t number = 0;   // octets
        std::int64_t day_start = 0; // Unix time
        std::string text;           // lower case
    };
    static bool in_header(What what) noexcept { return what <= What::text; }
    static bool holds(const Criterion& criterion, std::uint64_t octets, std::int64_t delivered) noexcept;
    static std::string parse_one(std::string_view& rest, Criterion& criterion);

    std::vector<Criterion> all_;
};

// The delivery time used for the order: the number at the start of the base name, or else the file's time.
[[nodiscard]] std::int64_t delivery_time(std::string_view base_name, std::int64_t mtime_ns) noexcept;

} // namespace buzon::message
