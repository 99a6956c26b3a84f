#include "buzon/filter/processes.h"

#include <algorithm>
#include <utility>

#include "process.h"

namespace buzon::filter {
namespace {

constexpr std::size_t max_troubles = 1024;

std::string name_of(const ProcessKey& key) {
    return std::to_string(key.mail_owner.uid) + ' ' + key.maildrop + ' ' + key.member.written;
}

} // namespace

Processes::Processes(event::EventLoop& loop, Hosts& hosts, Events& events)
    : loop_{loop}, hosts_{hosts}, events_{events} {}

Processes::~Processes() = default;

Processes::Taken Processes::take(const ProcessKey& key, const Limits& limits) {
    if (Process* const process = find(key, &Process::idle)) return {process};
    // Otherwise, clients that leave while their program starts would leave more and more processes behind.
    if (Process* const process = find(key, &Process::unclaimed)) return {process};
    const auto trouble = troubles_.find(name_of(key));
    const bool again = trouble != troubles_.end();
    if (again && trouble->second.not_before > loop_.now()) return {nullptr, {}, trouble->second.not_before};
    make_room();
    auto process = std::make_unique<Process>(loop_, *this, key, limits);
    if (Outcome outcome = process->start(hosts_); !outcome.ok()) {
        if (outcome.cause != Cause::no_descriptor) failed(key);
        return {nullptr, std::move(outcome)};
    }
    processes_.push_back(std::move(process));
    events_.on_process_started(key.member, again);
    return {processes_.back().get()};
}

// A process for the next message: the one that was used last.
Process* Processes::find(const ProcessKey& key, bool (Process::*fits)() const noexcept) {
    for (auto place = processes_.rbegin(); place != processes_.rend(); ++place) {
        Process& process = **place;
        if (!(process.*fits)() || !(process.key() == key)) continue;
        if (process.outdated()) {
            process.retire();
            continue;
        }
        processes_.splice(processes_.end(), processes_, std::prev(place.base()));
        return &process;
    }
    return nullptr;
}

// Messages take turns, and at most as many have a turn as processes may run. So one process is idle, or works for a
// message that has been given up.
void Processes::make_room() {
    const auto running = static_cast<std::size_t>(
        std::count_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->counts(); }));
    if (running < limit_) return;
    const auto idle = std::find_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->idle(); });
    if (idle != processes_.end()) return (*idle)->retire();
    const auto unwanted =
        std::find_if(processes_.begin(), processes_.end(), [](const auto& one) { return one->unwanted(); });
    if (unwanted != processes_.end()) (*unwanted)->end();
}

void Processes::failed(const ProcessKey& key) {
    if (troubles_.size() >= max_troubles) troubles_.clear();
    Trouble& trouble = troubles_[name_of(key)];
    // After the first failure, it is restarted at once.
    if (trouble.failures++ == 0) return;
    const auto doublings = std::min(trouble.failures - 2, 20U);
    trouble.not_before = loop_.now() + std::min(first_pause * (1 << doublings), longest_pause);
}

void Processes::did_well(const ProcessKey& key) {
    if (!troubles_.empty()) troubles_.erase(name_of(key));
}

void Processes::became_idle() {
    if (!timer_.armed()) timer_.arm(loop_.timers(), loop_.now() + idle_limit);
}

void Processes::on_timer(event::Timer&) {
    std::optional<event::Instant> next;
    for (const auto& process : processes_) {
        if (!process->idle()) continue;
        if (process->idle_since() + idle_limit <= loop_.now())
            process->retire();
        else if (!next || process->idle_since() < *next)
            next = process->idle_since();
    }
    if (next) timer_.arm(loop_.timers(), *next + idle_limit);
}

void Processes::run() {
    processes_.remove_if([](const auto& process) { return process->gone(); });
}

void Processes::retire_all() {
    for (const auto& process : processes_) process->retire();
}

Processes::Statistics Processes::statistics() const noexcept {
    Statistics statistics;
    for (const auto& process : processes_) {
        if (!process->counts()) continue;
        ++(process->idle() ? statistics.idle : statistics.busy);
    }
    return statistics;
}

} // namespace buzon::filter
