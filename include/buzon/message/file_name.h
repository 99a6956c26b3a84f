// message/file_name.h - parses the names of message files. Private to message/ and maildir/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::message {

// Whether a message file can have this name: 1 to 255 octets without '/' and NUL, and no leading dot. A journal that
// contains any other name is rejected; such an entry of a UIDL list is ignored.
[[nodiscard]] bool is_message_name(std::string_view name) noexcept;

// The part before the first ':', which stays the same when flags change.
[[nodiscard]] inline std::string_view base_name(std::string_view file_name) noexcept {
    return file_name.substr(0, file_name.find(':'));
}

// The flag letters of ":2,LETTERS"; empty for any other form.
[[nodiscard]] std::string_view flags(std::string_view file_name) noexcept;
[[nodiscard]] inline bool has_seen(std::string_view file_name) noexcept {
    return flags(file_name).find('S') != std::string_view::npos;
}
// The name in cur of a message that has been read: the base name, ":2," and its flags plus S, each once, in ASCII
// order.
[[nodiscard]] std::string seen_name(std::string_view file_name);

// The delivery time given by the base name: the number at its start, plus the digits after an M in the part between the
// first two dots. Numbers that overflow become the maximum.
struct Delivered {
    bool known = false;
    std::uint64_t seconds = 0;
    std::uint64_t microseconds = 0;
};
[[nodiscard]] Delivered delivered(std::string_view base_name) noexcept;

// RFC 1939 section 7: 1 to 70 characters of 0x21 to 0x7E.
[[nodiscard]] bool fits_as_uidl(std::string_view text) noexcept;
// The same for a UIDL assigned earlier. With %f and %g, Dovecot serves base names of up to 255 octets, so clients may
// know such UIDLs: up to 255 octets are accepted if the UIDL is the base name.
[[nodiscard]] bool may_be_uidl(std::string_view text, std::string_view base_name) noexcept;
// 32 hexadecimal digits for a base name that is not a valid UIDL or is already in use; `salt` distinguishes equal
// names. Must never change.
[[nodiscard]] std::string hashed_uidl(std::string_view base_name, std::uint64_t salt);

} // namespace buzon::message
