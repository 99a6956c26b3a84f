#include "buzon/worker/serve.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "message.h"

namespace buzon::worker {
namespace {

// The socket remembers which process made it.
bool is_child_of_peer(int socket) noexcept {
    ucred maker{};
    socklen_t size = sizeof maker;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &maker, &size) != 0 || maker.pid == ::getppid();
}

} // namespace

int serve(const std::function<Reply(Request)>& work) {
    // When the server is killed, its workers die, too. Otherwise they would go on changing maildrops that the next
    // server, which then holds the locks, is already showing. A server killed before this call may have left a job in
    // the socket.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!is_child_of_peer(worker_socket)) return EXIT_FAILURE;
    // A worker is idle most of the time. By default the allocator would take the first large block that is freed as a
    // reason to keep later ones, tens of MB of them.
    constexpr int large_block = 128 * 1024;
    ::mallopt(M_MMAP_THRESHOLD, large_block);
    // It keeps smaller blocks up to this limit; otherwise it would ask the kernel for the same pages at every job.
    constexpr int kept = 1024 * 1024;
    ::mallopt(M_TRIM_THRESHOLD, kept);
    for (;;) {
        detail::Message message;
        const posix::Transfer got = detail::receive_message(worker_socket, message);
        if (got.what == posix::Moved::end) return EXIT_SUCCESS;
        if (got.what != posix::Moved::some) return EXIT_FAILURE;
        const Reply reply = work(Request{message.kind, std::move(message.body), std::move(message.fd)});
        if (detail::send_message(worker_socket, 0, reply.body, reply.fd.get()).what != posix::Moved::some) {
            return EXIT_SUCCESS; // nobody is left to receive it
        }
    }
}

} // namespace buzon::worker
