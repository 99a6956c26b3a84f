// support/pretended_workers.h - in-process fake workers that are prompt, late or dead, as a test asks.
#pragma once

#include <fcntl.h>

#include <deque>
#include <memory>
#include <thread>

#include "../../src/worker/process.h"
#include "buzon/workers/work.h"

namespace buzon::test {

class PretendedWorkers final : public worker::Pool {
public:
    explicit PretendedWorkers(event::EventLoop& loop) : Pool{loop, {}} {}

    bool late = false;                          // work() does not answer
    bool dead = false;                          // work() answers that the worker died
    std::function<void(worker::Answer&)> spoil; // applied to each answer; null: not
    std::size_t done = 0;

    worker::Pending submit(const worker::Job& job, OnAnswer on_answer) override {
        auto order = std::make_shared<worker::detail::Order>();
        order->job = job;
        order->on_answer = std::move(on_answer);
        orders_.push_back(order);
        return pending(order);
    }

    // Called between two turns of the loop: does the oldest job and answers it. False if there is none, or when late.
    bool work() {
        while (!orders_.empty() && orders_.front()->dropped) orders_.pop_front();
        if (late || orders_.empty()) return false;
        const auto order = std::move(orders_.front());
        orders_.pop_front();
        worker::Answer answer;
        if (!dead) {
            worker::Reply reply;
            // In a separate thread: a slow hash permanently lowers the priority of the thread that computes it.
            std::thread{[&] {
                posix::UniqueFd file{order->job.file ? ::fcntl(order->descriptor(), F_DUPFD_CLOEXEC, 0) : -1};
                reply = workers::work({order->job.kind, order->job.body, std::move(file)});
            }}.join();
            answer = {worker::Fate::answered, std::move(reply.body), std::move(reply.fd)};
        }
        ++done;
        if (spoil) spoil(answer);
        std::exchange(order->on_answer, nullptr)(std::move(answer));
        return true;
    }

    // Jobs whose answers are still wanted.
    [[nodiscard]] std::size_t waiting() const {
        return static_cast<std::size_t>(
            std::count_if(orders_.begin(), orders_.end(), [](const auto& order) { return !order->dropped; }));
    }

private:
    std::deque<std::shared_ptr<worker::detail::Order>> orders_;
};

} // namespace buzon::test
