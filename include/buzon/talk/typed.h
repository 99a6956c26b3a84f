// talk/typed.h - the content of a reply as typed JSON members (docs/management-protocol.md, "The client").
#pragma once

#include <string>
#include <string_view>

#include "buzon/talk/json.h"
#include "buzon/talk/reply.h"

namespace buzon::client {

// Adds the members that the command's reply has in addition to "status", "text" and "lines".
void add_typed(JsonObject& document, std::string_view command, const Reply& reply);

// A line of HIST as an object: its time and its value, or the buckets of a histogram.
[[nodiscard]] std::string point_object(std::string_view line);

// Adds the members of a line of EVNT or LOGG: numbers for the keys that have numbers, else strings.
void add_event(JsonObject& object, std::string_view line);

} // namespace buzon::client
