// state/escape.h - text from outside made harmless inside a line of ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::state {

void append_number(std::uint64_t number, std::string& out);

// Bare or in quotes, as event.h says of the text form. At most 512 octets of the value, as in all of these.
void append_text_value(std::string_view value, std::string& out);
// A JSON string (RFC 8259 section 7). Octets that are no UTF-8 become U+FFFD: JSON has no way to write them.
void append_json_value(std::string_view value, std::string& out);
// A PARAM-VALUE of RFC 5424 section 6.3.3, with its quotes.
void append_syslog_value(std::string_view value, std::string& out);

} // namespace buzon::state
