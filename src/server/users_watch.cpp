#include "users_watch.h"

#include "buzon/files/notices.h"
#include "buzon/jobs/jobs.h"

namespace buzon::server {

void UsersWatch::begin() {
    if (!options_.users_file.empty()) start(files::watch_for_changes(options_.users_file));
}

void UsersWatch::file_changed() {
    watch_.stop();
    looking_ = {};
    if (options_.users_file.empty()) return;
    looking_ = files_.submit(jobs::order(jobs::Watch{options_.users_file}), [this](worker::Answer answer) {
        const auto said = jobs::read<jobs::Watch>(answer);
        if (said.why) return start(said.why);
        start(config::FileWatch::Notices{said.answer.name, std::move(answer.fd)});
        changed_(); // the file may have changed between the reading and the watching
    });
}

void UsersWatch::start(posix::Result<config::FileWatch::Notices> notices) {
    const std::error_code why = notices ? watch_.start(std::move(notices).value()) : notices.error();
    if (why) logging_.warn(options_.users_file + " is reread only on SIGHUP: " + why.message());
}

} // namespace buzon::server
