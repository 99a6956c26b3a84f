#include "buzon/upkeep/trash_keeper.h"

#include <ctime>
#include <utility>
#include <vector>

#include "buzon/jobs/jobs.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto before_the_first_walk = 1s;
constexpr auto between_walks = 1h;
constexpr std::size_t maildrops_of_one_job = 64;

std::int64_t too_old(std::chrono::days grace) {
    return std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(grace).count();
}

} // namespace

std::int64_t TrashKeeper::keep_since() const {
    return settings_.undelete_grace.count() == 0 ? 0 : std::time(nullptr);
}

void TrashKeeper::deleted_in(const std::string& maildir) {
    if (settings_.undelete_grace.count() == 0) return;
    // Nobody waits for the answer. If a busy pool has not started it, the next one replaces it; the walk gets there
    // later.
    worker::Job job = jobs::order(jobs::Expire{{maildir}, too_old(settings_.undelete_grace)});
    job.place = maildir;
    expiring_ = disk_.submit(job, [](worker::Answer) {});
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
    std::vector<std::string> maildirs;
    while (maildirs.size() < maildrops_of_one_job && next_maildir_) {
        std::string maildir = next_maildir_();
        if (maildir.empty()) break;
        maildirs.push_back(std::move(maildir));
    }
    if (maildirs.empty() || grace_.count() == 0) {
        if (grace_.count() != 0) timer_.arm(loop_.timers(), loop_.now() + between_walks);
        return;
    }
    walking_ =
        disk_.submit(jobs::order(jobs::Expire{std::move(maildirs), too_old(grace_)}), [this](worker::Answer answer) {
            const auto said = jobs::read<jobs::Expire>(answer);
            if (said.why) {
                events_.log(state::Level::warning, std::chrono::system_clock::now(),
                            "expired deleted mail cannot be removed: " + said.why.message());
            }
            walking_ = {};
            walk_on();
        });
}

} // namespace buzon::upkeep
