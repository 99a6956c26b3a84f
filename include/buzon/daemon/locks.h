// daemon/locks.h - which maildrops are in use by this server's sessions (RFC 1939 section 4: one session a maildrop).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "buzon/event/timers.h"
#include "buzon/state/settings.h"

namespace buzon::daemon {

class Locks;

// Holds a maildrop; gives it back when destroyed.
class MaildropLock {
public:
    MaildropLock() = default;
    MaildropLock(MaildropLock&& other) noexcept
        : locks_{std::exchange(other.locks_, nullptr)}, maildir_{std::move(other.maildir_)} {}
    MaildropLock& operator=(MaildropLock&& other) noexcept {
        release();
        locks_ = std::exchange(other.locks_, nullptr);
        maildir_ = std::move(other.maildir_);
        return *this;
    }
    ~MaildropLock() { release(); }
    void release() noexcept;
    [[nodiscard]] bool held() const noexcept { return locks_ != nullptr; }

private:
    friend class Locks;
    Locks* locks_ = nullptr;
    std::string maildir_;
};

class Locks {
public:
    // Exclusive and shared holders exclude each other, whatever the rule was when the holder came.
    // An empty lock: somebody else holds it; `since` then says from when.
    [[nodiscard]] MaildropLock take(const std::string& maildir, state::SessionRule rule, event::Instant now,
                                    event::Instant& since);

private:
    friend class MaildropLock;
    struct Held {
        state::SessionRule rule;
        std::size_t holders;
        event::Instant since;
    };
    std::unordered_map<std::string, Held> held_;
};

} // namespace buzon::daemon
