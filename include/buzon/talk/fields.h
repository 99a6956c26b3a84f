// talk/fields.h - splits the server's lines into named fields: the semicolon replies of METR and INFO, "name value"
// lines, sessions, events.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace buzon::client {

using Field = std::pair<std::string, std::string>; // name, value

// "+OK messages;bytes;online;historic". Nothing if the text is not four numbers.
[[nodiscard]] std::optional<std::vector<Field>> metr_fields(std::string_view text);
// "+OK host;basedir;ip": the base directory may contain semicolons.
[[nodiscard]] std::optional<std::vector<Field>> info_fields(std::string_view text);

// "name value": split at the first blank (settings, information) or at the last one (metrics, whose value is a number
// but whose name may have labels with blanks).
[[nodiscard]] Field first_blank_field(std::string_view line);
[[nodiscard]] Field last_blank_field(std::string_view line);

// One line of SESS: id, user, address, state, and whatever a later server adds. "key=value" has its own name; a column
// without a name is named after its position ("field5"). %XX is decoded.
[[nodiscard]] std::vector<Field> session_fields(std::string_view line);

// One line of EVNT: "time", "type", then its key=value pairs; words without "=" are put in "words". A value may be
// in double quotes, with \" \\ \n \r \t and \xHH inside.
[[nodiscard]] std::vector<Field> event_fields(std::string_view line);

// The value that HIST shows for one period of a histogram: "BOUND:COUNT ...", or "-" if it is empty. For any other
// metric the value is a number.
[[nodiscard]] bool is_spread(std::string_view value) noexcept;
[[nodiscard]] std::vector<Field> buckets_of(std::string_view value);

// The value of a name; empty if there is none.
[[nodiscard]] std::string_view value_of(const std::vector<Field>& fields, std::string_view name) noexcept;

} // namespace buzon::client
