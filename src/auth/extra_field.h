// auth/extra_field.h - the extra fields of a passwd-file's line: key=value, separated by blanks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

struct ExtraField {
    std::string_view text; // the whole field as written, with the blanks before it
    std::string_view key;
    std::string_view value;
    std::optional<std::string> unquoted = {}; // of buzon_transform="...", whose text may contain blanks
};

// Takes the next field off `rest`. Nothing at the end, or if a quoted value is malformed: then `rest` is not empty.
[[nodiscard]] std::optional<ExtraField> take_extra_field(std::string_view& rest);

} // namespace buzon::auth
