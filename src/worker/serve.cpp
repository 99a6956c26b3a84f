#include "buzon/worker/serve.h"

#include <malloc.h>

#include <cstdlib>

#include "message.h"

namespace buzon::worker {
int serve(const std::function<Reply(Request)>& work) {
    // A worker is idle most of the time. By default, once the first large block has been freed, the allocator keeps
    // later ones, tens of MB of them.
    constexpr int large_block = 128 * 1024;
    ::mallopt(M_MMAP_THRESHOLD, large_block);
    // It keeps smaller blocks up to this limit; otherwise it would ask the kernel for the same pages for every job.
    constexpr int kept = 1024 * 1024;
    ::mallopt(M_TRIM_THRESHOLD, kept);
    for (;;) {
        detail::Message message;
        const posix::Transfer got = detail::receive_message(worker_socket, message);
        if (got.what == posix::Moved::end) return EXIT_SUCCESS;
        if (got.what != posix::Moved::some) return EXIT_FAILURE;
        const Reply reply = work(Request{message.kind, std::move(message.body), std::move(message.fd)});
        const std::uint8_t kind = reply.not_mine ? detail::not_mine : detail::answered;
        if (detail::send_message(worker_socket, kind, reply.body, reply.fd.get()).what != posix::Moved::some) {
            return EXIT_SUCCESS; // nobody is left to receive it
        }
    }
}

} // namespace buzon::worker
