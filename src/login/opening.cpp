#include "buzon/login/opening.h"

#include "buzon/event/memory.h"
#include "buzon/login/users.h"

namespace buzon::login {

// Every callback runs through this. If one runs out of memory, the opening still ends.
template <class Step>
void Opening::go_on(Step step) {
    event::guarded(step, [this] {
        if (then_) end(LoginRefused{});
    });
}

Opening::Opening(LoginNeeds& needs, std::uint64_t session, const std::string& user, bool folder, OnEnd then)
    : needs_{needs}
    , session_{session}
    , user_{user}
    , folder_{folder}
    , then_{std::move(then)}
    , lock_waiter_{[this] { go_on([&] { take_lock(); }); }}
    , waiter_{[this](SnapshotResult result) { go_on([&] { loaded(std::move(result)); }); }}
    , root_waiter_{[this](bool usable) {
        go_on([&] {
            if (usable) return take_lock();
            refuse(pop3::Refusal::maildrop_unavailable, state::Refused::maildrop, "the mail root is gone");
        });
    }} {}

void Opening::start() {
    take_lock();
}

bool Opening::has_moved() const {
    const message::MailRoot& now = needs_.root.root();
    return now.path != root_.path || now.mark != root_.mark;
}

void Opening::take_lock() {
    // What we heard about a lock in one root says nothing about the next root.
    if (!needs_.root.ready(root_waiter_)) return lock_waiter_.drop_outcome();
    if (has_moved()) {
        lock_waiter_.drop_outcome();
        root_ = needs_.root.root();
        maildir_ = needs_.users.maildir_of(user_);
        if (maildir_.empty())
            return refuse(pop3::Refusal::wrong, state::Refused::wrong_secret, "the user was removed during the login");
    }
    std::optional<Locks::Outcome> taken = needs_.locks.take(maildir_, needs_.settings.sessions, session_, lock_waiter_);
    if (!taken) return;
    if (const auto* why = std::get_if<std::error_code>(&*taken)) {
        if (RootKeeper::is_sign(*why) && !second_try_) return root_gone();
        return refuse(pop3::Refusal::maildrop_unavailable, state::Refused::maildrop,
                      "maildrop cannot be locked: " + why->message());
    }
    if (const auto* holder = std::get_if<local::LockHolder>(&*taken)) {
        return refuse(pop3::Refusal::in_use, state::Refused::in_use,
                      holder->here ? "maildrop locked by session " + std::to_string(holder->session)
                                   : "maildrop locked by another server");
    }
    lock_ = std::move(std::get<MaildropLock>(*taken));
    load();
}

void Opening::load() {
    const posix::Ids owner = needs_.users.owner_of(user_);
    if (auto snapshot = needs_.maildrops.open(maildir_, owner, needs_.users.control_of(user_), waiter_, folder_))
        loaded(std::move(snapshot));
}

// Looks for the root again, then tries this login once more.
void Opening::root_gone() {
    second_try_ = true;
    needs_.root.gone(root_.mark);
    try_again();
}

void Opening::try_again() {
    (void)lock_.release();
    waiter_.hear([this](SnapshotResult result) { go_on([&] { loaded(std::move(result)); }); });
    take_lock();
}

void Opening::loaded(SnapshotResult result) {
    for (const std::string& line : waiter_.findings().warnings)
        needs_.events.log(state::Level::warning, std::chrono::system_clock::now(), line, session_, user_);
    if (result) {
        const posix::Ids owner = needs_.users.owner_of(user_);
        return end(LoggedIn{message::Maildrop{std::move(result).value()}, maildir_, owner,
                            needs_.maildrops.is_local(maildir_), needs_.maildrops.may_touch(maildir_, owner),
                            std::move(lock_)});
    }
    if (has_moved()) return try_again(); // the workers can no longer reach the previous root
    const std::error_code why = result.error();
    if (why == message::root_has_gone() && !second_try_) return root_gone();
    // No worker can be started for a directory that does not exist.
    const bool no_worker = folder_ && why == std::errc::no_such_file_or_directory;
    if (no_worker || why == message::no_such_folder())
        return refuse(pop3::Refusal::wrong, state::Refused::wrong_secret, "no such folder");
    if (why == message::uidls_would_change()) return breaker_tripped(waiter_.findings().change);
    // Only an operator can fix these errors; others may soon go away by themselves.
    const bool lasting = why == std::errc::permission_denied || why == std::errc::not_a_directory ||
                         why == std::errc::read_only_file_system || why == std::errc::too_many_symbolic_link_levels ||
                         why == std::errc::operation_not_permitted;
    const std::string& trouble = waiter_.findings().trouble;
    refuse(lasting ? pop3::Refusal::maildrop_broken : pop3::Refusal::maildrop_unavailable, state::Refused::maildrop,
           trouble.empty() ? maildir_ + ": " + why.message() : trouble);
}

// Clients would download everything again, so an operator has to approve this.
void Opening::breaker_tripped(const message::UidlChange& change) {
    needs_.events.publish(state::EventType::uidl, std::chrono::system_clock::now(), session_, user_,
                          {{"action", "closed"},
                           {"changed", change.changed},
                           {"known", change.known},
                           {"uidl-breaker", needs_.settings.uidl_breaker},
                           {"maildir", maildir_}});
    refuse(pop3::Refusal::maildrop_unavailable, state::Refused::uidl_breaker,
           std::to_string(change.changed) + " of " + std::to_string(change.known) +
               " known messages would get a different UIDL; FREE accepts this");
}

void Opening::refuse(pop3::Refusal why, state::Refused reason, std::string cause) {
    end(LoginRefused{why, {}, std::move(cause), reason});
}

void Opening::end(LoginEnd what) {
    const OnEnd then = std::exchange(then_, nullptr);
    then(std::move(what));
}

} // namespace buzon::login
