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
    for (Subscription* const subscriber : subscribers_)
        if (subscriber->asleep_ && (subscriber->kinds_ & bit(kind)) != 0) {
            subscriber->asleep_ = false;
            subscriber->wake_();
        }
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
    const Line* found = &feed_->line(place_);
    const char* const begin = found->at;
    const std::uint64_t offset = found->offset;
    const char* end = begin;
    do {
        end = found->at + found->size;
        ++passed_;
        ++place_;
        if (!find()) break;
        found = &feed_->line(place_);
    } while (found->at == end && static_cast<std::size_t>(end - begin) + found->size <= room);
    run = {{begin, static_cast<std::size_t>(end - begin)}, feed_->memory_.file(), offset};
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
    feed_.subscribers_changed();
}

LineFeed::Subscription::~Subscription() {
    std::erase(feed_.subscribers_, this);
    feed_.subscribers_changed();
}

bool LineFeed::Subscription::next(std::string_view& line) {
    const bool found = reader_.next(line);
    asleep_ = !found;
    return found;
}

bool LineFeed::Subscription::next_run(Run& run, std::size_t room) {
    const bool found = reader_.next_run(run, room);
    asleep_ = !found;
    return found;
}

void LineFeed::subscribers_changed() noexcept {
    wanted_ = 0;
    for (const Subscription* const subscriber : subscribers_)
        wanted_ |= subscriber->kinds_;
}

} // namespace buzon::state
