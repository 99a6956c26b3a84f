// serve/delivery.h - the pumps of one RETR or TOP: from a message's file, through a transformation if one is on, to
// wire form. Pull-based: nothing is read before there is room for it. Never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/login/task.h"
#include "buzon/message/snapshot.h"
#include "buzon/net/address.h"
#include "buzon/pop3/action.h"
#include "buzon/posix/result.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::serve {

class Transforms;

// A buffer that one delivery at a time uses while it has its turn.
class FileRoom {
public:
    static constexpr std::size_t size = 64 * 1024; // octets read from a message or a filter at once

    // Room for `who`, who may find there what he read until somebody else asks for it.
    [[nodiscard]] char* of(const void* who) noexcept {
        whose_ = who;
        return octets_.get();
    }
    [[nodiscard]] const char* still_of(const void* who) const noexcept {
        return whose_ == who ? octets_.get() : nullptr;
    }

private:
    std::unique_ptr<char[]> octets_{new char[size]};
    const void* whose_ = nullptr;
};

inline constexpr std::uint64_t max_header_octets = 256 * 1024; // is looked at, as by SEARCH

// Which message, and for whom. The references stay valid as long as the delivery.
struct DeliveryOrder {
    const message::Snapshot& snapshot;
    std::uint32_t index;
    const std::string& maildir;
    bool local; // the maildrop: nothing there needs a file server
    const std::string& user;
    net::Ip client_ip;
    std::uint64_t session;
    std::optional<std::uint32_t> top_lines;
    bool ascii_header; // one with other octets is refused
};

// What deliveries share; it outlives them.
struct DeliveryNeeds {
    event::EventLoop& loop;
    const state::Settings& settings;
    state::Metrics& metrics;
    state::EventBus& events;
    worker::Pool& disk; // opens, reads that would wait
    Transforms& transforms;
    FileRoom& room;
};

//   begin() ── wait … ──► ready ──► part(), else pull() ── some / wait … ──► done
//      └──► refused: nothing was promised, -ERR             └──► broken: cut the connection, no final dot
class Delivery {
public:
    enum class Step : std::uint8_t { wait, ready, refused, some, done, broken };

    virtual ~Delivery() = default;
    [[nodiscard]] virtual Step begin() = 0;
    // After ready: the octets that a client will have received, where that is certain.
    [[nodiscard]] virtual std::optional<std::uint64_t> octets() const = 0;
    // After ready: what comes next, when it needs no work of ours. Say by part_sent() how much of it has been sent.
    [[nodiscard]] virtual std::optional<net::FilePart> part() { return std::nullopt; }
    virtual void part_sent(std::size_t) {}
    // Appends wire form to `out`, about `room` octets of it, the final ".\r\n" included.
    [[nodiscard]] virtual Step pull(std::string& out, std::size_t room) = 0;
    // The client does not take more for now. pull() ends the pause.
    virtual void pause() {}
    // After refused.
    [[nodiscard]] virtual pop3::DeliveryRefusal refusal() const = 0;
    // The program that is waited for or read from, for SESS; empty when there is none.
    [[nodiscard]] virtual std::string program() const { return {}; }
};

// Of a local maildrop.
[[nodiscard]] std::unique_ptr<Delivery> deliver_file(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                     DeliveryOrder order);
// Of any other.
[[nodiscard]] std::unique_ptr<Delivery> deliver_pieces(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                       DeliveryOrder order);
[[nodiscard]] std::unique_ptr<Delivery> deliver_filtered(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                         DeliveryOrder order, const filter::FilterSpec& spec);

// Opens a message without ever waiting, and without a descriptor whose close may wait. The one rule by which this
// process opens mail:
//
//     the maildrop is local ──► all is in memory ──► it is opened here, at once
//          │                         └──────no─────► a worker opens it
//          └──────no──────► a worker copies it; what we get lies in memory, or on this machine's disk
//
// A server that has no descriptor left tries again until one is free.
class MessageOpener final : private event::TimerHandler {
public:
    // `wake` is called when open() shall be called again.
    MessageOpener(DeliveryNeeds& needs, std::function<void()> wake)
        : needs_{needs}, wake_{std::move(wake)}, retry_{*this} {}

    // Nothing: not yet. What is opened may be no regular file.
    [[nodiscard]] std::optional<posix::Result<posix::UniqueFd>> open(const DeliveryOrder& order);

private:
    void on_timer(event::Timer&) override { wake_(); }
    void ask_worker(const DeliveryOrder& order);
    [[nodiscard]] std::optional<posix::Result<posix::UniqueFd>> finish(posix::Result<posix::UniqueFd> opened);

    DeliveryNeeds& needs_;
    std::function<void()> wake_;
    event::Timer retry_;
    worker::Pending pending_;
    bool answered_ = false; // by the worker, with these two
    std::error_code why_;
    posix::UniqueFd file_;
};

} // namespace buzon::serve
