// state/line_feed.h - the last lines of a stream, and listeners that may be too slow for it. Knows nothing of what
// the lines say. They lie in memory as managers get them, one behind the other, and in a file too: to hand hundreds of
// lines to one more listener is one call of the kernel, which copies nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/shared_blocks.h"

namespace buzon::state {

// The last lines. Listeners hold a place among them instead of a queue of their own: one that does not read costs
// nothing and loses what has been forgotten; it is told how many lines that were.
class LineFeed {
public:
    static constexpr std::size_t max_line = 4096; // octets; longer lines are cut
    // So many lines are always kept. More of them, up to `owed` (0: none) in 16 MiB, only for listeners who have yet to
    // be given them though they are not slow(): those whom we make wait. Memory is bounded by `kept` times the longest
    // line, and these 16 MiB.
    explicit LineFeed(std::size_t kept, std::size_t owed = 0);
    LineFeed(const LineFeed&) = delete;
    LineFeed& operator=(const LineFeed&) = delete;

    // A line of a kind (below 32), without its line end. Wakes the listeners of that kind that had read everything.
    void append(unsigned kind, std::string_view line);

    // The kinds that somebody listens to, as bits.
    [[nodiscard]] std::uint32_t wanted() const noexcept { return wanted_; }

    // Lines that lie behind one another, as they are sent: CRLF behind each, a leading dot doubled.
    struct Run {
        std::string_view text; // whole lines, one of the feed behind the other
        int file = -1;         // if not negative it has the same octets
        std::uint64_t offset =
            0; // from here on: they may be sent from there, and stay what they are until the peer has them
        std::uint64_t lines = 0; // how many there were at first

        void remove_prefix(std::size_t octets) noexcept {
            text.remove_prefix(octets);
            offset += octets;
        }
    };

    // Reads lines of some kinds, in order, beginning at a place in the past or now.
    class Reader {
    public:
        // Begins `back` lines before the newest one.
        Reader(LineFeed& feed, std::uint32_t kinds, std::size_t back);

        // The next line, valid until the next append(); false when everything has been read. Check take_lost() after
        // it.
        [[nodiscard]] bool next(std::string_view& line);
        // The same for all lines that lie behind one another: `room` octets at most, but one line in any case. In a
        // file, too, when they are so many octets that handing over pages is cheaper than copying.
        [[nodiscard]] bool next_run(Run& run, std::size_t room);
        // The last so many lines of the run before have not been taken: they come again.
        void give_back(std::uint64_t lines) noexcept {
            place_ -= lines;
            passed_ -= lines;
        }
        // Reads on only up to what is there now.
        void stop_here() noexcept { end_ = feed_->next_; }
        // How many lines were written over before they could be read, since the last call.
        [[nodiscard]] std::uint64_t take_lost() noexcept;

    private:
        friend class LineFeed;
        [[nodiscard]] bool find(); // moves place_ to the next line of our kinds

        LineFeed* feed_;
        std::uint32_t kinds_;
        std::uint64_t place_;  // number of the line to look at next
        std::uint64_t passed_; // lines of our kinds with a smaller number
        std::uint64_t lost_ = 0;
        std::uint64_t end_ = UINT64_MAX;
    };

    // A reader that is woken. Lives shorter than the feed.
    class Subscription {
    public:
        // `wake` is called from append() when a line comes after the reader had seen everything. It only notes that
        // there is work: it must neither read, publish, subscribe nor end a subscription.
        Subscription(LineFeed& feed, std::uint32_t kinds, std::size_t back, std::function<void()> wake);
        ~Subscription();
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

        [[nodiscard]] bool next(std::string_view& line);
        [[nodiscard]] bool next_run(Run& run, std::size_t room);
        void give_back(std::uint64_t lines) noexcept { reader_.give_back(lines); }
        [[nodiscard]] std::uint64_t take_lost() noexcept { return reader_.take_lost(); }
        // It does not take what it is given: nothing more than what is kept anyway is kept for it.
        void slow(bool is) noexcept { slow_ = is; }

    private:
        friend class LineFeed;
        void found(bool something);

        LineFeed& feed_;
        std::uint32_t kinds_;
        Reader reader_;
        std::function<void()> wake_;
        bool asleep_ = false;
        bool slow_ = false;
    };

private:
    struct Line {
        std::uint32_t begin = 0; // in its block, as it is sent
        std::uint16_t size = 0;
        std::uint8_t kind = 0;
    };
    // Lines stand in blocks that nobody moves; the oldest block goes when all its lines are forgotten.
    struct Block {
        posix::SharedBlocks::Block memory;
        std::size_t used = 0;
        std::uint64_t end = 0;     // number of the line behind its last one
        std::size_t copied = 0;    // so many octets of it are in the file
        bool never_copied = false; // it cannot have pages of its own there
    };
    static constexpr std::size_t block_size = 256 * 1024;
    static constexpr std::size_t owed_blocks = 64; // from so many blocks on no line is kept because it is owed
    static constexpr std::size_t worth_a_page = 8 * 1024;
    [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ - lines_.size(); }
    [[nodiscard]] const Line& line(std::uint64_t number) const noexcept { return lines_[number - oldest()]; }
    void store(std::string_view line, unsigned kind);
    [[nodiscard]] Block next_block();
    [[nodiscard]] Block& block_of(std::uint64_t line) noexcept;
    [[nodiscard]] bool in_file(Block& block, std::size_t octets) noexcept;
    void make_room();
    void forget_oldest() noexcept;
    [[nodiscard]] std::uint64_t first_owed() const noexcept;
    void subscribers_changed() noexcept;

    std::size_t kept_, owed_;
    std::deque<Line> lines_; // the last of them is line next_ - 1
    posix::SharedBlocks memory_;
    std::deque<Block> blocks_;
    std::uint32_t kinds_ = 0;         // that there have ever been
    std::uint64_t next_ = 0;          // number of the next line
    std::uint64_t appended_[32] = {}; // of each kind, ever
    std::uint64_t dropped_[32] = {};  // of these, no longer in the ring
    std::uint32_t wanted_ = 0;
    std::vector<Subscription*> subscribers_;
    std::vector<Subscription*> sleepers_; // of these, who had read everything; there is always room for all
    std::uint64_t first_owed_ = 0;        // as it was a moment ago: what lies before is owed to nobody
};

} // namespace buzon::state
