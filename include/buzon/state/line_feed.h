// state/line_feed.h - the last lines of a stream, and listeners that may be too slow for it. Knows nothing of what
// the lines say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::state {

// A ring of lines. A listener holds a place in it instead of a queue of its own: one that does not read costs nothing,
// loses the lines that the ring has written over, and learns how many they were.
class LineFeed {
public:
    // Memory is bounded by capacity times the longest line; longer lines are cut.
    static constexpr std::size_t max_line = 4096;
    explicit LineFeed(std::size_t capacity);
    LineFeed(const LineFeed&) = delete;
    LineFeed& operator=(const LineFeed&) = delete;

    // Adds a line of a kind (below 32), without its line end. Wakes the listeners of that kind that had read
    // everything.
    void append(unsigned kind, std::string_view line);

    // The kinds that somebody listens to, as bits.
    [[nodiscard]] std::uint32_t wanted() const noexcept { return wanted_; }

    // Reads lines of some kinds, in order, beginning at a place in the past or now.
    class Reader {
    public:
        // Begins `back` lines before the newest one.
        Reader(const LineFeed& feed, std::uint32_t kinds, std::size_t back);

        // The next line, valid until the next append(); false when everything has been read. Check take_lost() after
        // it.
        [[nodiscard]] bool next(std::string_view& line);
        // Reads on only up to what is there now.
        void stop_here() noexcept { end_ = feed_->next_; }
        // How many lines were written over before they could be read, since the last call.
        [[nodiscard]] std::uint64_t take_lost() noexcept;

    private:
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
        // append() calls `wake` when a line comes after the reader had seen everything. It only notes that there is
        // work: it must neither read, publish, subscribe nor end a subscription.
        Subscription(LineFeed& feed, std::uint32_t kinds, std::size_t back, std::function<void()> wake);
        ~Subscription();
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

        [[nodiscard]] bool next(std::string_view& line);
        [[nodiscard]] std::uint64_t take_lost() noexcept { return reader_.take_lost(); }

    private:
        friend class LineFeed;
        LineFeed& feed_;
        std::uint32_t kinds_;
        Reader reader_;
        std::function<void()> wake_;
        bool asleep_ = false;
    };

private:
    struct Line {
        std::string text;
        unsigned kind = 0;
    };
    [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ - lines_.size(); }
    [[nodiscard]] const Line& line(std::uint64_t number) const noexcept { return lines_[number % capacity_]; }
    void subscribers_changed() noexcept;

    std::size_t capacity_;
    std::vector<Line> lines_;         // line n stands at n % capacity_
    std::uint64_t next_ = 0;          // number of the next line
    std::uint64_t appended_[32] = {}; // of each kind, ever
    std::uint64_t dropped_[32] = {};  // of these, no longer in the ring
    std::uint32_t wanted_ = 0;
    std::vector<Subscription*> subscribers_;
};

} // namespace buzon::state
