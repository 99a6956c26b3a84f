// maildir/report.h - what earlier sessions did with a maildrop, for REPORT. One small file a user, bounded for ever.
// Reads and writes it: runs in a worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/message/session_record.h"
#include "buzon/posix/result.h"

namespace buzon::maildir {

// Beside cur, new and tmp: 400 places for sessions and 100 for refused logins, used in turn, so that no guessing of
// passwords pushes a session out. Damaged places are empty ones. Sessions in a row that did nothing share a place, so
// that looking for mail every few minutes pushes out nothing either.
inline constexpr const char* report_file_name = "buzon-report";

// In the order of their coming.
[[nodiscard]] std::error_code record_sessions(const std::string& maildir,
                                              std::span<const message::SessionRecord> records);

// Those that ended at `since` or later, the oldest first.
[[nodiscard]] posix::Result<std::vector<message::SessionRecord>> read_report(const std::string& maildir,
                                                                             std::int64_t since);

// As REPORT tells them (docs/pop3.md): a line each, ended by CRLF.
[[nodiscard]] std::string report_lines(std::span<const message::SessionRecord> records);

} // namespace buzon::maildir
