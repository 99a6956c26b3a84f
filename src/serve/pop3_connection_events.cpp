// What a connection counts and reports about itself.
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include "buzon/serve/pop3_connection.h"
#include "report.h"

namespace buzon::serve {

std::string_view name_of(Ending ending) noexcept {
    constexpr std::array<std::string_view, 12> names = {
        "quit", "connection-lost", "autologout", "login-timeout", "bad-lines", "wrong-logins", "displaced",
        "cut",  "kicked",          "shutdown",   "out-of-memory", "tls"};
    return names[static_cast<std::size_t>(ending)];
}

void Pop3Connection::count_reply(std::size_t at) {
    const std::string& out = stream_.out();
    if (!unanswered_ || out.size() <= at) return;
    if (out[at] == '+' && out[at + 1] == ' ') return; // a challenge: the exchange continues
    const auto result = out[at] == '+' ? state::CommandResult::ok : state::CommandResult::error;
    needs_.metrics.count_command(*std::exchange(unanswered_, std::nullopt), result);
}

void Pop3Connection::tell_of_end(Ending why) {
    if (!logged_in()) return;
    publish_logout(why);
    const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(needs_.loop.now() - began_);
    record_visit(needs_.reports, visit_, why == Ending::quit, lasted.count(), stream_.sent());
}

void Pop3Connection::publish_logout(Ending why) {
    if (!needs_.events.wants(state::EventType::logout)) return;
    const auto milliseconds = [](event::Clock::duration time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    };
    const auto lasted = milliseconds(needs_.loop.now() - began_);
    const std::array fields = {
        state::EventField{"reason", name_of(why)},
        state::EventField{"retr", visit_.retrieved},
        state::EventField{"dele", visit_.removed},
        state::EventField{"bytes", stream_.sent()},
        state::EventField{"seconds", lasted / 1000},
        // the traffic logged by --verbose
        state::EventField{"received", stream_.received()},
        state::EventField{"commands", commands_},
        state::EventField{"milliseconds", lasted},
        state::EventField{"idle-milliseconds", milliseconds(needs_.loop.now() - active_)},
    };
    const std::size_t count = needs_.settings.verbose ? fields.size() : 5;
    needs_.events.publish(state::Event{state::EventType::logout,
                                       state::level_of(state::EventType::logout),
                                       std::chrono::system_clock::now(),
                                       id(),
                                       user(),
                                       {},
                                       std::span{fields}.first(count)});
}

} // namespace buzon::serve
