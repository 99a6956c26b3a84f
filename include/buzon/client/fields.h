// client/fields.h - what the parts of the server's lines are called: the semicolon replies of METR and INFO, "name
// value" lines, sessions, events.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace buzon::client {

using Field = std::pair<std::string, std::string>; // name, value

// "+OK messages;bytes;online;historic". Nothing when the text is not four numbers.
[[nodiscard]] std::optional<std::vector<Field>> metr_fields(std::string_view text);
// "+OK host;basedir;ip": the base directory may hold semicolons itself.
[[nodiscard]] std::optional<std::vector<Field>> info_fields(std::string_view text);

// "name value": cut at the first blank (settings, information) or at the last one (metrics, whose value is a number
// without blanks but whose name may carry labels).
[[nodiscard]] Field first_blank_field(std::string_view line);
[[nodiscard]] Field last_blank_field(std::string_view line);

// One line of SESS: id, user, address, state, and whatever a later server adds. "key=value" names itself; a column
// without a name is called after its place ("field5"). %XX is undone.
[[nodiscard]] std::vector<Field> session_fields(std::string_view line);

// One line of EVNT: "time", "type", then its key=value pairs; words without "=" are kept under "text". A value may be
// in double quotes, with \" \\ \n \r \t and \xHH inside.
[[nodiscard]] std::vector<Field> event_fields(std::string_view line);

// The value of a name; empty when it is not there.
[[nodiscard]] std::string_view value_of(const std::vector<Field>& fields, std::string_view name) noexcept;

} // namespace buzon::client
