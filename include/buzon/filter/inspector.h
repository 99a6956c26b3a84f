// filter/inspector.h - are the programs of a SPEC there, and may the user that they will run as execute them? Runs none
// of them: what only execve(2) finds (a missing interpreter, another processor's binary) the first start of a program
// says.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "buzon/filter/filter_spec.h"
#include "buzon/filter/spawn.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

// Why a program cannot serve.
enum class Unfit {
    missing,        // no such file
    wrong_kind,     // a directory, a device …
    not_executable, // not by that user; or we cannot become that user
    unknown,        // the file system would not say
};

struct Objection {
    Unfit kind;
    std::string text; // "PATH: WHY", one line
};

// May wait for the disk: for the start of the server and for workers.
//
// For another user the looking is done by a child process that has become this user (what all directories, groups and
// access lists on the way come to, only the kernel knows). One child serves any number of questions.
class Inspector {
public:
    // null: as the server itself. Not needed afterwards.
    explicit Inspector(const RunAs* who);
    Inspector(const Inspector&) = delete;
    Inspector& operator=(const Inspector&) = delete;
    ~Inspector();

    // What is wrong with the first program that cannot be run. Of a SPEC without programs: only whether we can become
    // the user.
    [[nodiscard]] std::optional<Objection> check(const FilterSpec& spec);

private:
    void start(const RunAs& who);
    [[nodiscard]] std::optional<Objection> ask(const std::string& path);
    [[nodiscard]] std::optional<Objection> answer();

    posix::UniqueFd child_; // a socket to it; its end is the child's end
    pid_t pid_ = -1;
    std::string user_; // empty: the server's own
    std::optional<Objection> hopeless_;
};

} // namespace buzon::filter
