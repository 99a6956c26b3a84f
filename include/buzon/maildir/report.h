// maildir/report.h - records what sessions did with a maildrop, for REPORT, in one small file of bounded size per user.
// Blocks on disk I/O: runs in a worker.
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

// A file beside cur, new and tmp, with 400 slots for sessions and 100 for refused logins. Each kind is a ring, so that
// guessing passwords does not displace sessions. Damaged slots count as empty. Consecutive sessions that did nothing
// share a slot, so that polling every few minutes displaces nothing either.
inline constexpr const char* report_file_name = "buzon-report";

// In order of arrival.
[[nodiscard]] std::error_code record_sessions(const std::string& maildir,
                                              std::span<const message::SessionRecord> records);

// Those that ended at `since` or later, oldest first.
[[nodiscard]] posix::Result<std::vector<message::SessionRecord>> read_report(const std::string& maildir,
                                                                             std::int64_t since);

// The records in the form of REPORT (docs/pop3.md): one line each, ended by CRLF.
[[nodiscard]] std::string report_lines(std::span<const message::SessionRecord> records);

} // namespace buzon::maildir
