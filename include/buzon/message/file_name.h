// message/file_name.h - what the name of a message file says. Private to mail/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::message {

// Whether a message file can have it: 1 to 255 octets without '/' and NUL, and no dot in front. What a journal, an
// index or a list calls otherwise is not there.
[[nodiscard]] bool is_message_name(std::string_view name) noexcept;

// Up to the first ':' - what stays the same when flags change.
[[nodiscard]] inline std::string_view base_name(std::string_view file_name) noexcept {
    return file_name.substr(0, file_name.find(':'));
}

// The flag letters of ":2,LETTERS"; empty for every other form.
[[nodiscard]] std::string_view flags(std::string_view file_name) noexcept;
[[nodiscard]] inline bool has_seen(std::string_view file_name) noexcept {
    return flags(file_name).find('S') != std::string_view::npos;
}
// The name in cur of a message that was read: ":2," and its flags with S, each once, in ASCII order.
[[nodiscard]] std::string seen_name(std::string_view file_name);

// The time of delivery that the base name gives: the number it begins with, and the digits behind an M in the part
// between the first and the second dot. Numbers too large stay at the largest.
struct Delivered {
    bool known = false;
    std::uint64_t seconds = 0;
    std::uint64_t microseconds = 0;
};
[[nodiscard]] Delivered delivered(std::string_view base_name) noexcept;

// RFC 1939 section 7: 1 to 70 characters of 0x21 to 0x7E.
[[nodiscard]] bool fits_as_uidl(std::string_view text) noexcept;
// The same for one that has been given: base names of up to 255 octets are what Dovecot serves by its %f and %g, so
// there are clients that know them.
[[nodiscard]] bool may_be_uidl(std::string_view text, std::string_view base_name) noexcept;
// 32 hexadecimal digits for a base name that does not fit, or is taken: `salt` tells equal names apart. Stable for
// ever.
[[nodiscard]] std::string hashed_uidl(std::string_view base_name, std::uint64_t salt);

} // namespace buzon::message
