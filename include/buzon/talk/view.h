// talk/view.h - formats a reply for a person, as protocol lines, or as JSON.
#pragma once

#include <string>
#include <string_view>

#include "buzon/talk/reply.h"

namespace buzon::client {

enum class Format { person, raw, json };

// The text of a reply, every line ended by LF. Format::person: for +OK its content, with names and in tables; for -ERR
// the status line. Format::raw: the lines as on the wire, dot-stuffed, with the final ".". Format::json: one document
// on one line (docs/management-protocol.md, "The client"). `room`: the width of the terminal, or 0 if there is none. At
// a terminal, the table of SESS is fitted to the width and numbers have units.
[[nodiscard]] std::string show(Format format, std::string_view command, const Reply& reply, std::size_t room = 0);

// The parts of a live reply: its start, each line, its end. In JSON each line is a document of its own.
[[nodiscard]] std::string show_live_start(Format format, const Reply& reply);
[[nodiscard]] std::string show_live_line(Format format, std::string_view line);
[[nodiscard]] std::string show_live_end(Format format);

} // namespace buzon::client
