// system/server.h - the real bin/server, started by a test on free loopback ports and observed from outside.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/clients.h"
#include "support/mail.h"
#include "support/process.h"
#include "support/temp_directory.h"

namespace buzon::test {

using Words = std::vector<std::string>;

// A running server with a mail root of its own. The destructor stops it with SIGTERM, and fails the test if the server
// does not exit with 0, or if its keeper had to replace a reactor that had crashed: a crash or a leak under a sanitizer
// is seen whatever a test looks at.
class Server {
public:
    struct Setup {
        Words arguments = {};
        Words before = {};        // a program that becomes the server, with its arguments
        std::string program = {}; // instead of the server
        std::map<std::string, std::string> environment = {};
        bool own_addresses = false; // the arguments say where to listen; else 127.0.0.1 for both services
        bool own_root = false;      // the arguments say -d (or --default); else a fresh root()
        bool own_mail = false;      // as root: the serving process also owns the mail root
    };

    // With this many users, user1:pass1, user2:pass2 ..., each with an empty Maildir, and these arguments.
    explicit Server(int users = 1, Words arguments = {});
    explicit Server(const Setup& setup);
    // With Setup::own_mail. A test must call give_mail() after it has delivered mail.
    [[nodiscard]] static Setup of_own_mail(int users, Words arguments = {});
    void give_mail() const;
    ~Server();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::uint16_t management_port() const noexcept { return management_port_; }
    [[nodiscard]] const std::string& ready_line() const noexcept { return ready_line_; }
    // The process that was started: signals go to it, and all others descend from it.
    [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }
    // The process that serves: the same one, or a child of it if it was started as root.
    [[nodiscard]] pid_t reactor() const;
    [[nodiscard]] Process& process() noexcept { return *process_; }
    [[nodiscard]] const TempDirectory& directory() const noexcept { return directory_; }
    [[nodiscard]] std::string root() const { return directory_ / "mail"; }
    [[nodiscard]] Maildir maildir(const std::string& user) const { return Maildir{root() + "/" + user}; }

    [[nodiscard]] Pop3Client client() const { return Pop3Client{"127.0.0.1", port_}; }
    // Logged in as "userN" with "passN".
    [[nodiscard]] Pop3Client session(int user = 1) const;
    [[nodiscard]] ManagementClient manager() const { return ManagementClient{"127.0.0.1", management_port_}; }

    // Everything written to stderr so far.
    [[nodiscard]] std::string log() const;
    // Whether the log contains this, now or soon: the server writes a line after the reply that it is about.
    [[nodiscard]] bool logs(const std::string& text) const;
    // Sends SIGTERM and returns the exit code.
    [[nodiscard]] ExitCode stop();
    // For a test that ends the server itself (or expects its death): the destructor then checks nothing.
    void expect_no_clean_end() noexcept { watched_ = false; }
    // The test makes the reactor crash.
    void expect_a_crash() noexcept { crashes_ = true; }

private:
    void start(const Setup& setup);

    TempDirectory directory_;
    std::unique_ptr<Process> process_;
    posix::UniqueFd out_;
    std::string ready_line_;
    std::uint16_t port_ = 0, management_port_ = 0;
    bool watched_ = true;
    bool crashes_ = false;
};

// Runs bin/server to its end, for errors at startup.
[[nodiscard]] Finished run_server(const Words& arguments);
// Runs bin/client, for what it prints.
[[nodiscard]] Finished run_client(const Words& arguments, const std::string& input = {},
                                  const std::map<std::string, std::string>& environment = {});

// Waits until a server started without a ready line accepts connections.
[[nodiscard]] bool comes_up(std::uint16_t port);

// Creates a folder in which root's server can create a Maildir as this uid.
[[nodiscard]] std::string home_of(const TempDirectory& directory, uid_t owner);

} // namespace buzon::test
