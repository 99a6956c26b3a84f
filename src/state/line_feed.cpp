// state/line_feed.cpp - the ring, and places in it.
#include "buzon/state/line_feed.h"

#include <algorithm>
#include <utility>

namespace buzon::state {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t longest_sent = 1 + LineFeed::max_line + line_end.size();

constexpr std::uint32_t bit(unsigned kind) {
    return std::uint32_t{1} << (kind & 31u);
}

std::uint64_t sum_of(const std::uint64_t (&counts)[32], std::uint32_t kinds) {
    std::uint64_t sum = 0;
    for (unsigned kind = 0; kind < 32; ++kind)
        if ((kinds & bit(kind)) != 0) sum += counts[kind];
    return sum;
}

} // namespace

LineFeed::LineFeed(std::size_t capacity)
    : capacity_{std::max<std::size_t>(capacity, 1)}
    // A block that was left for the next one lacks less than a line; the oldest may be needed for one last line.
    , memory_{block_size, capacity_ * longest_sent / (block_size - longest_sent) + 2} {}

std::uint64_t LineFeed::oldest() const noexcept {
    return next_ - lines_.size();
}

void LineFeed::append(unsigned kind, std::string_view line) {
    line = line.substr(0, max_line);
    const std::size_t size = line.size() + (line.starts_with('.') ? 1 : 0) + line_end.size();
    const Line added{nullptr, 0, static_cast<std::uint32_t>(size), kind};
    if (lines_.size() < capacity_) {
        lines_.push_back(added);
    } else {
        ++dropped_[lines_[next_ % capacity_].kind & 31u];
        lines_[next_ % capacity_] = added;
    }
    ++next_;
    store(line, lines_[(next_ - 1) % capacity_]);
    ++appended_[kind & 31u];
    if ((wanted_ & bit(kind)) == 0) return;
    std::erase_if(sleepers_, [kind](Subscription* sleeper) {
        if ((sleeper->kinds_ & bit(kind)) == 0) return false;
        sleeper->asleep_ = false;
        sleeper->wake_();
        return true;
    });
}

// The line that next_ has just counted. What goes for it was forgotten with the lines in it.
void LineFeed::store(std::string_view line, Line& as) {
    if (blocks_.empty() || block_size - blocks_.back().used < as.size) {
        Block block;
        if (!blocks_.empty() && blocks_.front().end <= oldest()) {
            block.memory = blocks_.front().memory;
            memory_.renew(block.memory);
            blocks_.pop_front();
        } else {
            block.memory = memory_.take();
        }
        blocks_.push_back(block);
    }
    Block& block = blocks_.back();
    as.at = block.memory.data + block.used;
    as.offset = block.memory.offset + block.used;
    char* end = block.memory.data + block.used;
    if (line.starts_with('.')) *end++ = '.';
    end = std::copy(line.begin(), line.end(), end);
    std::copy(line_end.begin(), line_end.end(), end);
    block.used += as.size;
    block.end = next_;
}

LineFeed::Reader::Reader(const LineFeed& feed, std::uint32_t kinds, std::size_t back)
    : feed_{&feed}
    , kinds_{kinds}
    , place_{feed.next_}
    , passed_{sum_of(feed.appended_, kinds)} {
    while (back > 0 && place_ > feed.oldest()) {
        --place_;
        if ((kinds & bit(feed.line(place_).kind)) == 0) continue;
        --passed_;
        --back;
    }
}

bool LineFeed::Reader::find() {
    if (place_ < feed_->oldest()) {
        place_ = feed_->oldest();
        const std::uint64_t gone = sum_of(feed_->dropped_, kinds_);
        lost_ += gone - std::exchange(passed_, gone);
    }
    for (const std::uint64_t end = std::min(feed_->next_, end_); place_ < end; ++place_)
        if ((kinds_ & bit(feed_->line(place_).kind)) != 0) return true;
    return false;
}

bool LineFeed::Reader::next(std::string_view& line) {
    Run run;
    if (!next_run(run, 0)) return false;
    line = run.text;
    line.remove_suffix(line_end.size());
    if (line.starts_with('.')) line.remove_prefix(1);
    return true;
}

bool LineFeed::Reader::next_run(Run& run, std::size_t room) {
    if (!find()) return false;
    LastRun& last = feed_->last_run_;
    const bool everything = end_ == UINT64_MAX;
    if (everything && last.kinds == kinds_ && last.from == place_ && last.room == room && last.next == feed_->next_) {
        place_ = last.to;
        passed_ += last.lines;
        run = last.run;
        return true;
    }
    const std::uint64_t from = place_, passed = passed_;
    const Line* found = &feed_->line(place_);
    const char* const begin = found->at;
    const std::uint64_t offset = found->offset;
    std::size_t size = 0;
    std::uint64_t behind = place_;
    do {
        size += found->size;
        ++passed_;
        behind = ++place_;
        if (!find()) break;
        found = &feed_->line(place_);
    } while (found->at == begin + size && found->offset == offset + size && size + found->size <= room);
    place_ = behind;   // not behind lines of other kinds: what is given back is counted from here
    run = {{begin, size}, feed_->memory_.file(), offset};
    if (everything) last = {kinds_, room, from, place_, feed_->next_, passed_ - passed, run};
    return true;
}

std::uint64_t LineFeed::Reader::take_lost() noexcept {
    return std::exchange(lost_, 0);
}

LineFeed::Subscription::Subscription(LineFeed& feed, std::uint32_t kinds, std::size_t back, std::function<void()> wake)
    : feed_{feed}
    , kinds_{kinds}
    , reader_{feed, kinds, back}
    , wake_{std::move(wake)} {
    feed_.subscribers_.push_back(this);
    feed_.sleepers_.reserve(feed_.subscribers_.size());
    feed_.subscribers_changed();
}

LineFeed::Subscription::~Subscription() {
    std::erase(feed_.subscribers_, this);
    std::erase(feed_.sleepers_, this);
    feed_.subscribers_changed();
}

bool LineFeed::Subscription::next(std::string_view& line) {
    const bool something = reader_.next(line);
    found(something);
    return something;
}

bool LineFeed::Subscription::next_run(Run& run, std::size_t room) {
    const bool something = reader_.next_run(run, room);
    found(something);
    return something;
}

void LineFeed::Subscription::found(bool something) {
    if (asleep_ == !something) return;
    asleep_ = !something;
    if (asleep_) feed_.sleepers_.push_back(this);
    else std::erase(feed_.sleepers_, this);
}

void LineFeed::subscribers_changed() noexcept {
    wanted_ = 0;
    for (const Subscription* const subscriber : subscribers_)
        wanted_ |= subscriber->kinds_;
}

} // namespace buzon::state
