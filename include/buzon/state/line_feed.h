// state/line_feed.h - the last lines of a stream, and listeners that may be too slow for it. Knows nothing of what
// the lines say. They lie in memory as managers get them, one behind the other, and in a file too: to hand hundreds of lines
// to one more listener is one call of the kernel, which copies nothing.
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

// A ring of lines. Listeners hold a place in it instead of a queue of their own: one that does not read costs nothing
// and loses what the ring has written over; it is told how many lines that were.
class LineFeed {
public:
    // Memory is bounded by capacity times the longest line; longer lines are cut.
    static constexpr std::size_t max_line = 4096;
    explicit LineFeed(std::size_t capacity);
    LineFeed(const LineFeed&) = delete;
    LineFeed& operator=(const LineFeed&) = delete;

    // A line of a kind (below 32), without its line end. Wakes the listeners of that kind that had read everything.
    void append(unsigned kind, std::string_view line);

    // The kinds that somebody listens to, as bits.
    [[nodiscard]] std::uint32_t wanted() const noexcept { return wanted_; }

    // Lines that lie behind one another, as they are sent: CRLF behind each, a leading dot doubled.
    struct Run {
        std::string_view text;     // whole lines, one of the feed behind the other
        int file = -1;             // has the same octets, if there is one,
        std::uint64_t offset = 0;  // from here on: they may be sent from there, and stay what they are until the peer has them

        void remove_prefix(std::size_t octets) noexcept {
            text.remove_prefix(octets);
            offset += octets;
        }
    };

    // Reads lines of some kinds, in order, beginning at a place in the past or now.
    class Reader {
    public:
        // Begins `back` lines before the newest one.
        Reader(const LineFeed& feed, std::uint32_t kinds, std::size_t back);

        // The next line, valid until the next append(); false when everything has been read. Check take_lost() after it.
        [[nodiscard]] bool next(std::string_view& line);
        // The same for all lines that lie behind one another: `room` octets at most, but one line in any case.
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
        [[nodiscard]] bool find();   // moves place_ to the next line of our kinds

        const LineFeed* feed_;
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

    private:
        friend class LineFeed;
        void found(bool something);

        LineFeed& feed_;
        std::uint32_t kinds_;
        Reader reader_;
        std::function<void()> wake_;
        bool asleep_ = false;
    };

private:
    struct Line {
        const char* at = nullptr;   // as it is sent
        std::uint64_t offset = 0;   // the same place in the file
        std::uint32_t size = 0;
        unsigned kind = 0;
    };
    // Lines stand in blocks that nobody moves; the oldest block goes when the ring has forgotten all its lines.
    struct Block {
        posix::SharedBlocks::Block memory;
        std::size_t used = 0;
        std::uint64_t end = 0;   // number of the line behind its last one
    };
    static constexpr std::size_t block_size = 256 * 1024;
    // The run that was put together last, and for whom: listeners who wait for the same lines are served one behind the
    // other, and the second needs no look at each line.
    struct LastRun {
        std::uint32_t kinds = 0;
        std::size_t room = 0;
        std::uint64_t from = 0, to = 0;   // the place before and behind it
        std::uint64_t next = 0;           // next_ of that time: the same number, the same lines
        std::uint64_t lines = 0;
        Run run;
    };

    [[nodiscard]] const Line& line(std::uint64_t number) const noexcept { return lines_[number % capacity_]; }
    void store(std::string_view line, Line& as);
    [[nodiscard]] std::uint64_t oldest() const noexcept;
    void subscribers_changed() noexcept;

    std::size_t capacity_;
    std::vector<Line> lines_;         // line n stands at n % capacity_
    posix::SharedBlocks memory_;
    std::deque<Block> blocks_;
    std::uint64_t next_ = 0;          // number of the next line
    std::uint64_t appended_[32] = {}; // of each kind, ever
    std::uint64_t dropped_[32] = {};  // of these, no longer in the ring
    std::uint32_t wanted_ = 0;
    std::vector<Subscription*> subscribers_;
    std::vector<Subscription*> sleepers_;   // of these, who had read everything; there is always room for all
    mutable LastRun last_run_;
};

} // namespace buzon::state
