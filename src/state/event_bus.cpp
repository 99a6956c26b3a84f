// state/event_bus.cpp - formats an event once and passes it to all listeners.
#include "buzon/state/event_bus.h"

#include <span>

namespace buzon::state {

void EventBus::publish(const Event& event) {
    const EventMask mask = mask_of(event.type);
    const bool heard = (feed_.wanted() & mask) != 0;
    const bool logged = log_.takes(event.level);
    if ((Suspects::events & mask) != 0) suspects_.write(event);
    const bool noted = (Diary::events & mask) != 0 && !event.user.empty();
    if (!heard && !logged && !noted) return;
    line_.clear();
    format_text(event, line_);
    if (noted) diary_.write(event, line_);
    if (logged) log_.write(event, line_);
    if (heard) feed_.append(static_cast<unsigned>(event.type), line_);
}

void EventBus::publish(EventType type, Time when, std::uint64_t session, std::string_view user,
                       std::initializer_list<EventField> fields) {
    publish(Event{type, level_of(type), when, session, user, {}, std::span{fields.begin(), fields.size()}});
}

void EventBus::log(Level level, Time when, std::string_view message, std::uint64_t session, std::string_view user) {
    publish(Event{EventType::log, level, when, session, user, message, {}});
}

} // namespace buzon::state
