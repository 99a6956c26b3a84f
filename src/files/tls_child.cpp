// The child that becomes the TLS program.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/digest/hex.h"
#include "buzon/files/certificate.h"
#include "buzon/files/read_files.h"
#include "buzon/files/tls_program.h"
#include "buzon/keeper/message.h"
#include "buzon/line/number.h"
#include "buzon/posix/act_as.h"
#include "buzon/posix/io.h"
#include "buzon/sandbox/tls_program.h"

namespace buzon::files {
namespace {

constexpr int listening_socket = 3; // SD_LISTEN_FDS_START

bool read_all(int socket, char* into, std::size_t octets) {
    while (octets > 0) {
        const ssize_t n = ::read(socket, into, octets);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        into += n;
        octets -= static_cast<std::size_t>(n);
    }
    return true;
}

struct Ways {
    sandbox::Mode mode = sandbox::Mode::automatic;
    posix::Ids who{}; // unsaid: those of this process
};
std::optional<Ways> ways_in(std::span<const char* const> argv) {
    if (argv.size() != 1 && argv.size() != 3) return std::nullopt;
    const auto mode = sandbox::parse_mode(argv[0]);
    if (!mode) return std::nullopt;
    if (argv.size() == 1) return Ways{*mode, {}};
    const auto uid = line::parse_whole<std::uint32_t>(argv[1]), gid = line::parse_whole<std::uint32_t>(argv[2]);
    if (!uid || !gid || *uid == 0) return std::nullopt;
    return Ways{*mode, {*uid, *gid}};
}

// A descriptor of memory that the program can read as the user that it will be. It is sealed, because otherwise a
// program could be written into it and run. Its number leaves that of the listening socket free.
int keep_in_memory(const std::string& content, const char* name, const posix::Ids& who) {
    const posix::UniqueFd made{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    const int fd = ::fcntl(made.get(), F_DUPFD, listening_socket + 2);
    if (fd < 0 || posix::write_all(fd, content) || ::lseek(fd, 0, SEEK_SET) < 0 || ::fchmod(fd, 0400) != 0 ||
        (who.uid != posix::Ids::unsaid && ::fchown(fd, who.uid, who.gid) != 0) ||
        ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        throw std::system_error(posix::last_error(), name);
    return fd;
}

std::string reopened_at(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

// Reports the port, and moves the sockets to where the program expects them.
void place_sockets(int socket, int listener) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (::getsockname(listener, static_cast<sockaddr*>(static_cast<void*>(&address)), &length) != 0)
        throw std::system_error(posix::last_error(), "listening on 127.0.0.1");
    (void)posix::write_all(socket, "port " + std::to_string(ntohs(address.sin_port)) + '\n');
    if (::dup2(socket, STDERR_FILENO) < 0 || ::dup2(listener, listening_socket) < 0)
        throw std::system_error(posix::last_error(), "dup2");
    ::close(listener);
}

} // namespace

int become_tls_program(int socket, std::span<const char* const> argv) {
    const auto order = tls::decode(posix::content_of(keeper::rules_descriptor));
    ::close(keeper::rules_descriptor);
    const auto ways = ways_in(argv);
    if (order && ways)
        return become_tls_program(socket, keeper::tls_listener_descriptor, *order, ways->who, ways->mode);
    (void)posix::write_all(socket, "[!] no program was given\n");
    return EX_PROTOCOL;
}

int become_tls_program(int socket, int listener, const tls::Order& order, const posix::Ids& who,
                       sandbox::Mode mode) try {
    tls::Way way;
    if (!read_all(socket, reinterpret_cast<char*>(&way), sizeof way) || !tls::is_sound(way)) return EX_PROTOCOL;
    const std::string content = read_named_file(order.certificate, longest_certificate);
    const std::string certificate = reopened_at(keep_in_memory(content, "certificate", who));
    const std::string key = reopened_at(keep_in_memory(read_named_file(order.key, longest_certificate), "key", who));
    const int configuration = keep_in_memory(tls::configuration(order, way, certificate, key), "configuration", who);
    if (::dup2(configuration, STDIN_FILENO) < 0) throw std::system_error(posix::last_error(), "configuration");
    ::close(configuration);
    if (const std::string hash = end_point_of(content); !hash.empty())
        (void)posix::write_all(socket, std::string{tls::certificate_words} + digest::encode_hex(hash) + '\n');
    place_sockets(socket, listener);
    std::vector<std::string> environment = {"LISTEN_FDS=1", "LISTEN_PID=" + std::to_string(::getpid()),
                                            "PATH=/usr/bin:/bin"};
    std::vector<char*> variables;
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::string program = order.program, fd = "-fd", zero = "0";
    char* argv[] = {program.data(), fd.data(), zero.data(), nullptr};
    ::fcntl(listening_socket + 1, F_SETFD, FD_CLOEXEC); // the counter of the sandbox, which is ours
    const pid_t parent = ::getppid();                   // becoming another user clears PR_SET_PDEATHSIG
    if (who != posix::Ids{})
        if (const int why = posix::act_as(who)) throw std::system_error(why, std::system_category(), "another user");
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) return EX_OSERR;
    if (const std::error_code why = sandbox::enter_as_tls_program(program, mode))
        throw std::system_error(why, "--sandbox");
    ::execve(program.c_str(), argv, variables.data());
    throw std::system_error(posix::last_error(), order.program);
} catch (const std::exception& trouble) {
    (void)posix::write_all(socket, "[!] " + std::string{trouble.what()} + '\n');
    return EX_OSERR;
}

} // namespace buzon::files
