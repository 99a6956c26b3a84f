#include "buzon/upkeep/trash_keeper.h"

#include <cerrno>
#include <ctime>
#include <utility>

#include "buzon/jobs/jobs.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto before_the_first_walk = 1s;
constexpr auto between_walks = 1h;
constexpr auto after_a_failure = 1min;

std::int64_t too_old(std::chrono::days grace) {
    return std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(grace).count();
}

// Otherwise the pool would fail with the next Maildir just as quickly, and so on. But a worker that could not be
// started for this Maildir (no home, a link that is refused) says nothing about the next one.
bool may_go_on(const worker::Answer& answer) noexcept {
    if (answer.fate == worker::Fate::answered) return true;
    const int why = answer.why.value();
    return answer.fate == worker::Fate::crashed && why != 0 && why != EAGAIN && why != ENOMEM && why != EMFILE &&
           why != ENFILE;
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
    if (grace_ == settings_.undelete_grace) return;
    if (settings_.undelete_grace.count() == 0)
        timer_.disarm();
    else
        timer_.arm(loop_.timers(), loop_.now() + before_the_first_walk);
    grace_ = settings_.undelete_grace;
    next_maildir_ = nullptr;
}

void TrashKeeper::walk_on() {
    if (grace_.count() == 0) return;
    // First: whatever fails below, the walk continues.
    timer_.arm(loop_.timers(), loop_.now() + after_a_failure);
    if (walking_.waiting()) return;
    if (!next_maildir_) next_maildir_ = walk_();
    const auto next = next_maildir_();
    const std::string& maildir = next.first;
    if (maildir.empty()) {
        next_maildir_ = nullptr;
        return timer_.arm(loop_.timers(), loop_.now() + between_walks);
    }
    // One at a time: each may need a worker of its own.
    const worker::Job job = jobs::order_for(next.second, jobs::Expire{maildir, too_old(grace_)});
    walking_ = disk_.submit(job, [this, maildir](worker::Answer answer) {
        walking_ = {};
        expired(maildir, answer);
    });
}

void TrashKeeper::expired(const std::string& maildir, const worker::Answer& answer) {
    const bool done = may_go_on(answer);
    if (!done && grace_.count() != 0) timer_.arm(loop_.timers(), loop_.now() + after_a_failure);
    const auto said = jobs::read<jobs::Expire>(answer);
    if (said.why && said.why != std::errc::no_such_file_or_directory) {
        events_.log(state::Level::warning, std::chrono::system_clock::now(),
                    "cannot remove expired deleted mail in " + maildir + ": " + said.why.message());
    }
    if (done) walk_on();
}

} // namespace buzon::upkeep
