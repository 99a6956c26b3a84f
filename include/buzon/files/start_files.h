// files/start_files.h - everything that a start and a reload take from the disk. It may wait: for the start of the
// program and for workers, never for the reactor.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/config/people.h"
#include "buzon/filter/spawn.h"

namespace buzon::files {

// The user of --transform-user. Throws StartError.
[[nodiscard]] filter::RunAs programs_user(const std::string& name);

// Reads and checks them, their transformations too. Throws StartError.
[[nodiscard]] auth::UserBase load(const jobs::People& people);

// Everything that is wrong with the file, as `server: FILE line N: WHAT` lines; not usable: load() refuses it. Throws
// StartError when it cannot be read at all.
struct CheckedPeople {
    std::string lines;
    bool usable = true;
};
[[nodiscard]] CheckedPeople check(const jobs::People& people);

// The mail root as it will be used, checked: absolute, a directory that we may enter. Throws StartError.
[[nodiscard]] std::string checked_root(const std::string& path);

// Everything else that can be wrong before anything is bound. Throws StartError.
void check_options(const config::Options& options);

} // namespace buzon::files
