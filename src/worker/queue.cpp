#include "queue.h"

#include <algorithm>

#include "process.h"

namespace buzon::worker::detail {

std::size_t Queue::size() const noexcept {
    std::size_t all = 0;
    for (const Lane& lane : lanes_) all += lane.orders.size();
    return all;
}

bool Queue::add(const std::shared_ptr<Order>& order) {
    if (!has_room_for(order->job)) {
        for (Lane& lane : lanes_) lane.orders.remove_if([](const auto& one) { return one->dropped; });
        forget_empty_lanes();
        if (!has_room_for(order->job)) return false;
    }
    Orders one{order};
    order->number = ++last_;
    Orders& lane = lane_of(order->job).orders;
    lane.splice(lane.end(), one);
    return true;
}

void Queue::put_back(const std::shared_ptr<Order>& order) {
    Orders one{order};
    Orders& lane = lane_of(order->job).orders;
    lane.splice(lane.begin(), one);
}

void Queue::remove(const Order& order) noexcept {
    for (Lane& lane : lanes_) {
        if (lane.orders.front().get() != &order) continue;
        lane.orders.pop_front();
        break;
    }
    forget_empty_lanes();
}

Queue::Orders Queue::take_all() noexcept {
    Orders all;
    for (Lane& lane : lanes_) all.splice(all.end(), lane.orders);
    lanes_.clear();
    return all;
}

std::uint64_t Queue::age(const Order& order) noexcept {
    return order.number;
}

Queue::Lane& Queue::lane_of(const Job& job) {
    const auto found = std::find_if(lanes_.begin(), lanes_.end(), [&](const Lane& lane) {
        return lane.where == job.where && lane.update == job.update;
    });
    return found != lanes_.end() ? *found : lanes_.emplace_back(Lane{job.where, job.update, {}});
}

bool Queue::has_room_for(const Job& job) const noexcept {
    std::size_t there = 0;
    for (const Lane& lane : lanes_)
        if (lane.where == job.where) there += lane.orders.size();
    return size() < max_ && (job.where == 0 || there < std::max<std::size_t>(max_ / 2, 1));
}

void Queue::drop_dropped_at_front() noexcept {
    for (Lane& lane : lanes_)
        while (!lane.orders.empty() && lane.orders.front()->dropped) lane.orders.pop_front();
    forget_empty_lanes();
}

void Queue::forget_empty_lanes() noexcept {
    std::erase_if(lanes_, [](const Lane& lane) { return lane.orders.empty(); });
}

} // namespace buzon::worker::detail
