// filter/inspector.h - checks that the programs of a SPEC exist and that their user may execute them, without running
// them. What only execve(2) finds (a missing interpreter, a binary for another CPU) is reported at a program's first
// start.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "buzon/filter/filter_spec.h"
#include "buzon/filter/program.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

// Queries the user and group databases and may block: for startup only. ENOENT: no such user.
[[nodiscard]] posix::Result<RunAs> resolve_user(const std::string& name);

// Why a program cannot be used.
enum class Unfit {
    missing,        // no such file
    wrong_kind,     // a directory, a device …
    not_executable, // not by that user, or we cannot become that user
    unknown,        // the file system returned an error
};

struct Objection {
    Unfit kind;
    std::string text; // "PATH: WHY", one line
};

// Whether a file lies below one of these folders, once links are followed. May block on the disk.
[[nodiscard]] bool is_below(const std::string& path, const std::vector<std::string>& folders);

// Why managers may not set the SPEC: "PATH: ..." of its first program that is outside these folders once links are
// followed. Empty if they may; always empty if there are no folders. May block on the disk.
[[nodiscard]] std::string not_allowed(const FilterSpec& spec, const std::vector<std::string>& folders);

// May block on the disk: for startup and for workers.
//
// For another user, a child process becomes that user and checks (only the kernel knows the effect of all directories,
// groups and access lists on the path). One child answers any number of questions.
class Inspector {
public:
    // null: check as the server itself. Borrowed for the call only.
    explicit Inspector(const RunAs* who);
    Inspector(const Inspector&) = delete;
    Inspector& operator=(const Inspector&) = delete;
    ~Inspector();

    // What is wrong with the first program that cannot be run. For a SPEC without programs, only whether we can become
    // the user.
    [[nodiscard]] std::optional<Objection> check(const FilterSpec& spec);

private:
    void start(const RunAs& who);
    [[nodiscard]] std::optional<Objection> ask(const std::string& path);
    [[nodiscard]] std::optional<Objection> answer();

    posix::UniqueFd child_; // a socket to it; closing it ends the child
    pid_t pid_ = -1;
    std::string user_; // empty: the server's own
    std::optional<Objection> hopeless_;
};

} // namespace buzon::filter
