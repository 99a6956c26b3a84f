// worker/queue.h - jobs waiting for a worker. Jobs that may begin under the same conditions are in one lane, in order
// of arrival.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

namespace buzon::worker {

struct Job;

namespace detail {

struct Order;

class Queue {
public:
    using Orders = std::list<std::shared_ptr<Order>>;

    explicit Queue(std::size_t max) noexcept : max_{max} {}

    [[nodiscard]] bool empty() const noexcept { return lanes_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept;

    // False: the queue is full. Each file system may use half of it, so that a hanging one leaves room for the others.
    [[nodiscard]] bool add(const std::shared_ptr<Order>& order);
    // Puts it before all others, because it has had its turn already.
    void put_back(const std::shared_ptr<Order>& order);

    // The oldest order in the lanes that may begin; null if none.
    template <class May>
    [[nodiscard]] std::shared_ptr<Order> next(May may_begin) {
        drop_dropped_at_front();
        const Lane* oldest = nullptr;
        for (const Lane& lane : lanes_) {
            if (oldest && age(*oldest->orders.front()) < age(*lane.orders.front())) continue;
            if (may_begin(lane.where, lane.update)) oldest = &lane;
        }
        return oldest ? oldest->orders.front() : nullptr;
    }
    // Removes the order returned by next().
    void remove(const Order& order) noexcept;
    // Removes and returns all of them, without allocating memory.
    [[nodiscard]] Orders take_all() noexcept;

private:
    struct Lane {
        std::uint64_t where;
        bool update;
        Orders orders; // never empty between calls
    };

    [[nodiscard]] static std::uint64_t age(const Order& order) noexcept;
    [[nodiscard]] Lane& lane_of(const Job& job);
    [[nodiscard]] bool has_room_for(const Job& job) const noexcept;
    void drop_dropped_at_front() noexcept;
    void forget_empty_lanes() noexcept;

    std::size_t max_;
    std::vector<Lane> lanes_;
    std::uint64_t last_ = 0; // the last number assigned
};

} // namespace detail
} // namespace buzon::worker
