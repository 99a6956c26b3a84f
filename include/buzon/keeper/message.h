// keeper/message.h - what the reactor and its keeper say to each other: records of fixed size on a SOCK_SEQPACKET
// socket, so that the keeper, which may be root, has nothing to parse.
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
    logins,  // hosts the program of --checkpassword, whose words it has from Instruct, with all rights of the keeper
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

// Starts a child; the descriptor that comes along becomes its descriptor 3. Answered by Told::started or
// Told::not_started.
struct Start {
    Kind kind = Kind::start;
    std::uint32_t number = 0; // chosen by the reactor, not in use
    Role role = Role::mail;
    posix::Ids owner{}; // unsaid: the keeper decides
    std::uint32_t alone = 0;
    // The Maildir that it is for, or the mail root where it is not for one alone; ended by a NUL. Empty: none. Filter
    // hosts without one are asked about logins.
    std::array<char, PATH_MAX> maildir{};
};

// What later children of a role get as argv, behind their name: words, each ended by a NUL; an empty one ends them.
// After Ready only for mail, from a reactor that root has not started: where mail lies by now.
struct Instruct {
    Kind kind = Kind::instruct;
    Role role = Role::mail;
    std::array<char, 16 * 1024> words{};
};

// SIGKILL for a child.
struct Kill {
    Kind kind = Kind::kill;
    std::uint32_t number = 0;
};

// A listening socket. The descriptor that comes along is a socket for the answer: Told::done with the listener, or
// Told::refused.
struct Listen {
    Kind kind = Kind::listen;
    std::uint32_t number = 0; // chosen by the reactor, not in use
    std::uint32_t length = 0; // of the address: AF_INET, AF_INET6 or AF_UNIX
    std::uint32_t dual_stack = 0;
    std::uint32_t beside = 0; // another listener of ours may overlap
    sockaddr_storage address{};
};

// A listener shall be closed. Answered as Listen is, if a socket for the answer comes along.
struct Release {
    Kind kind = Kind::release;
    std::uint32_t number = 0;
};

// A connected datagram socket. Answered as Listen is.
struct Connect {
    Kind kind = Kind::connect;
    std::uint32_t length = 0;
    sockaddr_storage address{}; // AF_UNIX
};

// A TCP socket connected, or about to be, to a child that is a TLS program. Answered as Listen is.
struct ConnectToChild {
    Kind kind = Kind::connect_to_child;
    std::uint32_t number = 0;
};

// The reactor serves from now on: strangers talk to it. What its keeper lets it do has been said before; nothing is
// added to that, and it can bind and connect to no other files than those that it has asked for already.
struct Ready {
    Kind kind = Kind::ready;
};

// Which mail workers may be started, from a server that root has started: from then on they act as the owners of
// maildrops. The descriptor that comes along holds the users, as an auth::UserBlock. Not after Ready.
struct AllowMail {
    Kind kind = Kind::mail;
    // Users are vouched for by a program that says where their Maildirs are, and as whom to serve them.
    std::uint32_t believe_places = 0;
    std::array<char, PATH_MAX> root{}; // ended by a NUL
};

// The users, read again. Only from workers for the operator's files, on a socket of their own.
struct Users {
    Kind kind = Kind::users;
};

// What the configuration says of programs. Others than the reactor obey it, and so the reactor can ask for nothing
// else.
enum class Subject : std::uint32_t {
    programs,      // that filter hosts start (filter/rules.h)
    user_programs, // the same, of the users file
    tls,           // the TLS program (tls/order.h)
};
constexpr std::size_t subjects = 3;

constexpr std::size_t max_groups = 1024;

// The descriptor that comes along holds it, in memory that nobody can change any more. After Ready only from workers
// for the operator's files, as Users is.
struct Rules {
    Kind kind = Kind::rules;
    Subject subject = Subject::programs;
    // As whom those programs run: unsaid, as nobody in particular. Not after Ready.
    posix::Ids as{};
    std::uint32_t groups = 0; // of the first, more groups than that of `as`
    std::array<gid_t, max_groups> group{};
};

// What a worker for the operator's files gets besides its socket.
constexpr int arguments_descriptor = 5; // memory: the command line, each word ended by a NUL
constexpr int users_descriptor = 6;     // where Users and Rules go
// What filter hosts and the TLS program get: rules, the newest first. There may be none.
constexpr int rules_descriptor = 5;
constexpr int rules_of_a_host = 4;
constexpr int tls_listener_descriptor = 6; // of the TLS program: listens on a port of the loopback
// A host's argv[1]: whether its programs are handed mail, or are asked about logins. Those may be started by a host
// that is root.
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

// One record, with a descriptor unless fd is -1. Whether they block depends on the socket.
[[nodiscard]] posix::Transfer send_record(int socket, Octets record, int fd) noexcept;
// `bytes` of the result: its length, also where `into` is shorter (the rest is lost then). A descriptor that found no
// place here is left out.
[[nodiscard]] posix::Transfer receive_record(int socket, std::span<std::byte> into, posix::UniqueFd& fd) noexcept;

} // namespace buzon::keeper
