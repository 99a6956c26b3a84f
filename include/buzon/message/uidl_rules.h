// message/uidl_rules.h - where a maildrop's UIDLs and its order come from (--uidl). No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/message/snapshot.h"

namespace buzon::message {

enum class UidlSource : std::uint8_t {
    automatic, // our own list, else Dovecot's, else Courier's, else the base names
    base_name, // as do qmail-pop3d and vpopmail
    dovecot,   // dovecot-uidlist: its P and O fields, else the format
    courier,   // courierpop3dsizelist, v0 to v3
};

enum class SessionOrder : std::uint8_t {
    delivery, // contract section 2
    mtime,    // as in qmail-pop3d
};

constexpr UidlSource last_of(UidlSource) noexcept {
    return UidlSource::courier;
}
constexpr SessionOrder last_of(SessionOrder) noexcept {
    return SessionOrder::mtime;
}

// Assigned UIDLs are stored in `buzon-uidl` next to cur; they never change and are never reused. The rules apply only
// to messages that are not in that file. It also stores the order, if that came from another server.
struct UidlRules {
    UidlSource source = UidlSource::automatic;
    // Dovecot's pop3_uidl_format, as in version 2.3 (%u %v %f %g, with 0, a width, X, L and U) or 2.4 (%{uid | hex(8)}
    // ...).
    std::string dovecot_format = "%08Xu%08Xv";
    // Where Dovecot kept its list, if not in the Maildir (CONTROL= in its mail location).
    std::string dovecot_control = {};
    SessionOrder order = SessionOrder::delivery;
    // The circuit breaker: a scan fails with uidls_would_change() if more than this percentage of the messages known
    // from the last session would get another UIDL. 100: never.
    std::uint8_t breaker_percent = 10;
    bool accept_changes = false; // ignore the breaker for this scan
    bool freeze = true;          // false: write nothing (--uidl-verify)

    // Snapshots made under rules with another digest may have other UIDLs or another order.
    [[nodiscard]] std::uint64_t digest() const noexcept;

    static void fields(auto& self, auto&& each) {
        each(self.source, self.dovecot_format, self.dovecot_control, self.order, self.breaker_percent,
             self.accept_changes, self.freeze);
    }
};

// Why the format cannot be used, in words for an operator; empty if it can.
[[nodiscard]] std::string trouble_with_uidl_format(std::string_view format);

[[nodiscard]] std::error_code uidls_would_change() noexcept;

// What the circuit breaker found.
struct UidlChange {
    std::uint64_t known = 0;   // messages whose UIDL was shown in the last session
    std::uint64_t changed = 0; // those whose UIDL would change

    static void fields(auto& self, auto&& each) { each(self.known, self.changed); }
};

// One line in which a captured UIDL listing and a snapshot differ. Empty: that side has no such message.
struct UidlDifference {
    std::uint32_t number;
    std::string captured;
    std::string served;
    friend bool operator==(const UidlDifference&, const UidlDifference&) = default;
};
// `captured` contains lines "NUMBER UIDL" (LF or CRLF); a first line "+OK ..." and a final "." are ignored. EBADMSG if
// it contains anything else.
[[nodiscard]] posix::Result<std::vector<UidlDifference>> compare_uidls(const Snapshot& served,
                                                                       std::string_view captured);

} // namespace buzon::message
