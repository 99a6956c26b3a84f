// client/view.h - a reply as a person, a protocol reader or a script wants it: strings in, strings out.
#pragma once

#include <string>
#include <string_view>

#include "buzon/client/reply.h"

namespace buzon::client {

enum class Format { person, raw, json };

// The whole text of a reply, every line ended by LF. Format::person: for a +OK what it says, named and in tables; for
// a -ERR the status line. Format::raw: the lines as on the wire, dot-stuffed, with the closing ".". Format::json: one
// document on one line (docs/management-protocol.md, "The client").
// `room`: columns of the terminal, to which the table of SESS is fitted; 0 where there is none.
[[nodiscard]] std::string show(Format format, std::string_view command, const Reply& reply, std::size_t room = 0);

// The pieces of a live reply: what opens it, each line, what closes it. In JSON each line is a document of its own.
[[nodiscard]] std::string show_live_start(Format format, const Reply& reply);
[[nodiscard]] std::string show_live_line(Format format, std::string_view command, std::string_view line);
[[nodiscard]] std::string show_live_end(Format format);

} // namespace buzon::client
