// workers/work.h - what a worker process does: carries out the jobs of jobs/jobs.h. May block.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "buzon/sandbox/enter.h"
#include "buzon/worker/serve.h"

namespace buzon::workers {

// Whose maildrops a worker serves (worker/pool.h): everybody's within its reach, those of its user, or a single one.
enum class Duty : std::uint8_t { everybody, shared, alone };

// What a worker for the operator's files is told when it is started. It must not come with a job: if the reactor has
// been taken over, it could name any file.
struct Desk {
    std::string config, users, log, state; // paths; empty: there is none
    std::string managers;                  // "local": some come by a unix socket
    int arguments = -1;                    // files/arguments.h
    int keeper = -1;                       // gets the users and rules (keeper/message.h)
    mode_t umask = 077;                    // the operator's, for the log file
};
// As words for its argv, after those of its plan.
[[nodiscard]] std::vector<std::string> to_words(const Desk& desk);

// What kind of worker a process is, from its argv; nothing if it is none.
struct Worker {
    sandbox::Plan plan;
    Duty duty = Duty::everybody;
    Desk desk{};
};
[[nodiscard]] std::optional<Worker> worker_of(std::span<const char* const> argv);

// Runs a worker, from its start by the keeper to its exit code. `confined` is called once it is confined: for a test of
// that (tests/probe).
[[nodiscard]] int worker_main(const Worker& worker, void (*confined)(const sandbox::Plan&) = nullptr);
// desk: null in tests and in workers not for the operator's files: then a job may name any file. may_refuse: the job
// may be for another worker.
[[nodiscard]] worker::Reply work(worker::Request request, Duty duty = Duty::everybody, const Desk* desk = nullptr,
                                 bool may_refuse = true);

} // namespace buzon::workers
