// state/escape.h - escapes untrusted text for our lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::state {

void append_number(std::uint64_t number, std::string& out);

// Bare or quoted, in the text form of event.h. This and the next two write at most 512 octets of the value.
void append_text_value(std::string_view value, std::string& out);
// A JSON string (RFC 8259 section 7). Octets that are not UTF-8 become U+FFFD, since JSON cannot represent them.
void append_json_value(std::string_view value, std::string& out);
// A PARAM-VALUE of RFC 5424 section 6.3.3, with its quotes.
void append_syslog_value(std::string_view value, std::string& out);

} // namespace buzon::state
