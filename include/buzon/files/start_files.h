// files/start_files.h - all disk I/O of a startup or reload. May block: for startup and for workers, never for the
// reactor.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/config/people.h"
#include "buzon/filter/inspector.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::files {

// The user of --transform-user. Throws StartError.
[[nodiscard]] filter::RunAs programs_user(const std::string& name);
// The user and group that a server started by root goes on as: --run-as, else buzon if there is such a user, else
// nobody. Unsaid if it was not started by root. Throws StartError.
[[nodiscard]] posix::Ids run_as(const config::Options& options);

// Reads and validates these people, including their transformations. Throws StartError.
[[nodiscard]] auth::LoadedUsers load(const jobs::People& people);

// Runs check_options() and load() in a child process, so that no secret of a file or of the command line is ever in the
// memory of this one. `arguments`: files/arguments.h; -1: the options have the secrets. Throws StartError.
struct StartPeople {
    auth::UserBase users;
    auth::UserBase administrators;
};
[[nodiscard]] StartPeople load_apart(const config::Options& options, int arguments = -1);

// Returns all errors in the file as lines of the form `server: FILE line N: WHAT`; if not usable, load() rejects the
// file. Throws StartError if the file cannot be read at all.
struct CheckedPeople {
    std::string lines;
    bool usable = true;
};
[[nodiscard]] CheckedPeople check(const jobs::People& people);

// Returns the mail root, validated: an absolute path to a directory that we may enter. Throws StartError.
[[nodiscard]] std::string checked_root(const std::string& path);

// Opens the file of --log-file for appending. Throws StartError.
[[nodiscard]] posix::UniqueFd open_log(const std::string& path);
// The same; instead of throwing it sets `problem`.
[[nodiscard]] posix::UniqueFd reopen_log(const std::string& path, std::string& problem);

// Checks everything else that can be checked before binding. Throws StartError, unless there are `faults` to note
// errors in.
void check_options(const config::Options& options, config::Faults* faults = nullptr);

} // namespace buzon::files
