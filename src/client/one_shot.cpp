#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "buzon/talk/commands.h"
#include "buzon/terminal/text.h"
#include "modes.h"
#include "new_password.h"

namespace buzon::client {
namespace {

// Ends a live command on Ctrl-C, SIGTERM, or when stdout is closed.
class LiveWatcher final : public Watcher {
public:
    explicit LiveWatcher(int output) : descriptors_{signals_.descriptor()} {
        // The writing end of a pipe is "ready" only when its reader is gone. A terminal would be ready at every key.
        struct stat about {};
        if (::fstat(output, &about) == 0 && S_ISFIFO(about.st_mode)) descriptors_.push_back(output);
    }

    [[nodiscard]] std::span<const int> descriptors() const override { return descriptors_; }

    bool wants_out(int descriptor) override { return descriptor != signals_.descriptor() || signals_.take() != 0; }

private:
    Signals signals_;
    std::vector<int> descriptors_;
};

Answer run_live(Conversation& server, const std::string& command, Format format, Output& out) {
    LiveWatcher watcher{out.descriptor()};
    Answer answer = follow(
        server, command, watcher, [&](const Reply& reply) { return out.put(show_live_start(format, reply)); },
        [&](std::string_view line) { return out.put(show_live_line(format, line)); });
    if (answer.kind == Answer::Kind::reply && answer.reply.ok) out.put(show_live_end(format));
    return answer;
}

// Tells the user how to get the missing rights.
void complain_of_rights(const Invocation& invocation, const Reply& reply) {
    if (!reply.text.starts_with("[AUTH]") || !invocation.admin.empty()) return;
    complain("an administrator is needed: --auth NAME; if none is configured, start the server with -a NAME:PASSWORD");
}

// Explains that the shell has replaced a bare * with file names.
void complain_of_star(std::string_view command) {
    const auto words = words_of(command);
    if (!has_verb(command, "METR") && !has_verb(command, "INFO")) return;
    if (words.size() > 1 && ::access(std::string{words.back()}.c_str(), F_OK) == 0)
        complain("a shell replaces * by the names of files; write ALL");
}

} // namespace

int run_command(Conversation& server, const Invocation& invocation, Output& out) {
    std::string command = invocation.command;
    if (has_verb(command, "USER") && manage::lacks_password(command)) { // everybody can see a password in argv
        const auto password = new_password();
        if (!password) return exit_usage;
        command += ' ' + *password;
    }
    const bool live = is_live(command);
    const Answer answer = live ? run_live(server, command, invocation.format, out) : ask(server, command);
    if (answer.kind == Answer::Kind::gone) return unavailable(invocation.target.address, answer.why);
    if (answer.kind == Answer::Kind::interrupted) return exit_ok;
    if (!live || !answer.reply.ok) put_reply(out, invocation.format, command, answer.reply);
    if (!answer.reply.ok && invocation.format == Format::person) {
        complain_of_rights(invocation, answer.reply);
        complain_of_star(command);
    }
    if (!has_verb(command, "QUIT")) server.leave();
    return answer.reply.ok ? exit_ok : exit_refused;
}

} // namespace buzon::client
