// programs/parameters.h - the parameters of a Content-Type or Content-Disposition field: RFC 2045, the continuations
// and charsets of RFC 2231, and the encoded words (RFC 2047) that many programs put there all the same.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::programs {

// Offsets in a field's value.
struct Part {
    std::size_t begin = 0; // of a parameter: the ";" before it
    std::size_t name = 0;  // where the name begins
    std::size_t end = 0;
};

struct Parameter {
    std::string name;        // in lower case, without "*0" and "*"
    std::string value;       // decoded: octets in its charset
    std::string charset;     // in lower case; empty: not given
    std::vector<Part> parts; // where it is written: one part, or several if it is continued
};

struct Field {
    std::string value; // "text/plain", "attachment", in lower case
    Part where;        // of the value
    std::vector<Parameter> parameters;
};

// Accepts what mail programs accept: unquoted names with blanks, repeated parameters, line ends anywhere.
[[nodiscard]] Field parse_field(std::string_view value);

// "filename=\"a.txt\"", in the form that fits the octets and the charset.
[[nodiscard]] std::string written(std::string_view name, std::string_view value, std::string_view charset);

} // namespace buzon::programs
