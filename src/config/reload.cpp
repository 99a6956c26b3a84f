#include "buzon/config/reload.h"

#include "buzon/config/people.h"
#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"
#include "buzon/jobs/opened_root.h"
#include "buzon/posix/bundle.h"

namespace buzon::config {

void Reload::read_users() {
    if (reading_ != Reading::nothing) {
        again_ = true;
        return;
    }
    begin(Reading::users, jobs::order(jobs::ReadPeople{false, now_.users_file, true}));
}

void Reload::read_all() {
    again_ = false;
    begin(Reading::config, jobs::order(jobs::ReadConfig{now_.path}));
}

void Reload::begin(Reading what, const worker::Job& job) {
    worker::Pool& who = what == Reading::root ? openers_ : files_;
    pending_ = who.submit(job, [this](worker::Answer answer) { answered(std::move(answer)); });
    reading_ = what; // only now: if memory runs out, nothing is being read
    if (what == Reading::users || what == Reading::config) stale_ = false;
}

void Reload::answered(worker::Answer answer) {
    const bool of_users = reading_ == Reading::users;
    event::guarded([&] { take(std::move(answer)); },
                   [&] {
                       if (pending_.waiting()) return;
                       if (reading_ == Reading::nothing) reading_ = of_users ? Reading::users : Reading::config;
                       fail("out of memory");
                   });
}

void Reload::take(worker::Answer answer) {
    switch (reading_) {
    case Reading::config: return take_config(answer);
    case Reading::root: return take_root(std::move(answer));
    default: return take_people(std::move(answer));
    }
}

void Reload::take_config(const worker::Answer& answer) {
    const auto said = jobs::read<jobs::ReadConfig>(answer);
    const jobs::ReadConfig::Answer& found = said.answer;
    if (said.why) return not_read(said.why);
    if (!found.problem.empty()) return fail(found.problem);
    try {
        fresh_.options = read_again(now_, found.text);
    } catch (const StartError& wrong) { // unlikely after a worker accepted it, but no reason to end the server
        return fail(wrong.what());
    }
    fresh_.root = found.root;
    begin(Reading::all_users, jobs::order(jobs::ReadPeople{false, fresh_.options.users_file}));
}

void Reload::take_people(worker::Answer answer) {
    const auto said = jobs::read<jobs::ReadPeople>(answer);
    if (said.why) return not_read(said.why);
    if (!said.answer.settled) return put_off();
    if (!said.answer.problem.empty()) return fail(said.answer.problem);
    auto both = posix::unbundle(answer.fd.get());
    if (!both || both.value().size() != 2) return fail("unusable answer from a worker");
    auto block = auth::UserBlock::from_fd(std::move(both.value()[0]));
    if (!block) return fail("unusable answer from a worker: " + block.error().message());
    auth::UserBase people{std::move(block).value(),
                          std::make_shared<const posix::UniqueFd>(std::move(both.value()[1]))};
    if (reading_ == Reading::administrators)
        fresh_.administrators = std::move(people);
    else
        fresh_.users = std::move(people);
    if (reading_ == Reading::all_users) {
        return begin(Reading::administrators, jobs::order(jobs::ReadPeople{true, fresh_.options.admins_file}));
    }
    // Last, when everything else is valid.
    if (reading_ == Reading::administrators && events_.wants_root(fresh_)) {
        return begin(Reading::root, jobs::order(jobs::OpenRoot{message::RootRequest::to_choose(fresh_.root)}));
    }
    finish();
}

void Reload::take_root(worker::Answer answer) {
    jobs::RootAnswer said = jobs::read_opened_root(std::move(answer), fresh_.root);
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

void Reload::put_off() {
    reading_ = Reading::nothing;
    stale_ = again_ = false;
    events_.users_not_settled();
}

void Reload::not_read(std::error_code why) {
    fail("a worker could not read the files: " + why.message());
}

void Reload::fail(const std::string& why) {
    const Reading what = std::exchange(reading_, Reading::nothing);
    fresh_ = {};
    if (std::exchange(stale_, false)) return what == Reading::users ? read_users() : read_all();
    what == Reading::users ? events_.users_not_read(why) : events_.files_not_read(why);
    if (std::exchange(again_, false)) read_users();
}

std::vector<std::string_view> changes_for_a_restart(const Options& now, const Options& fresh) {
    std::vector<std::string_view> options;
    const auto note = [&](bool changed, std::string_view option) {
        if (changed) options.push_back(option);
    };
    note(fresh.port != now.port, "port");
    note(fresh.addresses != now.addresses, "ip");
    note(fresh.mgmt_port != now.mgmt_port, "mgmt-port");
    note(fresh.mgmt_addresses != now.mgmt_addresses || fresh.mgmt_paths != now.mgmt_paths, "mgmt-ip");
    note(fresh.metrics != now.metrics, "metrics");
    note(fresh.state_dir != now.state_dir, "state");
    note(fresh.log_socket != now.log_socket, "log-socket");
    note(fresh.log_file != now.log_file, "log-file");
    note(fresh.tls.port != now.tls.port, "tls-port");
    note(fresh.tls.certificate.empty() != now.tls.certificate.empty(), "tls-cert");
    note(fresh.transform_user != now.transform_user, "transform-user");
    note(fresh.run_as != now.run_as, "run-as");
    note(fresh.sandbox != now.sandbox, "sandbox");
    return options;
}

} // namespace buzon::config
