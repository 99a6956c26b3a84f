// worker/queue.h - jobs that wait for a worker. Those that may begin under the same conditions stand in one lane, in
// the order of their coming.
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

    // False: there is no room. A file system has half of it, so that one that hangs leaves room for the others.
    [[nodiscard]] bool add(const std::shared_ptr<Order>& order);
    // Before all others: it has had its turn already.
    void put_back(const std::shared_ptr<Order>& order);

    // The oldest of those whose lanes may begin; null: none.
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
    // Takes out what next() gave.
    void remove(const Order& order) noexcept;
    // All of them, without taking memory.
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
    std::uint64_t last_ = 0; // number given to an order
};

} // namespace detail
} // namespace buzon::worker
