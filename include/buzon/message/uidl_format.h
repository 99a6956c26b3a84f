// message/uidl_format.h - Dovecot's pop3_uidl_format, read once and filled in for each message. Private to mail/.
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
    std::string_view guid;      // the base name where there is none
};

class UidlFormat {
public:
    // `trouble` says what cannot be read; then the format gives nothing.
    static UidlFormat parse(std::string_view text, std::string& trouble);
    [[nodiscard]] std::string fill_in(const UidlValues& values) const;

private:
    enum class What : std::uint8_t { text, uid, uid_validity, file_name, guid };
    struct Part {
        What what = What::text;
        std::string text;
        bool hex = false;
        bool pad = false;       // with zeros up to the width; else the width cuts
        bool keep_last = false; // of a number too long (2.4); else of 2.3, which does not cut what it pads
        bool lower = false;
        bool upper = false;
        std::size_t width = 0; // 0: as it is
    };
    static bool parse_old(std::string_view& rest, Part& part);
    static bool parse_new(std::string_view& rest, Part& part);
    static bool name(std::string_view variable, Part& part);

    std::vector<Part> parts_;
};

} // namespace buzon::message
