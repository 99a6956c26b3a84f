// message/uidl_format.h - Dovecot's pop3_uidl_format, parsed once and expanded for each message. Private to message/
// and maildir/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::message {

struct UidlValues {
    std::uint64_t uid = 0;
    std::uint64_t uid_validity = 0;
    std::string_view file_name; // the base name
    std::string_view guid;      // the base name if there is none
};

class UidlFormat {
public:
    // `trouble` describes what cannot be parsed; the format then produces nothing.
    static UidlFormat parse(std::string_view text, std::string& trouble);
    [[nodiscard]] std::string fill_in(const UidlValues& values) const;

private:
    enum class What : std::uint8_t { text, uid, uid_validity, file_name, guid };
    struct Part {
        What what = What::text;
        std::string text;
        bool hex = false;
        bool pad = false;       // with zeros up to the width; false: the width truncates
        bool keep_last = false; // keep the last digits of an overlong number (2.4); 2.3 does not truncate if it pads
        bool lower = false;
        bool upper = false;
        std::size_t width = 0; // 0: none
    };
    static bool parse_old(std::string_view& rest, Part& part);
    static bool parse_new(std::string_view& rest, Part& part);
    static bool name(std::string_view variable, Part& part);

    std::vector<Part> parts_;
};

} // namespace buzon::message
