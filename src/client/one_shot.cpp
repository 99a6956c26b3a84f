#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "commands.h"
#include "modes.h"

namespace buzon::client {
namespace {

// Ends a live command on Ctrl-C, SIGTERM, or when stdout is closed.
class LiveWatcher final : public Watcher {
public:
    explicit LiveWatcher(int output) : descriptors_{signals_.descriptor()} {
        // The writing end of a pipe is "ready" only when its reader is gone; a terminal would be ready at every key.
        struct stat about {};
        if (::fstat(output, &about) == 0 && S_ISFIFO(about.st_mode)) descriptors_.push_back(output);
    }

    [[nodiscard]] std::span<const int> descriptors() const override { return descriptors_; }

    bool wants_out(int descriptor) override { return descriptor != signals_.descriptor() || signals_.take() != 0; }

private:
    Signals signals_;
    std::vector<int> descriptors_;
};

Answer run_live(Conversation& server, const Invocation& invocation, Output& out) {
    LiveWatcher watcher{out.descriptor()};
    const Format format = invocation.format;
    Answer answer = follow(
        server, invocation.command, watcher,
        [&](const Reply& reply) { return out.put(show_live_start(format, reply)); },
        [&](std::string_view line) { return out.put(show_live_line(format, invocation.command, line)); });
    if (answer.kind == Answer::Kind::reply && answer.reply.ok) out.put(show_live_end(format));
    return answer;
}

} // namespace

int run_command(Conversation& server, const Invocation& invocation, Output& out) {
    const bool live = shape_of(invocation.command) == Shape::live;
    const Answer answer = live ? run_live(server, invocation, out) : ask(server, invocation.command);
    if (answer.kind == Answer::Kind::gone) return unavailable(invocation, answer.why);
    if (answer.kind == Answer::Kind::interrupted) return exit_ok;
    if (!live || !answer.reply.ok) put_reply(out, invocation.format, invocation.command, answer.reply);
    if (!has_verb(invocation.command, "QUIT")) server.leave();
    return answer.reply.ok ? exit_ok : exit_refused;
}

} // namespace buzon::client
