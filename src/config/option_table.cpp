#include "option_table.h"

#include <sysexits.h>

#include <array>

#include "buzon/auth/user_name.h"
#include "buzon/tls/order.h"

namespace buzon::config {
namespace {

std::uint16_t port_of(const std::string& what, std::string_view value) {
    const auto port = net::parse_port(value);
    if (!port) refuse(what, "a port is a whole number from 0 to 65535");
    return *port;
}

net::Ip ip_of(const std::string& what, std::string_view value) {
    const auto ip = net::Ip::parse(value);
    if (!ip) refuse(what, "not an IPv4 or IPv6 address");
    return *ip;
}

// Never shows the value of NAME:PASS, which is a secret.
auth::NamedSecret person_of(const std::string& what, std::string_view value) {
    auto person = auth::parse_name_and_password(value);
    if (!person) refuse(what, person.why());
    return std::move(person).value();
}

filter::FilterSpec spec_of(const std::string& what, std::string_view value) {
    filter::ParsedSpec parsed = filter::FilterSpec::parse(value);
    if (!parsed.ok()) refuse(what, parsed.problem);
    return std::move(parsed.spec);
}

// One program with its arguments.
filter::FilterSpec program_of(const std::string& what, std::string_view value) {
    if (!value.starts_with('/')) refuse(what, "must be an absolute path");
    filter::FilterSpec spec = spec_of(what, value);
    if (spec.members().size() > 1) refuse(what, "must be one program");
    return spec;
}

void set_checkpassword(Options& options, const std::string& what, std::string_view value) {
    constexpr std::string_view lives = "process:";
    const bool process = value.starts_with(lives);
    if (process) value.remove_prefix(lives.size());
    options.checkpassword = options.password_program = {};
    (process ? options.password_program : options.checkpassword) = program_of(what, value);
}

void add_mgmt_address(Options& options, const std::string& what, std::string_view value) {
    if (!value.starts_with("unix:")) {
        options.mgmt_addresses.push_back(ip_of(what, value));
        return;
    }
    const std::string_view path = value.substr(5);
    if (!net::to_socket_address(path)) refuse(what, "the path of a unix socket has 1 to 107 octets");
    options.mgmt_paths.emplace_back(path);
}

void set_transform_jail(Options& options, const std::string& what, std::string_view value) {
    using filter::JailKind;
    if (value == "default")
        options.transform_jail = JailKind::standard;
    else if (value == "strict")
        options.transform_jail = JailKind::strict;
    else if (value == "off")
        options.transform_jail = JailKind::off;
    else
        refuse(what, "must be default, strict or off");
}

void add_folder(std::vector<std::string>& folders, const std::string& what, std::string_view value) {
    if (!value.starts_with('/')) refuse(what, "must be an absolute path");
    folders.emplace_back(value);
}

void set_transform_for(Options& options, const std::string& what, std::string_view value) {
    // A name may contain '=', but never the '/' that begins a SPEC.
    const std::size_t equals = value.substr(0, value.find('/')).rfind('=');
    if (equals == 0 || equals == std::string_view::npos) refuse(what, "must be NAME=SPEC");
    options.transform_for[std::string{value.substr(0, equals)}] = spec_of(what, value.substr(equals + 1));
}

void add_verification(Options& options, const std::string& what, std::string_view value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos || colon + 1 == value.size()) refuse(what, "must be NAME:FILE");
    const std::string_view name = value.substr(0, colon);
    if (const std::string_view fault = auth::fault_of_user_name(name); !fault.empty()) refuse(what, std::string{fault});
    options.verify_uidls.push_back({std::string{name}, std::string{value.substr(colon + 1)}});
    if (options.task == Options::Task::serve) options.task = Options::Task::verify_uidls;
}

void no_value(Options&, const std::string&, std::string_view) {}

// In lower case, as openssl and sha256sum write it.
std::string hash_of(const std::string& what, std::string_view digits) {
    constexpr std::string_view hex = "0123456789abcdef";
    const bool length = digits.size() == 64 || digits.size() == 96 || digits.size() == 128;
    if (!length || digits.find_first_not_of(hex) != digits.npos)
        refuse(what, "must be a SHA-256, SHA-384 or SHA-512 hash: 64, 96 or 128 digits, 0-9 and a-f");
    std::string octets;
    for (; !digits.empty(); digits.remove_prefix(2))
        octets += static_cast<char>(hex.find(digits[0]) * 16 + hex.find(digits[1]));
    return octets;
}

constexpr std::array option_table{
    Option{"help", 'h', "", "print this help and exit",
           [](Options& o, const std::string&, std::string_view) { o.task = Options::Task::help; }, false},
    Option{"version", 'v', "", "print the version and exit",
           [](Options& o, const std::string&, std::string_view) {
               if (o.task != Options::Task::help) o.task = Options::Task::version;
           },
           false},
    Option{"ip", 'l', "ADDR", "POP3 listen address, IPv4 or IPv6; repeatable (every address)",
           [](Options& o, const std::string& w, std::string_view v) { o.addresses.push_back(ip_of(w, v)); }},
    Option{"port", 'p', "PORT", "POP3 port; 0: any free port (1110)",
           [](Options& o, const std::string& w, std::string_view v) { o.port = port_of(w, v); }},
    Option{"mgmt-ip", 'L', "ADDR", "management listen address, or unix:PATH; repeatable (127.0.0.1 and ::1)",
           add_mgmt_address},
    Option{"mgmt-port", 'P', "PORT", "management port; 0: any free port (1111)",
           [](Options& o, const std::string& w, std::string_view v) { o.mgmt_port = port_of(w, v); }},
    Option{"metrics", '\0', "ADDR:PORT", "serve GET /metrics at this address; repeatable (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               const auto endpoint = net::parse_endpoint(v);
               if (!endpoint) refuse(w, "must be ADDR:PORT, with an IPv6 address in brackets");
               o.metrics.push_back(*endpoint);
           }},
    Option{"path", 'd', "DIR", "mail root: a user's Maildir is DIR/USER (./maildir)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a directory");
               o.path = v;
           }},
    Option{"user", 'u', "NAME:PASS", "a user; repeatable",
           [](Options& o, const std::string& w, std::string_view v) { o.users.push_back(person_of(w, v)); }},
    Option{"users", '\0', "FILE", "passwd-file of users: name:{SCHEME}secret[:uid:gid:gecos:home:shell:extra]",
           [](Options& o, const std::string&, std::string_view v) { o.users_file = v; }},
    Option{"checkpassword", '\0', "PROGRAM [ARG...]",
           "ask this program about all other users (cr.yp.to/checkpwd), or process:PROGRAM to keep it running",
           set_checkpassword},
    Option{"token", '\0', "PROGRAM [ARG...]",
           "ask this long-running program about OAUTHBEARER and XOAUTH2 tokens (none)",
           [](Options& o, const std::string& w, std::string_view v) { o.token_program = program_of(w, v); }},
    Option{"admin", 'a', "NAME:PASS", "a management administrator; repeatable",
           [](Options& o, const std::string& w, std::string_view v) { o.admins.push_back(person_of(w, v)); }},
    Option{"admins", '\0', "FILE", "passwd-file of administrators",
           [](Options& o, const std::string&, std::string_view v) { o.admins_file = v; }},
    Option{"tls-certificate-hash", '\0', "HEX",
           "hash of the certificate of the TLS front end, for SCRAM-SHA-256-PLUS: SHA-256, -384 or -512 (none)",
           [](Options& o, const std::string& w, std::string_view v) { o.certificate_hash = hash_of(w, v); }},
    Option{"state", '\0', "DIR", "directory for the history of the metrics (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a directory");
               o.state_dir = v;
           }},
    Option{"log-socket", '\0', "PATH", "send the log to this syslog socket (RFC 5424) instead of stderr",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!net::to_socket_address(v)) refuse(w, "the path of a unix socket has 1 to 107 octets");
               o.log_socket = v;
           }},
    Option{"log-file", '\0', "PATH", "append the log to this file instead of stderr; SIGUSR1 opens it again",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a file");
               o.log_file = v;
           }},
    Option{"transform", 'T', "SPEC",
           "transformation: [process:]PATH, PATH:ARG or a quoted command line; repeat it for a chain",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!o.transform.append(spec_of(w, v))) refuse(w, "too many programs in one chain");
           }},
    Option{"transform-for", '\0', "NAME=SPEC", "transformation for one user; repeatable", set_transform_for},
    Option{"transform-user", '\0', "NAME", "system user that runs transformations (the server's own)",
           [](Options& o, const std::string&, std::string_view v) { o.transform_user = v; }},
    Option{"run-as", '\0', "NAME",
           "as root: serve as this user, and touch each maildrop as its owner (buzon, else nobody)",
           [](Options& o, const std::string&, std::string_view v) { o.run_as = v; }},
    Option{
        "transform-jail", '\0', "default|strict|off",
        "what transformations cannot reach: mail and the server's files; strict: nor network and other files (default)",
        set_transform_jail},
    Option{"transform-read", '\0', "DIR", "a directory that transformations in the strict jail may read; repeatable",
           [](Options& o, const std::string& w, std::string_view v) { add_folder(o.transform_read, w, v); }},
    Option{"transform-allow", '\0', "DIR", "TRAN takes only programs below this directory; repeatable (any)",
           [](Options& o, const std::string& w, std::string_view v) { add_folder(o.transform_allow, w, v); }},
    Option{"proxy-from", '\0', "CIDR", "trusted peers, which must send a PROXY header; repeatable (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               const auto cidr = net::Cidr::parse(v);
               if (!cidr) refuse(w, "must be a network such as 10.0.0.0/8 or ::1");
               o.proxy_from.push_back(*cidr);
           }},
    Option{"sandbox", '\0', "MODE", "confine our processes: auto (as far as the kernel can), require or off (auto)",
           [](Options& o, const std::string& w, std::string_view v) {
               const auto mode = sandbox::parse_mode(v);
               if (!mode) refuse(w, "must be auto, require or off");
               o.sandbox = *mode;
           }},
    Option{"tls-cert", '\0', "FILE",
           "certificate (PEM, with its chain): pop3s on --tls-port, and STLS on the POP3 port",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a file");
               o.tls.certificate = v;
           }},
    Option{"tls-key", '\0', "FILE", "its key (in the file of the certificate)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a file");
               o.tls.key = v;
           }},
    Option{"tls-port", '\0', "PORT", "port for POP3 over TLS; 0: any free port (995 for root, else 1995)",
           [](Options& o, const std::string& w, std::string_view v) { o.tls.port = port_of(w, v); }},
    Option{"tls-program", '\0', "PATH", "program that does TLS (/usr/bin/stunnel)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!v.starts_with('/')) refuse(w, "must be an absolute path");
               o.tls.program = v;
           }},
    Option{"tls-options", '\0', "NAME=VALUE", "an option of stunnel for its service; repeatable",
           [](Options& o, const std::string& w, std::string_view v) {
               if (const std::string fault = tls::fault_of_option(v); !fault.empty()) refuse(w, fault);
               o.tls.options.emplace_back(v);
           }},
    Option{"config", '\0', "FILE", "read \"long-option-name = value\" lines; the command line wins", no_value, false},
    Option{"check", '\0', "", "check all options and files, report errors, and exit",
           [](Options& o, const std::string&, std::string_view) {
               if (o.task == Options::Task::serve) o.task = Options::Task::check;
           },
           false},
    Option{"uidl-verify", '\0', "NAME:FILE", "compare NAME's UIDLs with a captured UIDL listing, and exit; repeatable",
           add_verification, false},
    Option{"default", '\0', "", "demo: user1:pass1 to user6:pass6 on a private copy of the sample mail, loopback only",
           [](Options& o, const std::string&, std::string_view) { o.demo = true; }},
};

} // namespace

std::span<const Option> all_options() noexcept {
    return option_table;
}

void refuse(const std::string& what, const std::string& why) {
    throw StartError(EX_USAGE, what, why);
}

} // namespace buzon::config
