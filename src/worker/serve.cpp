#include "buzon/worker/serve.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>

#include "message.h"

namespace buzon::worker {

int serve(const std::function<Reply(Request)>& work) {
    // A server that is killed takes its workers with it: none of them goes on changing what the next server, which holds
    // the locks by then, has begun to show. (One that ended before this call shows as an end of the socket.)
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        detail::Message message;
        const posix::Transfer got = detail::receive_message(worker_socket, message);
        if (got.what == posix::Moved::end) return EXIT_SUCCESS;
        if (got.what != posix::Moved::some) return EXIT_FAILURE;
        const Reply reply = work(Request{message.kind, std::move(message.body), std::move(message.fd)});
        if (detail::send_message(worker_socket, 0, reply.body, reply.fd.get()).what != posix::Moved::some) {
            return EXIT_SUCCESS;   // nobody is there to hear it
        }
    }
}

} // namespace buzon::worker
