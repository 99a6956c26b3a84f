// daemon/start_files.h - everything that a start and a reload take from the disk. It may wait: for the start of the
// program and for workers, never for the reactor.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/daemon/options.h"
#include "buzon/filter/spawn.h"
#include "buzon/jobs/jobs.h"

namespace buzon::daemon {

using jobs::People;
[[nodiscard]] People users_of(const Options& options);
[[nodiscard]] People administrators_of(const Options& options);

// The user of --transform-user. Throws StartError.
[[nodiscard]] filter::RunAs programs_user(const std::string& name);

// Reads and checks them, their transformations too. Throws StartError.
[[nodiscard]] auth::UserBase load(const People& people);

// Whom of them a broken secret keeps out: the first few, a line each, and how many more there are.
[[nodiscard]] std::vector<std::string> warnings_of(const auth::UserBase& loaded, const std::string& file);

// Everything that is wrong with the file, as `server: FILE line N: WHAT` lines; not usable: load() refuses it. Throws
// StartError when it cannot be read at all.
struct CheckedPeople {
    std::string lines;
    bool usable = true;
};
[[nodiscard]] CheckedPeople check(const People& people);

// The mail root as it will be used, checked: absolute, a directory that we may enter. Throws StartError.
[[nodiscard]] std::string checked_root(const std::string& path);

// Everything else that can be wrong before anything is bound. Throws StartError.
void check_options(const Options& options);

// Options that were read before, as the command line and this text of the config file have them now. Reads nothing.
// Throws StartError.
[[nodiscard]] Options read_again(const Options& before, const std::string& config_text);

} // namespace buzon::daemon
