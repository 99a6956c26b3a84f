// maildir/naming.h - assigns UIDLs and the order to the messages of a scan. Private to maildir/.
#pragma once

#include <deque>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/message/uidl_rules.h"
#include "found.h"

namespace buzon::maildir {

// Marks messages that share their base name. `neighbours`: equal names are adjacent.
void mark_shared_bases(std::vector<Found>& files, bool neighbours);

// Takes `files` in delivery order and returns them in session order, each with its UIDL; `given` stores the text. New
// UIDLs are written to the frozen list, unless the rules or the file system prevent it. uidls_would_change() if the
// circuit breaker trips: then nothing is written, and `change` says what it found. complete: false if messages may be
// missing from `files`; then no line of the list is dropped.
[[nodiscard]] std::error_code name_messages(int maildir, const message::UidlRules& rules, std::vector<Found>& files,
                                            std::deque<std::string>& given, message::UidlChange& change, bool complete);

} // namespace buzon::maildir
