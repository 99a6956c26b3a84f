// state/line_feed.cpp - the ring and its readers.
#include "buzon/state/line_feed.h"

#include <algorithm>
#include <utility>

namespace buzon::state {
namespace {

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

LineFeed::LineFeed(std::size_t capacity) : capacity_{std::max<std::size_t>(capacity, 1)} {}

void LineFeed::append(unsigned kind, std::string_view line) {
    line = line.substr(0, max_line);
    if (lines_.size() < capacity_) {
        lines_.push_back({std::string{line}, kind});
    } else {
        Line& slot = lines_[next_ % capacity_];
        slot.text.assign(line); // reuses its memory
        ++dropped_[std::exchange(slot.kind, kind) & 31u];
    }
    ++next_;
    ++appended_[kind & 31u];
    if ((wanted_ & bit(kind)) == 0) return;
    for (Subscription* const subscriber : subscribers_) {
        if (!subscriber->asleep_ || (subscriber->kinds_ & bit(kind)) == 0) continue;
        subscriber->asleep_ = false;
        subscriber->wake_();
    }
}

LineFeed::Reader::Reader(const LineFeed& feed, std::uint32_t kinds, std::size_t back)
    : feed_{&feed}, kinds_{kinds}, place_{feed.next_}, passed_{sum_of(feed.appended_, kinds)} {
    while (back > 0 && place_ > feed.oldest()) {
        --place_;
        if ((kinds & bit(feed.line(place_).kind)) == 0) continue;
        --passed_;
        --back;
    }
}

bool LineFeed::Reader::next(std::string_view& line) {
    if (place_ < feed_->oldest()) {
        place_ = feed_->oldest();
        const std::uint64_t gone = sum_of(feed_->dropped_, kinds_);
        lost_ += gone - std::exchange(passed_, gone);
    }
    while (place_ < std::min(feed_->next_, end_)) {
        const Line& found = feed_->line(place_++);
        if ((kinds_ & bit(found.kind)) == 0) continue;
        ++passed_;
        line = found.text;
        return true;
    }
    return false;
}

std::uint64_t LineFeed::Reader::take_lost() noexcept {
    return std::exchange(lost_, 0);
}

LineFeed::Subscription::Subscription(LineFeed& feed, std::uint32_t kinds, std::size_t back, std::function<void()> wake)
    : feed_{feed}, kinds_{kinds}, reader_{feed, kinds, back}, wake_{std::move(wake)} {
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

void LineFeed::subscribers_changed() noexcept {
    wanted_ = 0;
    for (const Subscription* const subscriber : subscribers_) wanted_ |= subscriber->kinds_;
}

} // namespace buzon::state
