// files/tls_program.h - the child that becomes the TLS program, and whether it can: its certificate and key. Blocks.
#pragma once

#include <span>
#include <string>

#include "buzon/config/options.h"
#include "buzon/posix/ids.h"
#include "buzon/sandbox/enter.h"
#include "buzon/tls/order.h"

namespace buzon::files {

// A directory for the socket on which the program comes back, in $RUNTIME_DIRECTORY (of systemd) or in /tmp. Nobody
// else can enter it, or, where the program is another user, list it. The destructor removes it, unless that is left to
// the keeper of its socket (keeper/sockets.h).
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

// Main of a child whose argv[0] is tls::child_name; argv: behind that, the mode of its sandbox, and a uid and a gid, or
// nothing more. Its order is in memory behind keeper::rules_descriptor. Reads the way back from `socket`, and
// certificate and key from the disk; says "certificate HEX" there (tls::certificate_words), and "port N", where it
// listens on the loopback; becomes that user, and the program, whose log goes to the same socket. Returns an exit code
// if that fails.
[[nodiscard]] int become_tls_program(int socket, std::span<const char* const> argv);
[[nodiscard]] int become_tls_program(int socket, int listener, const tls::Order& order, const posix::Ids& who,
                                     sandbox::Mode mode);

// What the options ask of the program, and what the reactor has to know of it.
[[nodiscard]] tls::Order tls_order(const config::Options& options);
[[nodiscard]] tls::Use tls_use(const config::Options& options, const std::string& back);
// As whom it runs where we are root: buzon-tls, else stunnel4, else nobody. Unsaid: as this process does.
[[nodiscard]] posix::Ids tls_user();

// Runs the program until it has read its certificate. Throws StartError.
void check_tls(const config::Options& options);

} // namespace buzon::files
