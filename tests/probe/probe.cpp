#include "probe/probe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

namespace buzon::probe {
namespace {

std::string from_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

std::string own() {
    return from_environment("BUZON_PROBE_OWN");
}

std::string other() {
    return from_environment("BUZON_PROBE_OTHER");
}

bool opens(const std::string& path, int flags) {
    return ::open(path.c_str(), flags | O_CLOEXEC, 0600) >= 0;
}

bool makes_socket(int domain, int type, int protocol = 0) {
    return ::socket(domain, type | SOCK_CLOEXEC, protocol) >= 0;
}

// The call fails because of its arguments at the latest: only EPERM and EACCES mean that it was not allowed.
bool gets_through(long result) {
    return result >= 0 || (errno != EPERM && errno != EACCES);
}

bool executes_memory() {
    const int program = ::memfd_create("probe", 0);
    if (program < 0) return false;
    const int from = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
    std::array<char, 65536> room;
    ssize_t n = 0;
    while (from >= 0 && (n = ::read(from, room.data(), room.size())) > 0)
        if (::write(program, room.data(), static_cast<std::size_t>(n)) != n) return false;
    char name[] = "true";
    char* argv[] = {name, nullptr};
    char* none[] = {nullptr};
    return ::syscall(SYS_execveat, program, "", argv, none, AT_EMPTY_PATH) == 0;
}

bool maps_code(int protection) {
    return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

bool makes_code() {
    void* const memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && ::mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
}

bool reads_memory_of(pid_t whose) {
    char octet = 0;
    iovec here{&octet, 1};
    iovec there{&octet, 1}; // whether anything is there does not matter
    return gets_through(::process_vm_readv(whose, &here, 1, &there, 1, 0));
}

bool raises_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_CORE, &limit) == 0 && ::setrlimit(RLIMIT_CORE, &limit) == 0;
}

bool takes_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
    return ::syscall(SYS_capset, &header, data.data()) == 0;
}

bool connects() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const void* const any = &address;
    return gets_through(::connect(3, static_cast<const sockaddr*>(any), sizeof address));
}

bool binds() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const void* const any = &address;
    return gets_through(::bind(3, static_cast<const sockaddr*>(any), sizeof(sa_family_t)));
}

// As the kernel lays it out: size, type, then the handle.
bool opens_by_handle() {
    std::array<unsigned, 8> handle{8, 1};
    return gets_through(::syscall(SYS_open_by_handle_at, AT_FDCWD, handle.data(), O_RDONLY));
}

// The call fails because of its arguments at the latest.
bool calls(long number, long first = 0, long second = 0, long third = 0) {
    return gets_through(::syscall(number, first, second, third, 0, 0, 0));
}

struct Act {
    const char* name;
    bool (*tried)();
};

const Act acts[] = {
    {"read-shadow", [] { return opens("/etc/shadow", O_RDONLY); }},
    {"read-passwd", [] { return opens("/etc/passwd", O_RDONLY); }},
    {"read-other-mail", [] { return opens(other() + "/cur/letter", O_RDONLY); }},
    {"list-other-mail", [] { return opens(other() + "/cur", O_RDONLY | O_DIRECTORY); }},
    {"write-other-mail", [] { return opens(other() + "/cur/letter", O_WRONLY); }},
    {"make-in-other-mail", [] { return opens(other() + "/new/forged", O_WRONLY | O_CREAT); }},
    {"remove-other-mail", [] { return ::unlink((other() + "/tmp/rubbish").c_str()) == 0; }},
    {"chmod-other-mail", [] { return ::chmod((other() + "/cur/letter").c_str(), 0644) == 0; }},
    {"link-other-mail", [] { return ::link((other() + "/cur/letter").c_str(), (own() + "/cur/stolen").c_str()) == 0; }},
    {"write-tmp", [] { return opens("/tmp", O_TMPFILE | O_RDWR); }},
    {"read-proc", [] { return opens("/proc/1/status", O_RDONLY); }},
    {"read-memory-file", [] { return opens("/proc/" + std::to_string(::getppid()) + "/mem", O_RDONLY); }},
    {"read-memory", [] { return reads_memory_of(::getppid()); }},
    {"ptrace", [] { return ::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr) == 0; }},
    {"execute", [] { return ::execl("/bin/true", "true", nullptr) == 0; }},
    {"execute-memory", executes_memory},
    {"fork",
     [] {
         const pid_t child = ::fork();
         if (child == 0) ::_exit(0);
         return child > 0 && ::waitpid(child, nullptr, 0) == child;
     }},
    {"new-user-namespace", [] { return gets_through(::unshare(CLONE_NEWUSER)); }},
    {"signal-others", [] { return ::kill(::getppid(), 0) == 0; }},
    {"pidfd-of-others", [] { return ::syscall(SYS_pidfd_open, ::getppid(), 0) >= 0; }},
    {"socket-tcp", [] { return makes_socket(AF_INET, SOCK_STREAM); }},
    {"socket-udp", [] { return makes_socket(AF_INET6, SOCK_DGRAM); }},
    {"socket-unix", [] { return makes_socket(AF_UNIX, SOCK_STREAM); }},
    {"socket-netlink", [] { return makes_socket(AF_NETLINK, SOCK_RAW); }},
    {"connect", connects},
    {"bind", binds},
    {"listen", [] { return gets_through(::listen(3, 1)); }},
    {"setuid", [] { return ::setuid(::getuid()) == 0; }},
    {"setgid", [] { return ::setgid(::getgid()) == 0; }},
    {"setresuid", [] { return gets_through(::syscall(SYS_setresuid, -1, -1, -1)); }},
    {"capset", takes_capabilities},
    {"mount", [] { return gets_through(::mount("none", "/", "no-such-kind", 0, nullptr)); }},
    {"chroot", [] { return gets_through(::chroot("/")); }},
    {"raise-limits", raises_limit},
    {"open-by-handle", opens_by_handle},
    {"bpf", [] { return calls(SYS_bpf, -1); }},
    {"keyring", [] { return calls(SYS_keyctl, 0, -3); }}, // the id of the session keyring
    {"performance-events", [] { return calls(SYS_perf_event_open, 0, 0, -1); }},
    {"page-faults", [] { return calls(SYS_userfaultfd, 1); }},
    {"load-module", [] { return calls(SYS_finit_module, -1, 0, 0); }},
    {"load-kernel", [] { return calls(SYS_kexec_load, 0, 0, 0); }},
    {"enter-namespace", [] { return calls(SYS_setns, -1, CLONE_NEWNET); }},
    {"io-uring",
     [] {
         std::array<unsigned, 64> parameters{};
         return gets_through(::syscall(SYS_io_uring_setup, 1, parameters.data()));
     }},
    {"map-code", [] { return maps_code(PROT_WRITE | PROT_EXEC); }},
    {"make-code", makes_code},
    {"make-device", [] { return gets_through(::mknod((own() + "/device").c_str(), S_IFCHR | 0600, 0x103)); }},
    {"make-fifo", [] { return ::mkfifo((own() + "/fifo").c_str(), 0600) == 0; }},
    {"make-link", [] { return ::symlink("/etc/shadow", (own() + "/link").c_str()) == 0; }},
    {"dump-core", [] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }},
    {"block-others", [] { return gets_through(::setpriority(PRIO_USER, 0, 0)); }},
    {"set-xattr", [] { return gets_through(::syscall(SYS_setxattr, other().c_str(), "user.x", "x", 1, 0)); }},
};

std::string name_of(sandbox::Role role) {
    switch (role) {
    case sandbox::Role::mail: return "mail";
    case sandbox::Role::reactor: return "reactor";
    case sandbox::Role::keeper: return "keeper";
    default: return "another";
    }
}

// 0 or errno. In a child process if one can be forked, because some acts change the process.
int result_of(const Act& act) {
    const pid_t child = std::string{act.name} == "fork" ? -1 : ::fork();
    errno = 0;
    if (child == 0) ::_exit(act.tried() ? 0 : errno);
    if (child < 0) return act.tried() ? 0 : errno;
    int status = -1;
    (void)::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

std::string word_for(int result) {
    return result == 0 ? "yes" : std::to_string(result);
}

void say(const std::string& text) {
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) ::_exit(1);
}

} // namespace

void run(const sandbox::Plan& plan) {
    if (const std::string only = from_environment("BUZON_PROBE_ONLY"); only != name_of(plan.role) && !only.empty())
        return;
    for (const Act& act : acts) say(std::string{act.name} + ' ' + word_for(result_of(act)) + '\n');
    ::_exit(0);
}

void run_as_tls_program() {
    const std::string own_option = "probeOwn = ", other_option = "probeOther = ";
    for (std::string line; std::getline(std::cin, line);) {
        if (line.starts_with(own_option)) ::setenv("BUZON_PROBE_OWN", line.substr(own_option.size()).c_str(), 1);
        if (line.starts_with(other_option)) ::setenv("BUZON_PROBE_OTHER", line.substr(other_option.size()).c_str(), 1);
    }
    std::string line = "[!] acts:";
    for (const Act& act : acts) line += std::string{' '} + act.name + '=' + word_for(result_of(act));
    say(line + '\n');
    ::_exit(0);
}

} // namespace buzon::probe
