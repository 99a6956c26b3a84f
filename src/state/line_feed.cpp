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

LineFeed::LineFeed(std::size_t kept, std::size_t owed)
    : kept_{std::max<std::size_t>(kept, 1)}
    , owed_{std::max(owed, kept_)}
    // A block that was left for the next one lacks less than a line; the oldest may be needed for one last line.
    , memory_{block_size, kept_ * longest_sent / (block_size - longest_sent) + 2 + (owed_ > kept_ ? owed_blocks : 0)} {}

void LineFeed::append(unsigned kind, std::string_view line) {
    line = line.substr(0, max_line);
    make_room();
    store(line, kind);
    ++appended_[kind & 31u];
    kinds_ |= bit(kind);
    if ((wanted_ & bit(kind)) == 0) return;
    std::erase_if(sleepers_, [this, kind](Subscription* sleeper) {
        if ((sleeper->kinds_ & bit(kind)) == 0) return false;
        sleeper->asleep_ = false;
        sleeper->reader_.place_ = next_ - 1; // there was nothing for it before
        sleeper->wake_();
        return true;
    });
}

// Before a line comes. Two go for it while there are more than must be: so what was kept for somebody who has turned
// out to be slow, or has gone, is forgotten by and by.
void LineFeed::make_room() {
    constexpr std::uint64_t between_looks = 64; // lines: a look goes over all listeners
    for (int i = 0; i < 2 && lines_.size() >= kept_; ++i) {
        if (lines_.size() < owed_ && kept_ < owed_) {
            if (oldest() >= first_owed_ && next_ % between_looks == 0) first_owed_ = first_owed();
            if (oldest() >= first_owed_) return;
        }
        forget_oldest();
    }
}

void LineFeed::forget_oldest() noexcept {
    ++dropped_[lines_.front().kind];
    lines_.pop_front();
}

std::uint64_t LineFeed::first_owed() const noexcept {
    std::uint64_t first = next_;
    for (const Subscription* const subscriber : subscribers_)
        if (!subscriber->asleep_ && !subscriber->slow_) first = std::min(first, subscriber->reader_.place_);
    return first;
}

void LineFeed::store(std::string_view line, unsigned kind) {
    const std::size_t size = line.size() + (line.starts_with('.') ? 1 : 0) + line_end.size();
    if (blocks_.empty() || block_size - blocks_.back().used < size) blocks_.push_back(next_block());
    Block& block = blocks_.back();
    lines_.push_back({static_cast<std::uint32_t>(block.used), static_cast<std::uint16_t>(size),
                      static_cast<std::uint8_t>(kind & 31u)});
    ++next_;
    char* end = block.memory.data + block.used;
    if (line.starts_with('.')) *end++ = '.';
    end = std::copy(line.begin(), line.end(), end);
    std::copy(line_end.begin(), line_end.end(), end);
    block.used += size;
    block.end = next_;
}

// What goes for it was forgotten with the lines in it.
LineFeed::Block LineFeed::next_block() {
    if (kept_ < owed_ && blocks_.size() >= owed_blocks)
        while (lines_.size() > kept_ && blocks_.front().end > oldest()) forget_oldest();
    Block block;
    while (!blocks_.empty() && blocks_.front().end <= oldest()) {
        Block& old = blocks_.front();
        if (block.memory.data != nullptr) memory_.give_back(block.memory);
        block.memory = old.memory;
        blocks_.pop_front();
    }
    if (block.memory.data == nullptr) block.memory = memory_.take();
    block.end = next_;
    return block;
}

LineFeed::Block& LineFeed::block_of(std::uint64_t line) noexcept {
    return *std::partition_point(blocks_.begin(), blocks_.end(),
                                 [line](const Block& block) { return block.end <= line; });
}

// So many octets of the block are in the file, and all others that there are: the next listener wants them.
bool LineFeed::in_file(Block& block, std::size_t octets) noexcept {
    if (block.copied < octets && !block.never_copied) {
        if (block.copied == 0) block.never_copied = !memory_.renew(block.memory);
        if (!block.never_copied && memory_.copy(block.memory, block.copied, block.used)) block.copied = block.used;
    }
    return block.copied >= octets;
}

LineFeed::Reader::Reader(LineFeed& feed, std::uint32_t kinds, std::size_t back)
    : feed_{&feed}, kinds_{kinds}, place_{feed.next_}, passed_{sum_of(feed.appended_, kinds)} {
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
    Block& block = feed_->block_of(place_);
    const auto first = feed_->lines_.cbegin() + static_cast<std::ptrdiff_t>(place_ - feed_->oldest());
    const auto limit = first + static_cast<std::ptrdiff_t>(std::min(block.end, end_) - place_);
    const auto fits = [first, room](const Line& line) { return line.begin - first->begin + line.size <= room; };
    // Who wants lines of all kinds need not look at each.
    const bool all = (feed_->kinds_ & ~kinds_) == 0;
    const auto end =
        all ? std::partition_point(first + 1, limit, fits) : std::find_if_not(first + 1, limit, [&](const Line& line) {
            return (kinds_ & bit(line.kind)) != 0 && fits(line);
        });
    const std::size_t text_end = (end - 1)->begin + (end - 1)->size;
    run = {{block.memory.data + first->begin, text_end - first->begin},
           -1,
           block.memory.offset + first->begin,
           static_cast<std::uint64_t>(end - first)};
    place_ += run.lines;
    passed_ += run.lines;
    if (run.text.size() >= worth_a_page && feed_->in_file(block, text_end)) run.file = feed_->memory_.file();
    return true;
}

std::uint64_t LineFeed::Reader::take_lost() noexcept {
    return std::exchange(lost_, 0);
}

LineFeed::Subscription::Subscription(LineFeed& feed, std::uint32_t kinds, std::size_t back, std::function<void()> wake)
    : feed_{feed}, kinds_{kinds}, reader_{feed, kinds, back}, wake_{std::move(wake)} {
    feed_.subscribers_.push_back(this);
    feed_.sleepers_.reserve(feed_.subscribers_.size());
    feed_.first_owed_ = std::min(feed_.first_owed_, reader_.place_);
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
    if (asleep_)
        feed_.sleepers_.push_back(this);
    else
        std::erase(feed_.sleepers_, this);
}

void LineFeed::subscribers_changed() noexcept {
    wanted_ = 0;
    for (const Subscription* const subscriber : subscribers_) wanted_ |= subscriber->kinds_;
}

} // namespace buzon::state
