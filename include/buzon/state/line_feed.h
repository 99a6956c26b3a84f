// state/line_feed.h - keeps the last lines of a stream for listeners that may be too slow for it. Does not interpret
// the lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::state {

// A ring of lines. A listener has a position in it instead of a queue of its own. A listener that does not read costs
// nothing, loses the lines that are overwritten, and can ask how many they were.
class LineFeed {
public:
    // Memory is bounded by capacity times the maximum line length; longer lines are cut.
    static constexpr std::size_t max_line = 4096;
    explicit LineFeed(std::size_t capacity);
    LineFeed(const LineFeed&) = delete;
    LineFeed& operator=(const LineFeed&) = delete;

    // Adds a line of a kind (below 32), without its line end. Wakes the listeners for that kind that had read
    // everything.
    void append(unsigned kind, std::string_view line);

    // The kinds that have listeners, as bits.
    [[nodiscard]] std::uint32_t wanted() const noexcept { return wanted_; }

    // Reads lines of some kinds, in order, from a past or the current position.
    class Reader {
    public:
        // Begins `back` lines of these kinds before the end.
        Reader(const LineFeed& feed, std::uint32_t kinds, std::size_t back);

        // The next line, valid until the next append(); false if everything has been read. Then check
        // take_lost().
        [[nodiscard]] bool next(std::string_view& line);
        // Stop at the lines that exist now.
        void stop_here() noexcept { end_ = feed_->next_; }
        // The number of lines overwritten before they were read, since the last call.
        [[nodiscard]] std::uint64_t take_lost() noexcept;

    private:
        const LineFeed* feed_;
        std::uint32_t kinds_;
        std::uint64_t place_;  // number of the next line to check
        std::uint64_t passed_; // how many lines of our kinds have a smaller number
        std::uint64_t lost_ = 0;
        std::uint64_t end_ = UINT64_MAX;
    };

    // A reader that is woken. The feed must outlive it.
    class Subscription {
    public:
        // append() calls `wake` when it adds a line after the reader had read everything. `wake` must only take note:
        // it must not read, publish, subscribe or end a subscription.
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
    std::vector<Line> lines_;         // line n is at n % capacity_
    std::uint64_t next_ = 0;          // number of the next line
    std::uint64_t appended_[32] = {}; // per kind, in total
    std::uint64_t dropped_[32] = {};  // of these, no longer in the ring
    std::uint32_t wanted_ = 0;
    std::vector<Subscription*> subscribers_;
};

} // namespace buzon::state
