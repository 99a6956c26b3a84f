// message/session_record.h - what REPORT says about one session, or about refused logins.
#pragma once

#include <cstdint>
#include <string>

namespace buzon::message {

struct SessionRecord {
    enum class Kind : std::uint8_t {
        session,
        refused_login,
        idle, // a session that retrieved and deleted nothing
    };
    friend constexpr Kind last_of(Kind) noexcept { return Kind::idle; }

    Kind kind = Kind::session;
    bool updated = false;   // ended by QUIT
    std::int64_t began = 0; // Unix times
    std::int64_t ended = 0;
    std::uint32_t retrieved = 0; // kinds other than `session`: how many were merged
    std::uint32_t deleted = 0;
    std::uint64_t octets_sent = 0;
    std::string from = {};  // the client's address as text; at most 45 octets are kept
    std::string label = {}; // of the application password that was used, at most 32 octets; empty: none

    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;

    // Merges the next record into this one and returns true, if both are refused logins or both idle sessions, from the
    // same address, and end less than an hour apart. Merged idle sessions span less than a day.
    [[nodiscard]] bool merge(const SessionRecord& next) noexcept;

    static void fields(auto& self, auto&& each) {
        each(self.kind, self.updated, self.began, self.ended, self.retrieved, self.deleted, self.octets_sent, self.from,
             self.label);
    }
};

} // namespace buzon::message
