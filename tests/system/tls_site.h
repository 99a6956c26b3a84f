// system/tls_site.h - a server with TLS provided by the real stunnel, and Python programs that talk to it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "support/certificate.h"
#include "support/programs.h"
#include "system/manage_server.h"

namespace buzon::test {

// The server's TLS port, as INFO shows it.
[[nodiscard]] std::string tls_port(const Server& server);

// Users user1:pass1 ..., and a certificate in its directory.
struct TlsSite {
    TempDirectory directory;
    std::string certificate = directory / "cert.pem";
    std::unique_ptr<Server> server;

    explicit TlsSite(int users = 1, const Words& more = {});
    [[nodiscard]] std::string capabilities() const;
    [[nodiscard]] bool logs(const std::string& text) const;
    // The processes of the TLS program.
    [[nodiscard]] std::vector<pid_t> programs() const;
    // Runs a Python program that can use `connect(stls)`, which returns (file, socket) over TLS, and `plain()`.
    [[nodiscard]] Finished python(const std::string& program) const;
    void passes(const std::string& program) const;
};

} // namespace buzon::test
