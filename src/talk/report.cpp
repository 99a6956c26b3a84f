#include "buzon/talk/report.h"

#include <unistd.h>

#include "buzon/posix/io.h"
#include "buzon/terminal/pager.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

// What to try next, if the system's reason suggests it.
std::string_view next_step(const Address& address, std::string_view why) {
    const auto says = [&](std::string_view words) { return why.find(words) != std::string_view::npos; };
    if (says("Connection refused") || says("No such file"))
        return address.unix_path.empty() ? "; is the server running, and is this its management port (-P)?"
                                         : "; is the server running, with --mgmt-ip unix:PATH?";
    if (says("Permission denied")) return "; the socket is for root and the server's user";
    if (says("not a management service")) return "; its management port is 1111 unless -P says otherwise";
    if (says("timed out") || says("no greeting")) return "; --timeout waits longer";
    return "";
}

} // namespace

void complain(std::string_view what) {
    // If writing to stderr fails, there is nowhere to report it.
    [[maybe_unused]] const std::error_code unseen =
        posix::write_all(STDERR_FILENO, "client: " + std::string{what} + '\n');
}

int unavailable(const Address& address, std::string_view why) {
    complain(address.text() + ": " + printable(why).append(next_step(address, why)));
    return exit_unavailable;
}

void put_reply(Output& out, Format format, std::string_view command, const Reply& reply) {
    const std::string text = show(format, command, reply, terminal_width(STDOUT_FILENO));
    if (format != Format::person) {
        out.put(text);
    } else if (reply.ok) {
        put_paged(out, text);
    } else {
        Output{STDERR_FILENO}.put(text);
    }
}

} // namespace buzon::client
