// mail/report.h - what earlier sessions did with a maildrop, for REPORT. One small file a user, bounded for ever. Reads
// and writes it: runs in a worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/result.h"

namespace buzon::mail {

// Beside cur, new and tmp: 400 places for sessions and 100 for refused logins, used in turn, so that no guessing of
// passwords pushes a session out. Damaged places are empty ones.
inline constexpr const char* report_file_name = "buzon-report";

struct SessionRecord {
    enum class Kind : std::uint8_t { session, refused_login };
    Kind kind = Kind::session;
    bool updated = false;             // ended with QUIT
    std::int64_t began = 0;           // Unix times
    std::int64_t ended = 0;
    std::uint32_t retrieved = 0;      // of a refused login: how often in a row from this address
    std::uint32_t deleted = 0;
    std::uint64_t octets_sent = 0;
    std::string from = {};            // the client's address in text; at most 45 octets are kept

    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<SessionRecord> from_bytes(std::string_view bytes);   // EBADMSG
};

// A refused login from the address of the last one, within the hour, only counts that one up.
[[nodiscard]] std::error_code record_session(const std::string& maildir, const SessionRecord& record);

// Those that ended at `since` or later, the oldest first.
[[nodiscard]] posix::Result<std::vector<SessionRecord>> read_report(const std::string& maildir, std::int64_t since);

} // namespace buzon::mail
