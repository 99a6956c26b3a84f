// worker/serve.h - the worker's side: take a job, do it, answer. This code blocks; it runs in a worker process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "buzon/posix/secret_text.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::worker {

// The socket's number in a worker process.
constexpr int worker_socket = 3;

struct Request {
    std::uint8_t kind = 0;
    posix::WipedString body;
    posix::UniqueFd fd;
};

struct Reply {
    std::string body;
    posix::UniqueFd fd;
    bool not_mine = false; // nothing has been done: the job is for another worker (worker/pool.h)
};

// Serves until the other side closes. Returns the process's exit code.
[[nodiscard]] int serve(const std::function<Reply(Request)>& work);

} // namespace buzon::worker
