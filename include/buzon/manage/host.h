// manage/host.h - what a management session needs to know about the server. Implemented by admin/; no call blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "buzon/state/event_bus.h"
#include "buzon/state/history.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"

namespace buzon::manage {

// One POP3 session, for SESS.
struct SessionRow {
    std::uint64_t id = 0;
    std::string user = {};                  // "" before login
    std::string address = {};               // the client's, "192.0.2.1:40000" or "[2001:db8::1]:40000"
    std::string state = {};                 // one word: authorization, transaction, update …
    std::string command = {};               // "RETR" while it runs or waits, else ""
    std::string program = {};               // the transformation that it waits for or reads from, else ""
    std::uint64_t sent = 0;                 // octets of the current reply sent so far
    std::optional<std::uint64_t> size = {}; // octets of that reply, if known
    std::uint64_t backlog = 0;              // octets queued for the client
    std::uint64_t messages = 0;             // retrieved so far
    std::chrono::seconds age{0}, idle{0};   // since the connection was made, and since its last activity
    bool tls = false;                       // encrypted
};

class Host {
public:
    [[nodiscard]] virtual std::chrono::system_clock::time_point now() const = 0;
    // Also updates the gauges that are measured on demand (memory, descriptors).
    [[nodiscard]] virtual const state::Metrics& metrics() = 0;
    [[nodiscard]] virtual const state::History& history() const = 0;
    [[nodiscard]] virtual const state::Settings& settings() const = 0;
    [[nodiscard]] virtual std::string default_host() const = 0; // of the setting `host`; the others have fixed defaults
    // Whether the setting `name` was changed at run time and has not been saved.
    [[nodiscard]] virtual bool is_unsaved(const std::string& name) const = 0;
    [[nodiscard]] virtual state::EventBus& events() = 0;

    [[nodiscard]] virtual std::string directory() const = 0; // the mail root
    [[nodiscard]] virtual std::string address() const = 0;   // POP3 listen addresses, joined by ','
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    // More lines of INFO *, name and value: version, mgmt-port, metrics ADDR:PORT (one each), pid, uptime …
    [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> details() const = 0;

    // "off" or "on SPEC", for the default transformation or a user's own; nothing for an unknown user.
    [[nodiscard]] virtual std::optional<std::string> transform(const std::optional<std::string>& user) const = 0;

    // The ids of the current POP3 sessions, ascending, and the row of one of them; nothing if it has ended since.
    [[nodiscard]] virtual std::vector<std::uint64_t> sessions() const = 0;
    [[nodiscard]] virtual std::optional<SessionRow> session(std::uint64_t id) const = 0;
    // Ends sessions without UPDATE, shortly after the call. Returns how many there were.
    virtual std::size_t kick(std::uint64_t id) = 0;
    virtual std::size_t kick_user(std::string_view user) = 0;

    // Returns an iterator over the lines of USER LIST: each call returns the next line, and nothing at the end. It may
    // live as long as the host. It may miss users that are added or removed while it is in use.
    [[nodiscard]] virtual std::function<std::optional<std::string>()> users() const = 0;
    // The lines of USER SECRET LIST; nothing for an unknown user.
    [[nodiscard]] virtual std::optional<std::vector<std::string>> secrets(std::string_view user) const = 0;
    // Whether AUTH is needed.
    [[nodiscard]] virtual bool has_administrators() const = 0;

protected:
    ~Host() = default;
};

} // namespace buzon::manage
