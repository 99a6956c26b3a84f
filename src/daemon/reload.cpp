#include "buzon/daemon/reload.h"

#include "buzon/daemon/jobs.h"
#include "buzon/daemon/start_files.h"

namespace buzon::daemon {

void Reload::read_users() {
    if (reading_ != Reading::nothing) {
        again_ = true;
        return;
    }
    begin(Reading::users, people_job(users_of(now_)));
}

void Reload::read_all() {
    again_ = false;
    begin(Reading::config, config_job(now_));
}

void Reload::begin(Reading what, const worker::Job& job) {
    reading_ = what;
    if (what == Reading::users || what == Reading::config) stale_ = false;
    pending_ = disk_.submit(job, [this](worker::Answer answer) { answered(std::move(answer)); });
}

void Reload::answered(worker::Answer answer) {
    if (reading_ == Reading::root) return take_root(std::move(answer));
    const Answered said = read_answer(answer);
    if (said.why) return fail("a worker could not read the files: " + said.why.message());
    const Found found = read_found(said.rest);
    if (!found.right) return fail(std::string{found.text});
    if (reading_ == Reading::config) return take_config(found.text);
    take_people(std::move(answer.fd));
}

void Reload::take_config(std::string_view text) {
    const ConfigFound found = read_config_found(text);
    try {
        fresh_.options = read_again(now_, found.text);
    } catch (const StartError& wrong) { // not after a worker found it right; but it is no reason to end the server
        return fail(wrong.what());
    }
    // One that is in force already may be away for a while.
    if (found.root.empty() && fresh_.options.path != now_.path) return fail(found.root_problem);
    fresh_.root = found.root;
    begin(Reading::all_users, people_job(users_of(fresh_.options)));
}

void Reload::take_people(posix::UniqueFd memory) {
    auto block = auth::UserBlock::from_fd(std::move(memory));
    if (!block) return fail("unusable answer from a worker: " + block.error().message());
    auth::UserBase people{std::move(block).value()};
    if (reading_ == Reading::administrators)
        fresh_.administrators = std::move(people);
    else
        fresh_.users = std::move(people);
    if (reading_ == Reading::all_users) {
        return begin(Reading::administrators, people_job(administrators_of(fresh_.options)));
    }
    // Last, when everything else is right.
    if (reading_ == Reading::administrators && events_.wants_root(fresh_)) {
        return begin(Reading::root, root_job(mail::RootRequest::to_choose(fresh_.root)));
    }
    finish();
}

void Reload::take_root(worker::Answer answer) {
    RootAnswer said = read_root_answer(std::move(answer));
    if (!said.opened) return fail(said.trouble);
    fresh_.opened = std::move(said.opened).value();
    finish();
}

void Reload::finish() {
    const Reading what = std::exchange(reading_, Reading::nothing);
    FreshFiles fresh = std::exchange(fresh_, {});
    if (std::exchange(stale_, false)) return what == Reading::users ? read_users() : read_all();
    if (what == Reading::users)
        events_.users_read(std::move(fresh.users));
    else
        events_.files_read(std::move(fresh));
    if (std::exchange(again_, false)) read_users();
}

void Reload::fail(const std::string& why) {
    const Reading what = std::exchange(reading_, Reading::nothing);
    fresh_ = {};
    if (std::exchange(stale_, false)) return what == Reading::users ? read_users() : read_all();
    what == Reading::users ? events_.users_not_read(why) : events_.files_not_read(why);
    if (std::exchange(again_, false)) read_users();
}

} // namespace buzon::daemon
