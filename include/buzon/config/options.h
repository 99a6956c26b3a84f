// config/options.h - parses the command line and the config file into one validated value. Binds and starts nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/net/address.h"
#include "buzon/state/settings.h"

namespace buzon::config {

// Why the server cannot start: prints "server: WHAT: WHY" to stderr and gives an exit code from sysexits.h.
class StartError : public std::runtime_error {
public:
    StartError(int code, const std::string& what, const std::string& why)
        : std::runtime_error{what + ": " + why}, code_{code} {}
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

// The exit code for a system error: 66 if something is missing or of the wrong kind, 77 if permission is denied, 75 if
// it may work later, 71 otherwise.
[[nodiscard]] int exit_code_for(std::error_code why) noexcept;

struct Options {
    enum class Task : std::uint8_t { serve, help, version, check, verify_uidls };
    Task task = Task::serve;

    std::vector<net::Ip> addresses; // none: every address
    std::uint16_t port = 1110;
    std::vector<net::Ip> mgmt_addresses; // none, and no path: loopback
    std::vector<std::string> mgmt_paths; // unix:PATH
    std::uint16_t mgmt_port = 1111;
    std::vector<net::Endpoint> metrics;

    std::string path = "./maildir";
    std::vector<auth::NamedSecret> users;
    std::string users_file;
    std::string checkpassword; // absolute path, or empty
    std::vector<auth::NamedSecret> admins;
    std::string admins_file;
    std::string state_dir;  // empty: nothing but mail is kept
    std::string log_socket; // empty: the log goes to stderr
    std::string config_file;
    bool demo = false; // --default

    filter::FilterSpec transform;
    std::map<std::string, filter::FilterSpec> transform_for;
    std::string transform_user;
    std::vector<net::Cidr> proxy_from;
    struct Verification {
        std::string user;
        std::string file; // a UIDL listing from another server
    };
    std::vector<Verification> verify_uidls;
    state::Settings settings;
    std::vector<std::string> arguments;                 // the original arguments, parsed again at SIGHUP
    std::set<std::string, std::less<>> on_command_line; // options given there; config files do not override them
};

// Parses the text of a config file. Throws StartError.
using ReadConfig = std::function<std::string(const std::string& path)>;
// arguments: without the program name. Throws StartError.
[[nodiscard]] Options parse_options(std::span<const std::string_view> arguments, const ReadConfig& read);

[[nodiscard]] std::string help_text();

} // namespace buzon::config
