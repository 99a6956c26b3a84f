// keeper/message.h - the messages between the reactor and its keeper: records of fixed size on a SOCK_SEQPACKET socket,
// so that the keeper, which may be root, has nothing to parse.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "buzon/posix/ids.h"
#include "buzon/posix/io.h"

namespace buzon::keeper {

// What a child process is for. Its name in ps(1) and its rights follow from it.
enum class Role : std::uint32_t {
    mail,    // one owner's maildrops
    files,   // the operator's files: config, users, administrators, --state
    hash,    // crypt(3), PBKDF2
    locks,   // lock files where they may hang
    filters, // hosts the programs of one owner
    tls,     // becomes the program of --tls-program
    logins,  // hosts the program of --checkpassword (its words come by Instruct), with all rights of the keeper
};
constexpr std::size_t roles = 7;

enum class Kind : std::uint32_t {
    start = 1,
    kill,
    instruct,
    listen,
    release,
    connect,
    ready,
    mail,
    users,
    rules,
    connect_to_child,
};

// Starts a child; the descriptor sent along becomes its descriptor 3. Answered by Told::started or Told::not_started.
struct Start {
    Kind kind = Kind::start;
    std::uint32_t number = 0; // chosen by the reactor, not in use
    Role role = Role::mail;
    posix::Ids owner{}; // unsaid: the keeper decides
    std::uint32_t alone = 0;
    // The Maildir that the child is for, or the mail root if it is not for a single one; NUL-terminated. Empty: none. A
    // filter host without one is asked about logins.
    std::array<char, PATH_MAX> maildir{};
};

// The argv, after the name, of later children of a role: NUL-terminated words, and an empty one as the end. After Ready
// it is accepted only for Role::mail, in a server that was not started by root: to say where mail is now.
struct Instruct {
    Kind kind = Kind::instruct;
    Role role = Role::mail;
    std::array<char, 16 * 1024> words{};
};

// Sends SIGKILL to a child.
struct Kill {
    Kind kind = Kind::kill;
    std::uint32_t number = 0;
};

// Requests a listening socket. The descriptor sent along is a socket for the answer: Told::done with the listener, or
// Told::refused.
struct Listen {
    Kind kind = Kind::listen;
    std::uint32_t number = 0; // chosen by the reactor, not in use
    std::uint32_t length = 0; // of the address: AF_INET, AF_INET6 or AF_UNIX
    std::uint32_t dual_stack = 0;
    std::uint32_t beside = 0; // another listener of ours may have an overlapping address
    sockaddr_storage address{};
};

// Closes a listener. Answered like Listen, if a socket for the answer is sent along.
struct Release {
    Kind kind = Kind::release;
    std::uint32_t number = 0;
};

// Requests a connected datagram socket. Answered like Listen.
struct Connect {
    Kind kind = Kind::connect;
    std::uint32_t length = 0;
    sockaddr_storage address{}; // AF_UNIX
};

// Requests a TCP socket that is connected, or being connected, to a child that is a TLS program. Answered like Listen.
struct ConnectToChild {
    Kind kind = Kind::connect_to_child;
    std::uint32_t number = 0;
};

// The reactor serves from now on, so strangers talk to it. Its rights are final: the keeper allows nothing beyond what
// it has been told before, and the reactor can bind and connect only to those files that it has already asked for.
struct Ready {
    Kind kind = Kind::ready;
};

// From a server that was started by root: which mail workers may be started. From then on they act as the owners of
// maildrops. The descriptor sent along holds the users, as an auth::UserBlock. Not accepted after Ready.
struct AllowMail {
    Kind kind = Kind::mail;
    // A program vouches for users, and says where their Maildirs are and which user and group to serve them as.
    std::uint32_t believe_places = 0;
    std::array<char, PATH_MAX> root{}; // ended by a NUL
};

// The users, read again. Accepted only from workers for the operator's files, on a socket of their own.
struct Users {
    Kind kind = Kind::users;
};

// What a set of rules is about. Rules are what the configuration says about programs. Processes other than the reactor
// obey them, so the reactor cannot make these do anything else.
enum class Subject : std::uint32_t {
    programs,      // that filter hosts start (filter/rules.h)
    user_programs, // the same, of the users file
    tls,           // the TLS program (tls/order.h)
};
constexpr std::size_t subjects = 3;

constexpr std::size_t max_groups = 1024;

// Sets rules. The descriptor sent along holds them, in memory that can no longer be changed. After Ready accepted only
// from workers for the operator's files, like Users.
struct Rules {
    Kind kind = Kind::rules;
    Subject subject = Subject::programs;
    // The user and group that those programs run as; unsaid: no particular ones. Ignored after Ready.
    posix::Ids as{};
    std::uint32_t groups = 0; // how many of `group` are used: supplementary groups, besides that of `as`
    std::array<gid_t, max_groups> group{};
};

// What a worker for the operator's files gets besides its socket.
constexpr int arguments_descriptor = 5; // memory: the command line, as NUL-terminated words
constexpr int users_descriptor = 6;     // where Users and Rules go
// The first descriptor of the rules that filter hosts and the TLS program get. For each subject the newest come first;
// some may be missing.
constexpr int rules_descriptor = 5;
constexpr int rules_of_a_host = 4;
constexpr int tls_listener_descriptor = 6; // of the TLS program: listens on a port of the loopback
// A host's argv[1]: whether its programs are handed mail, or are asked about logins. A host that is root may start the
// latter.
inline constexpr const char* host_of_mail = "mail";
inline constexpr const char* host_of_logins = "logins";

enum class Told : std::uint32_t {
    started = 1, // value: its pid
    not_started, // value: errno. The number is free again
    exited,      // value: the status as waitpid(2) gives it. The number is free again
    done,
    refused, // value: errno
};

// From the keeper to the reactor.
struct Report {
    Told what = Told::started;
    std::uint32_t number = 0;
    std::int32_t value = 0;
};

using Octets = std::span<const std::byte>;

template <class Record>
[[nodiscard]] Octets octets_of(const Record& record) noexcept {
    return std::as_bytes(std::span{&record, 1});
}

// One record, with a descriptor unless fd is -1. Whether the calls block depends on the socket.
[[nodiscard]] posix::Transfer send_record(int socket, Octets record, int fd) noexcept;
// `bytes` of the result: the length of the record, even if `into` is shorter (the rest is lost then). A descriptor for
// which our table has no room is left out.
[[nodiscard]] posix::Transfer receive_record(int socket, std::span<std::byte> into, posix::UniqueFd& fd) noexcept;

} // namespace buzon::keeper
