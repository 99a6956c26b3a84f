// serve/listings.h - caches the replies to LIST and UIDL of large maildrops in wire form. While a maildrop is
// unchanged, later sessions send the cached reply instead of producing a million lines again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "buzon/message/snapshot.h"
#include "buzon/net/stream.h"
#include "buzon/pop3/action.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::serve {

class Listings {
public:
    using Snapshot = std::shared_ptr<const message::Snapshot>;

    // Listings of smaller maildrops fit into a piece or two, and producing them is faster than a lookup.
    static constexpr std::uint32_t min_messages = 4096;
    static constexpr std::size_t max_octets = 64 * 1024 * 1024;
    static constexpr std::size_t max_recorded = 32 * 1024 * 1024; // in total, for listings being produced
    static constexpr std::size_t max_kept = 32;                   // each has a descriptor

    struct Text {
        posix::UniqueFd file; // in memory
        std::uint64_t octets = 0;
    };

    // The output of produce() for this snapshot if nothing was deleted; null if it is not cached.
    [[nodiscard]] std::shared_ptr<const Text> find(const Snapshot& of, pop3::Listing what);
    void keep(const Snapshot& of, pop3::Listing what, Text text);
    // Reserves room for a listing being produced, until give_back(); with a slow client that may take hours.
    [[nodiscard]] bool reserve(std::size_t octets) noexcept;
    void give_back(std::uint64_t octets) noexcept { recorded_ -= octets; }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    struct Kept {
        std::weak_ptr<const message::Snapshot> of;
        pop3::Listing what;
        std::shared_ptr<const Text> text;
    };
    void forget(std::vector<Kept>::iterator which);

    std::vector<Kept> kept_; // least recently used first
    std::size_t octets_ = 0;
    std::uint64_t recorded_ = 0;
};

// One listing of one session: sent from the cache, or recorded while the session produces it.
class ListingRun {
public:
    ListingRun(Listings& listings, Listings::Snapshot of, pop3::Listing what);
    ListingRun(const ListingRun&) = delete;
    ListingRun& operator=(const ListingRun&) = delete;
    ~ListingRun() { stop_recording(); }

    // The next part, if the listing is cached. Report with part_sent() how much has been sent.
    [[nodiscard]] std::optional<net::FilePart> part() const;
    void part_sent(std::size_t octets) noexcept { sent_ += octets; }
    [[nodiscard]] bool all_sent() const noexcept { return known_ && sent_ == known_->octets; }

    // If it is not cached: pass on what the session has produced, in order, and then report that it is complete.
    void produced(std::string_view text);
    void finished();

private:
    void stop_recording() noexcept;

    Listings& listings_;
    Listings::Snapshot of_;
    pop3::Listing what_;
    std::shared_ptr<const Listings::Text> known_;
    std::uint64_t sent_ = 0;
    Listings::Text recorded_; // without a file if it cannot be cached
};

} // namespace buzon::serve
