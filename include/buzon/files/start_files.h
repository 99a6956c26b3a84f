// files/start_files.h - all disk I/O of a startup or reload. May block: for startup and for workers, never for the
// reactor.
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

// Reads and validates them, including their transformations. Throws StartError.
[[nodiscard]] auth::UserBase load(const jobs::People& people);

// Returns all errors in the file as lines of the form `server: FILE line N: WHAT`; if not usable, load() rejects the
// file. Throws StartError if the file cannot be read at all.
struct CheckedPeople {
    std::string lines;
    bool usable = true;
};
[[nodiscard]] CheckedPeople check(const jobs::People& people);

// Returns the mail root, validated: an absolute path to a directory that we may enter. Throws StartError.
[[nodiscard]] std::string checked_root(const std::string& path);

// Checks everything else that can be checked before binding. Throws StartError.
void check_options(const config::Options& options);

} // namespace buzon::files
