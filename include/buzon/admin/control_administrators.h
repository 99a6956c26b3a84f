// admin/control_administrators.h - checks the passwords of administrators and limits how fast they can be guessed.
// Knows no protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "buzon/auth/source.h"
#include "buzon/auth/throttle.h"
#include "buzon/auth/user_base.h"
#include "buzon/event/event_loop.h"
#include "buzon/jobs/hash_workers.h"

namespace buzon::admin {

class Administrators {
public:
    enum class Verdict : std::uint8_t { right, wrong, unknown }; // unknown: could not be checked
    using OnChecked = std::function<void(Verdict)>;

    // hashes: workers that verify slow hashes.
    Administrators(auth::UserBase base, jobs::HashWorkers hashes, event::Instant now);

    [[nodiscard]] bool any() const noexcept { return base_.size() > 0; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // When an attempt from this source, waiting since `since`, may be checked; no source means a unix peer. Ask again
    // at that time: delayed attempts proceed one at a time, so that guessing on many connections is no faster than on
    // one.
    [[nodiscard]] event::Instant not_before(const std::optional<auth::Source>& from, const std::string& name,
                                            event::Instant since, event::Instant now) const;
    // Checks a password. Calls `then` once: at once, or later, in which case `pending` is waiting and may be dropped.
    // Unknown names take as long as wrong passwords.
    void check(const std::optional<auth::Source>& from, const std::string& name, std::string_view password,
               event::Instant now, worker::Pending& pending, OnChecked then);

private:
    void finish(const std::optional<auth::Source>& from, const std::string& name, Verdict verdict,
                const OnChecked& then);
    void note_look(const std::optional<auth::Source>& from, event::Instant now);

    auth::UserBase base_;
    jobs::HashWorkers hashes_;
    auth::Throttle throttle_;
    std::map<auth::Source::Octets, event::Instant> last_tries_; // the last attempt from each source prefix; bounded
};

} // namespace buzon::admin
