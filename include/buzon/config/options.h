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
#include "buzon/filter/program.h"
#include "buzon/net/address.h"
#include "buzon/sandbox/enter.h"
#include "buzon/state/settings.h"

namespace buzon::config {

// Why the server cannot start: printed to stderr as "server: WHAT: WHY", with an exit code from sysexits.h.
class StartError : public std::runtime_error {
public:
    StartError(int code, const std::string& what, const std::string& why)
        : std::runtime_error{what + ": " + why}, code_{code} {}
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

// All faults, for --check, which reports more than the first one.
using Faults = std::vector<StartError>;
// Takes one step of the start. With `faults`, an error is noted there, and the next step can be taken.
template <class Step>
void attempt(Faults* faults, const Step& step) {
    if (!faults) return step();
    try {
        step();
    } catch (const StartError& fault) {
        faults->push_back(fault);
    }
}

// The exit code for a system error: 66 if something is missing or of the wrong kind, 77 if permission is denied, 75 if
// it may work later, 71 otherwise.
[[nodiscard]] int exit_code_for(std::error_code why) noexcept;

inline constexpr const char* default_tls_program = "/usr/bin/stunnel";

struct TlsOptions {
    std::string certificate; // empty: no TLS
    std::string key;         // empty: in the file of the certificate
    std::optional<std::uint16_t> port;
    std::string program = default_tls_program;
    std::vector<std::string> options; // of stunnel: "NAME = VALUE"
};

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
    // Programs that are asked about logins, each spec with at most one program: of --checkpassword, of --checkpassword
    // with process:, and of --token.
    filter::FilterSpec checkpassword, password_program, token_program;
    [[nodiscard]] bool asks_programs() const noexcept {
        return !checkpassword.empty() || !password_program.empty() || !token_program.empty();
    }
    std::vector<auth::NamedSecret> admins;
    std::string admins_file;
    std::string state_dir;        // empty: nothing but mail is kept
    std::string certificate_hash; // octets; empty: not known
    std::string log_socket;       // without it and log_file, the log goes to stderr
    std::string log_file;
    std::string config_file;
    bool demo = false; // --default
    sandbox::Mode sandbox = sandbox::Mode::automatic;
    TlsOptions tls;

    filter::FilterSpec transform;
    std::map<std::string, filter::FilterSpec> transform_for;
    std::string transform_user;
    std::string run_as; // a system user; empty: none
    filter::JailKind transform_jail = filter::JailKind::standard;
    std::vector<std::string> transform_read;  // folders that programs in the strict jail may read, too
    std::vector<std::string> transform_allow; // folders with the programs that managers may choose; empty: any program
    std::vector<net::Cidr> proxy_from;
    struct Verification {
        std::string user;
        std::string file; // a UIDL listing from another server
    };
    std::vector<Verification> verify_uidls;
    state::Settings settings;
    std::vector<std::string> arguments;                 // as they were parsed, for SIGHUP
    std::set<std::string, std::less<>> on_command_line; // options given there; config files do not override them
};

// Returns the text of a config file. Throws StartError.
using ReadConfig = std::function<std::string(const std::string& path)>;
// arguments: without the program name. Throws StartError, unless there are `faults` to note errors in.
[[nodiscard]] Options parse_options(std::span<const std::string_view> arguments, const ReadConfig& read,
                                    Faults* faults = nullptr);

// The secrets in the arguments of -u and -a. They refer to the same octets, so that they can be overwritten there.
[[nodiscard]] std::vector<std::string_view> secrets_in(std::span<const std::string_view> arguments);
// Overwrites the secrets in a config file's text with asterisks, so that it can still be parsed.
void hide_secrets(std::string& config_text) noexcept;

// The users of --default: user1:pass1 to user6:pass6.
[[nodiscard]] std::vector<auth::NamedSecret> demo_users();

[[nodiscard]] std::string help_text();

} // namespace buzon::config
