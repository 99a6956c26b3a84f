#include "buzon/serve/transforms.h"

#include <sched.h>

#include <algorithm>
#include <stdexcept>

#include "buzon/login/users.h"

namespace buzon::serve {
namespace {

constexpr std::size_t max_parsed = 1024;
constexpr std::size_t kept_results = 64; // times transform-hold octets, for all sessions together

// The number of processors that we may use, which a container may have limited.
std::size_t processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

} // namespace

Transforms::Transforms(event::EventLoop& loop, filter::Hosts& hosts, const state::Settings& settings,
                       state::Metrics& metrics, const login::Users& users, state::EventBus& events)
    : settings_{settings}
    , metrics_{metrics}
    , hosts_{hosts}
    , processes_{loop, hosts, *this}
    , queue_{loop, queue_limits()}
    , complaints_{loop, events}
    , users_{users} {
    refresh();
}

void Transforms::on_process_started(const filter::FilterMember& program, bool again) {
    ++metrics_.filters_started;
    if (!again) return;
    ++metrics_.filters_restarted;
    ++metrics_.counts_of(program.name()).restarts;
}

void Transforms::on_process_line(const filter::FilterMember& program, std::string_view line) {
    complaints_.line(program.name(), 0, "", "-", line);
}

const filter::FilterSpec* Transforms::of(const std::string& user) const {
    const Transform* const mine = own(users_.account_of(user).user); // a folder uses that of its user
    const Transform& chosen = mine ? *mine : standard_;
    return chosen.on ? &chosen.spec : nullptr;
}

const Transform* Transforms::own(const std::string& user) const {
    if (const auto found = changed_.find(user); found != changed_.end()) return &found->second;
    if (const Transform* const found = of_users_file(user)) return found;
    const auto found = for_users_.find(user);
    return found == for_users_.end() ? nullptr : &found->second;
}

Transform& Transforms::make_own(const std::string& user) {
    const Transform* const known = own(user);
    return changed_.try_emplace(user, known ? *known : Transform{}).first->second;
}

// Parsed on demand: a file may have one SPEC for each of a hundred thousand users, mostly the same.
const Transform* Transforms::of_users_file(const std::string& user) const {
    const std::optional<auth::User> known = users_.base().find(user);
    if (!known || known->transform.empty()) return nullptr;
    if (const auto found = parsed_.find(known->transform); found != parsed_.end()) return &found->second;
    if (parsed_.size() >= max_parsed) parsed_.clear();
    filter::ParsedSpec parsed = filter::FilterSpec::parse(known->transform);
    // A file with an invalid one is never accepted (start_files.h).
    if (!parsed.ok()) throw std::logic_error{"a transformation that was not checked: " + parsed.problem};
    const bool on = !parsed.spec.empty();
    return &parsed_.try_emplace(std::string{known->transform}, Transform{std::move(parsed.spec), on}).first->second;
}

filter::Limits Transforms::limits() {
    filter::Limits limits;
    limits.without_progress = settings_.transform_timeout;
    limits.resources.cpu_seconds = static_cast<std::uint64_t>(settings_.transform_cpu.count());
    limits.resources.address_space = settings_.transform_memory;
    limits.resources.file_size = settings_.transform_file_size;
    limits.resources.processes = settings_.transform_processes;
    limits.resources.open_files = settings_.transform_files;
    if (!jail_ || root_ != users_.root()) {
        root_ = users_.root();
        filter::Jail jail = without_root_;
        if (jail.kind != filter::JailKind::off) jail.hidden.push_back(root_);
        jail_ = std::make_shared<const filter::Jail>(std::move(jail));
    }
    limits.jail = jail_;
    limits.owner.maildir = root_;
    return limits;
}

void Transforms::refresh() {
    queue_.set_limits(queue_limits());
    processes_.set_limit(queue_limits().running);
    kept_.set_limit(kept_results * static_cast<std::size_t>(settings_.transform_hold));
}

filter::QueueLimits Transforms::queue_limits() const {
    filter::QueueLimits limits;
    // Twice the number of processors, because programs often wait for input or for a daemon.
    limits.running =
        settings_.max_transforms != 0 ? static_cast<std::size_t>(settings_.max_transforms) : 2 * processors();
    limits.waiting = static_cast<std::size_t>(settings_.transform_queue);
    limits.patience = settings_.transform_wait;
    return limits;
}

} // namespace buzon::serve
