#include "buzon/upkeep/trash_keeper.h"

#include <ctime>
#include <utility>

#include "buzon/jobs/jobs.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto before_the_first_walk = 1s;
constexpr auto between_walks = 1h;

std::int64_t too_old(std::chrono::days grace) {
    return std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(grace).count();
}

} // namespace

std::int64_t TrashKeeper::keep_since(bool always) const {
    return settings_.undelete_grace.count() == 0 && !always ? 0 : std::time(nullptr);
}

void TrashKeeper::deleted_in(const std::string& maildir, const posix::Ids& owner) {
    if (settings_.undelete_grace.count() == 0) return;
    // The answer does not matter. If a busy pool has not started the job, the next one replaces it; the walk will reach
    // this Maildir later.
    expiring_ = disk_.submit(jobs::order_for(owner, jobs::Expire{maildir, too_old(settings_.undelete_grace)}),
                             [](worker::Answer) {});
}

void TrashKeeper::settings_changed() {
    if (std::exchange(grace_, settings_.undelete_grace) == settings_.undelete_grace) return;
    timer_.disarm();
    if (grace_.count() == 0) return;
    from_the_beginning();
    timer_.arm(loop_.timers(), loop_.now() + before_the_first_walk);
}

void TrashKeeper::on_timer(event::Timer&) {
    if (walking_.waiting()) return;
    from_the_beginning();
    walk_on();
}

void TrashKeeper::from_the_beginning() {
    next_maildir_ = walk_();
}

void TrashKeeper::walk_on() {
    if (grace_.count() == 0) return;
    const auto [maildir, owner] = next_maildir_();
    if (maildir.empty()) return timer_.arm(loop_.timers(), loop_.now() + between_walks);
    // One at a time: each may need a worker of its own.
    const worker::Job job = jobs::order_for(owner, jobs::Expire{maildir, too_old(grace_)});
    walking_ = disk_.submit(job, [this](worker::Answer answer) {
        const auto said = jobs::read<jobs::Expire>(answer);
        if (said.why && said.why != std::errc::no_such_file_or_directory) {
            events_.log(state::Level::warning, std::chrono::system_clock::now(),
                        "cannot remove expired deleted mail: " + said.why.message());
        }
        walking_ = {};
        walk_on();
    });
}

} // namespace buzon::upkeep
