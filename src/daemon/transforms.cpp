#include "buzon/daemon/transforms.h"

#include <sched.h>

#include <algorithm>

namespace buzon::daemon {
namespace {

// The processors we may use, which a container may have narrowed.
std::size_t processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

} // namespace

Transforms::Transforms(event::EventLoop& loop, const state::Settings& settings, state::EventBus& events)
    : settings_{settings}, queue_{loop, queue_limits()}, complaints_{loop, events} {}

const filter::FilterSpec* Transforms::of(const std::string& user) const {
    const Transform* const mine = own(user);
    const Transform& chosen = mine ? *mine : standard_;
    return chosen.on ? &chosen.spec : nullptr;
}

const Transform* Transforms::own(const std::string& user) const {
    const auto found = own_.find(user);
    return found == own_.end() ? nullptr : &found->second;
}

filter::Limits Transforms::limits() const {
    filter::Limits limits;
    limits.without_progress = settings_.transform_timeout;
    limits.resources.cpu_seconds = static_cast<std::uint64_t>(settings_.transform_cpu.count());
    limits.resources.address_space = settings_.transform_memory;
    limits.resources.file_size = settings_.transform_file_size;
    limits.resources.processes = settings_.transform_processes;
    limits.resources.open_files = settings_.transform_files;
    limits.run_as = run_as_;
    return limits;
}

void Transforms::refresh() {
    queue_.set_limits(queue_limits());
}

filter::QueueLimits Transforms::queue_limits() const {
    filter::QueueLimits limits;
    // Twice the processors: a program often waits, for its input or for a daemon it asks.
    limits.running = settings_.max_transforms != 0 ? static_cast<std::size_t>(settings_.max_transforms) : 2 * processors();
    limits.waiting = static_cast<std::size_t>(settings_.transform_queue);
    limits.patience = settings_.transform_wait;
    return limits;
}

} // namespace buzon::daemon
