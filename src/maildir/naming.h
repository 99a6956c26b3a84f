// maildir/naming.h - gives the messages of a scan their UIDLs and their order. Private to mail/.
#pragma once

#include <deque>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/message/uidl_rules.h"
#include "found.h"

namespace buzon::maildir {

// Says of each message whether another one has the same base name. `neighbours`: those of one name stand together.
void mark_shared_bases(std::vector<Found>& files, bool neighbours);

// `files` come in the order of delivery and leave in session order, each with its UIDL. `given` keeps the texts. What
// was not given before is written to the frozen list, unless the rules forbid it or the file system does.
// uidls_would_change() when the circuit breaker trips; then nothing was written, and `change` says what it saw.
[[nodiscard]] std::error_code name_messages(int maildir, const message::UidlRules& rules, std::vector<Found>& files,
                                            std::deque<std::string>& given, message::UidlChange& change);

} // namespace buzon::maildir
