#include "buzon/talk/reconnect.h"

#include <poll.h>

#include <vector>

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Returns true if the watcher wants to stop.
bool pause(Milliseconds time, Watcher& watcher) {
    std::vector<pollfd> ready;
    for (const int descriptor : watcher.descriptors()) ready.push_back({descriptor, POLLIN, 0});
    if (::poll(ready.data(), ready.size(), static_cast<int>(time.count())) <= 0) return false;
    bool out = false;
    for (const pollfd& one : ready)
        if (one.revents != 0) out = watcher.wants_out(one.fd) || out;
    return out;
}

} // namespace

std::variant<Conversation, std::string> connect_again(const Target& target, Watcher& watcher) {
    const auto until = Clock::now() + target.patience;
    for (;;) {
        auto opened = Conversation::open(target.address, target.patience);
        if (auto* const server = std::get_if<Conversation>(&opened)) {
            if (target.auth.empty()) return opened;
            const Answer answer = ask(*server, target.auth);
            if (answer.kind == Answer::Kind::reply && answer.reply.ok) return opened;
            return "login refused after reconnecting";
        }
        if (Clock::now() >= until) return opened;
        if (pause(500ms, watcher)) return "interrupted";
    }
}

} // namespace buzon::client
