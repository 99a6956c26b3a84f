// mail/report.h - what earlier sessions did with a maildrop, for REPORT. One small file a user, bounded for ever. Reads
// and writes it: runs in a worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/result.h"

namespace buzon::mail {

// Beside cur, new and tmp: 400 places for sessions and 100 for refused logins, used in turn, so that no guessing of
// passwords pushes a session out. Damaged places are empty ones. Sessions in a row that did nothing share a place, so
// that looking for mail every few minutes pushes out nothing either.
inline constexpr const char* report_file_name = "buzon-report";

struct SessionRecord {
    enum class Kind : std::uint8_t {
        session,
        refused_login,
        idle, // a session that retrieved and deleted nothing
    };
    Kind kind = Kind::session;
    bool updated = false;   // ended with QUIT
    std::int64_t began = 0; // Unix times
    std::int64_t ended = 0;
    std::uint32_t retrieved = 0; // else: how often in a row from this address
    std::uint32_t deleted = 0;
    std::uint64_t octets_sent = 0;
    std::string from = {}; // the client's address in text; at most 45 octets are kept

    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;

    // Takes in what came next, if the two make one record: refused logins, or idle sessions, from one address, within
    // an hour of each other (idle ones for a day at most).
    [[nodiscard]] bool merge(const SessionRecord& next) noexcept;

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<SessionRecord> from_bytes(std::string_view bytes); // EBADMSG
};

// In the order of their coming.
[[nodiscard]] std::error_code record_sessions(const std::string& maildir, std::span<const SessionRecord> records);

// Those that ended at `since` or later, the oldest first.
[[nodiscard]] posix::Result<std::vector<SessionRecord>> read_report(const std::string& maildir, std::int64_t since);

// As REPORT tells them (docs/pop3.md): a line each, ended by CRLF.
[[nodiscard]] std::string report_lines(std::span<const SessionRecord> records);

} // namespace buzon::mail
