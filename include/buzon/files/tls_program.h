// files/tls_program.h - the child that becomes the TLS program, and a check of whether it can, with its certificate and
// key. Blocks.
#pragma once

#include <span>
#include <string>

#include "buzon/config/options.h"
#include "buzon/posix/ids.h"
#include "buzon/sandbox/enter.h"
#include "buzon/tls/order.h"

namespace buzon::files {

// A directory for the socket on which the program connects back to us, in $RUNTIME_DIRECTORY (of systemd) or in /tmp.
// Other users cannot enter it; if the program runs as another user, they can, but cannot list it. The destructor
// removes it, unless that is left to the keeper of its socket (keeper/sockets.h).
class PrivateDirectory {
public:
    PrivateDirectory(); // throws StartError
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;
    ~PrivateDirectory();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    void leave_to_keeper() noexcept { ours_ = false; }

private:
    std::string path_;
    bool ours_ = true;
};

// main() of a child whose argv[0] is tls::child_name. `argv` is the rest: the mode of its sandbox, then a uid and a
// gid, or nothing more. Its order is in the memory behind keeper::rules_descriptor. Reads the way back (tls::Way) from
// `socket`, and certificate and key from the disk. Then it writes "certificate HEX" to the socket
// (tls::certificate_words), and "port N", the loopback port on which it listens. Finally it becomes that user and then
// the program, whose log goes to the same socket. Returns an exit code if that fails.
[[nodiscard]] int become_tls_program(int socket, std::span<const char* const> argv);
[[nodiscard]] int become_tls_program(int socket, int listener, const tls::Order& order, const posix::Ids& who,
                                     sandbox::Mode mode);

// What the options ask of the program, and what the reactor has to know about it.
[[nodiscard]] tls::Order tls_order(const config::Options& options);
[[nodiscard]] tls::Use tls_use(const config::Options& options, const std::string& back);
// The user and group that it runs as if we are root: buzon-tls, else stunnel4, else nobody. Unsaid: those of this
// process.
[[nodiscard]] posix::Ids tls_user();

// Runs the program until it has read its certificate. Throws StartError.
void check_tls(const config::Options& options);

} // namespace buzon::files
