// daemon/filtered_sizes.h - what RETR learns about the octets of transformed messages, on its way to later sessions.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "buzon/daemon/jobs.h"
#include "buzon/event/event_loop.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/mail/filtered_octets.h"
#include "buzon/mail/filtered_stamp.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

//   learned() … learned() ── flush(), when a session ends ──► a worker adds it to the file beside the mail
//                                look_up(), at a login ◄── what the file says, and what is still on its way there
//
// A cache from end to end: what does not reach the file (a full disk, a kill) is learned again by the next RETR.
class FilteredSizes {
public:
    // Both must outlive us.
    FilteredSizes(event::EventLoop& loop, worker::Pool& disk) : loop_{loop}, disk_{disk} {}
    FilteredSizes(const FilteredSizes&) = delete;
    FilteredSizes& operator=(const FilteredSizes&) = delete;

    // A message has been sent whole through the transformation of this key (filter::identity).
    void learned(const std::string& maildir, const std::string& key, const mail::FilteredMessage& message);
    // A session of this maildrop has ended.
    void flush(const std::string& maildir);

    // Null: nothing is known.
    using Octets = std::shared_ptr<const mail::FilteredOctets>;
    using OnKnown = std::function<void(Octets)>;
    // The same as look_up() where no worker is needed: it looked a moment ago, and a few stat() calls, of what is then
    // in memory, show that nothing has changed. Nothing: ask look_up().
    [[nodiscard]] std::optional<Octets> at_hand(const std::string& maildir, const filter::FilterSpec& spec,
                                                const std::shared_ptr<const mail::Snapshot>& snapshot);
    // What is known of this snapshot's messages behind the programs of `spec` as they are now. A worker looks, and what
    // it found is matched with the messages in slices; `then` is called from the loop, never in here, unless the LookUp
    // was destroyed before.
    class LookUp;
    [[nodiscard]] std::unique_ptr<LookUp> look_up(const std::string& maildir, const filter::FilterSpec& spec,
                                                  std::shared_ptr<const mail::Snapshot> snapshot, OnKnown then);

private:
    static constexpr std::size_t flush_at = 1024;        // messages of one maildrop
    static constexpr std::size_t most_waiting = 100'000; // of all: what comes then is not kept

    struct Drop {
        mail::FilteredBatch fresh;
        std::size_t count = 0;                              // of messages in `fresh`
        std::shared_ptr<const mail::FilteredBatch> writing; // null: no job is under way
        worker::Pending job;
    };
    void write(const std::string& maildir, Drop& drop);
    void written(const std::string& maildir);

    static constexpr std::size_t most_kept = 16 << 20; // octets; then all are forgotten, and workers asked again
    struct Kept {
        std::string key;
        mail::FilteredStamp stamp;
        event::Instant looked;
        std::weak_ptr<const mail::Snapshot> snapshot;
        Octets octets;
        std::size_t cost = 0; // of `octets`, at most
    };
    void keep(const std::string& maildir, Kept kept);

    event::EventLoop& loop_;
    worker::Pool& disk_;
    std::unordered_map<std::string, Drop> drops_; // none without something fresh or a job
    std::size_t waiting_ = 0;
    std::unordered_map<std::string, Kept> kept_; // the last look at each maildrop, on local file systems
    std::size_t kept_octets_ = 0;
};

class FilteredSizes::LookUp final : private event::Task {
public:
    LookUp(FilteredSizes& owner, const std::string& maildir, std::shared_ptr<const mail::Snapshot> snapshot,
           OnKnown then);
    ~LookUp() override = default;

private:
    friend class FilteredSizes;
    void answered(FilteredAnswer known);
    void run() override;

    FilteredSizes& owner_;
    std::string maildir_;
    std::shared_ptr<const mail::Snapshot> snapshot_;
    OnKnown then_;
    // As of the beginning: whatever is not in the file yet when the worker reads it is in one of these.
    std::shared_ptr<const mail::FilteredBatch> writing_;
    mail::FilteredBatch fresh_;
    FilteredAnswer known_;
    std::optional<mail::FilteredMatch> match_;
    worker::Pending job_;
};

} // namespace buzon::daemon
