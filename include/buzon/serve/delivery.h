// serve/delivery.h - produces the reply to RETR or TOP: reads a message's file, runs it through a transformation if one
// is on, and converts it to wire form. Pull-based: nothing is read before there is room for it. Never blocks.
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

class FetchedAhead;
class Transforms;

// A buffer shared by all deliveries; each uses it during its own turn.
class FileRoom {
public:
    static constexpr std::size_t size = 64 * 1024; // octets read from a message or a filter at once

    // Returns the buffer to `who`. What `who` reads into it stays valid until another delivery asks for the buffer.
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

inline constexpr std::uint64_t max_header_octets =
    256 * 1024; // searched for non-ASCII octets; the same limit as in SEARCH

// The message to deliver, and to which client. The references must outlive the delivery.
struct DeliveryOrder {
    const message::Snapshot& snapshot;
    std::uint32_t index;
    const std::string& maildir;
    posix::Ids owner; // of the maildrop, as far as is known
    bool local;       // it is on a local file system
    bool here;        // if it is local: we may open its messages ourselves
    const std::string& user;
    net::Ip client_ip;
    std::uint64_t session;
    std::optional<std::uint32_t> top_lines;
    bool ascii_header; // a header with non-ASCII octets is refused
};

// Shared by all deliveries; outlives them.
struct DeliveryNeeds {
    event::EventLoop& loop;
    const state::Settings& settings;
    state::Metrics& metrics;
    state::EventBus& events;
    worker::Pool& disk; // opens messages, and reads those not in memory
    Transforms& transforms;
    FileRoom& room;
    FetchedAhead& ahead;
};

//   begin() ── wait … ──► ready ──► part(), else pull() ── some / wait … ──► done
//      └──► refused: nothing was promised, -ERR             └──► broken: cut the connection, no final dot
class Delivery {
public:
    enum class Step : std::uint8_t { wait, ready, refused, some, done, broken };

    virtual ~Delivery() = default;
    [[nodiscard]] virtual Step begin() = 0;
    // After ready: the number of octets that the client will receive, if that is certain.
    [[nodiscard]] virtual std::optional<std::uint64_t> octets() const = 0;
    // After ready: the next part, if it can be sent straight from a file. Report with part_sent() how much has been
    // sent.
    [[nodiscard]] virtual std::optional<net::FilePart> part() { return std::nullopt; }
    virtual void part_sent(std::size_t) {}
    // Appends about `room` octets of wire form to `out`, including the final ".\r\n".
    [[nodiscard]] virtual Step pull(std::string& out, std::size_t room) = 0;
    // The client is not reading at the moment. The next pull() ends the pause.
    virtual void pause() {}
    // After refused.
    [[nodiscard]] virtual pop3::DeliveryRefusal refusal() const = 0;
    // The program being waited for or read from, for SESS; empty if there is none.
    [[nodiscard]] virtual std::string program() const { return {}; }
};

// For a local maildrop.
[[nodiscard]] std::unique_ptr<Delivery> deliver_file(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                     DeliveryOrder order);
// For any other maildrop.
[[nodiscard]] std::unique_ptr<Delivery> deliver_pieces(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                       DeliveryOrder order);
[[nodiscard]] std::unique_ptr<Delivery> deliver_filtered(DeliveryNeeds& needs, login::TaskOwner& owner,
                                                         DeliveryOrder order, const filter::FilterSpec& spec);

// Opens a message without ever blocking, and never returns a descriptor whose close() could block. This process opens
// mail only by this rule:
//
//     the maildrop is local ──► we may touch it ──► all is in memory ──► it is opened here, at once
//          │                         │                    └──────no─────► a worker opens it
//          │                         └──────no─────► a worker opens it, and the next ones with it (fetched_ahead.h)
//          └──────no──────► a worker copies it; what we get lies in memory, or on this machine's disk
//
// Retries when the server is out of descriptors.
class MessageOpener final : private event::TimerHandler {
public:
    // `wake` is called when open() should be called again.
    MessageOpener(DeliveryNeeds& needs, std::function<void()> wake)
        : needs_{needs}, wake_{std::move(wake)}, retry_{*this} {}

    // std::nullopt: not yet. The opened file may not be a regular file.
    [[nodiscard]] std::optional<posix::Result<posix::UniqueFd>> open(const DeliveryOrder& order);

private:
    void on_timer(event::Timer&) override { wake_(); }
    void ask_worker(const DeliveryOrder& order);
    void ask_for_several(const DeliveryOrder& order);
    template <class Take>
    void take_answer(Take take);
    void take_several(const worker::Answer& answer, std::uint64_t session, const std::vector<std::uint32_t>& asked);
    [[nodiscard]] std::optional<posix::Result<posix::UniqueFd>> finish(posix::Result<posix::UniqueFd> opened);

    DeliveryNeeds& needs_;
    std::function<void()> wake_;
    event::Timer retry_;
    worker::Pending pending_;
    bool scarce_ = false;   // there were not enough descriptors for several messages
    bool answered_ = false; // the worker has answered, with the following two
    std::error_code why_;
    posix::UniqueFd file_;
};

} // namespace buzon::serve
