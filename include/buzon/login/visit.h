// login/visit.h - one client from greeting to end, shared by its connection and the task in progress.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "buzon/login/locks.h"
#include "buzon/login/login.h"
#include "buzon/pop3/session.h"
#include "buzon/state/event_bus.h"

namespace buzon::login {

// Members are ordered to avoid padding, because there may be many visits.
struct Visit {
    std::uint64_t id;
    ClientInfo client;
    std::uint32_t retrieved = 0;
    pop3::Session session;
    std::string maildir = {};                      // of the logged-in user
    MaildropLock lock = {};                        // of the maildrop
    std::unique_ptr<const std::string> label = {}; // of the application password used to log in; null: none
    posix::Ids owner = {};                         // of the Maildir, as far as the users file says
    std::uint32_t removed = 0;
    bool local = false; // the reactor may hold its messages open
    bool here = false;  // the reactor may open them itself
    bool keeps = false; // deleted messages go to the trash

    [[nodiscard]] bool logged_in() const noexcept { return session.maildrop() != nullptr; }
    // Publishes an event if anybody subscribes to its type. Names the user once logged in.
    void publish(state::EventBus& events, state::EventType type,
                 std::initializer_list<state::EventField> fields) const {
        if (!events.wants(type)) return;
        events.publish(type, std::chrono::system_clock::now(), id,
                       logged_in() ? std::string_view{session.user()} : std::string_view{}, fields);
    }
};

} // namespace buzon::login
