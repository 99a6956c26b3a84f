#include "buzon/host/host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "buzon/filter/host_message.h"
#include "buzon/keeper/message.h"
#include "buzon/posix/children.h"
#include "confinement.h"
#include "permission.h"
#include "program_watch.h"
#include "start.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace buzon::host {
namespace {

using filter::HostReply;
using filter::HostRequest;
using filter::SignalRequest;
using filter::Step;
using filter::Told;

// Signals to the server's process group (Ctrl-C, stopping the service) are meant for the reactor, and we notice when
// that ends. The program starts with no signal blocked and with default dispositions.
void settle(const char* name) {
    for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_NAME, name, 0, 0, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // programs of the same user must not look into it
    (void)!::chdir("/");
}

// The unread octets in the pipe that is this process's standard input; 0 if that is no longer a pipe, or cannot be
// opened.
int octets_before(pid_t process) {
    // Check without opening it: the program may have put something there that has side effects when opened.
    const posix::UniqueFd place{::open(("/proc/" + std::to_string(process) + "/fd/0").c_str(), O_PATH | O_CLOEXEC)};
    struct stat about {};
    if (!place || ::fstat(place.get(), &about) != 0 || !S_ISFIFO(about.st_mode)) return 0;
    const std::string path = "/proc/self/fd/" + std::to_string(place.get());
    const posix::UniqueFd pipe{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    int octets = 0;
    return pipe && ::ioctl(pipe.get(), FIONREAD, &octets) == 0 ? octets : 0;
}

class Host {
public:
    // The descriptors for a program, null_ among them, must have higher numbers than they get there (start.h).
    Host(int socket, Permission permission, std::span<char* const> only)
        : socket_{socket}
        , only_{only}
        , null_{::open("/dev/null", O_RDWR | O_CLOEXEC)}
        , buffer_(filter::max_host_message)
        , permission_{std::move(permission)} {}

    int serve();

private:
    // False: the reactor is gone.
    bool start(std::span<char> octets, filter::Descriptors descriptors);
    bool run(const Started& program, posix::UniqueFd watch);
    void take_the_only_one(filter::StartOrder& order);
    bool obey(pid_t program);
    bool say(const HostReply& reply, int descriptor = -1) const;
    bool refuse(Step step, int error) const { return say({Told::refused, 0, error, step, 0, 0}); }

    int socket_;
    std::span<char* const> only_;
    std::vector<std::string> variables_ = filter::login_variables();
    posix::UniqueFd null_;
    std::vector<char> buffer_;
    Permission permission_;
    Stack stack_;
    Confinement confinement_;
};

bool Host::say(const HostReply& reply, int descriptor) const {
    const std::span<const char> octets{reinterpret_cast<const char*>(&reply), sizeof reply};
    const std::span<const int> descriptors{&descriptor, descriptor >= 0 ? std::size_t{1} : std::size_t{0}};
    return filter::send_to(socket_, octets, descriptors).what == posix::Moved::some;
}

int Host::serve() {
    for (;;) {
        filter::Descriptors descriptors;
        const posix::Transfer got = filter::receive_from(socket_, buffer_, descriptors, true);
        if (got.what != posix::Moved::some) return EXIT_SUCCESS;
        HostRequest kind{};
        if (got.bytes < sizeof kind || got.bytes > buffer_.size()) return EXIT_FAILURE;
        std::memcpy(&kind, buffer_.data(), sizeof kind);
        if (kind != HostRequest::start) continue; // meant for a program that has already ended
        if (!start({buffer_.data(), got.bytes}, std::move(descriptors))) return EXIT_SUCCESS;
    }
}

// Replaces the words, environment and jail of the request; its descriptors, limits and lives_on stay.
void Host::take_the_only_one(filter::StartOrder& order) {
    order.words.assign(only_.begin(), only_.end());
    order.words.push_back(nullptr);
    order.variables.clear();
    for (std::string& variable : variables_) order.variables.push_back(variable.data());
    order.variables.push_back(nullptr);
    order.jail = {};
}

bool Host::start(std::span<char> octets, filter::Descriptors descriptors) {
    std::optional<filter::StartOrder> order = filter::decode_start(octets);
    if (!order) return refuse(Step::request, EINVAL);
    if (!only_.empty()) take_the_only_one(*order);
    if (!permission_.allows(*order)) return refuse(Step::permission, EPERM);
    permission_.confine(*order);
    std::vector<int> numbers;
    std::size_t taken = 0;
    for (const bool given : order->descriptors) {
        const int number = given ? descriptors[taken++].get() : null_.get();
        // Our descriptor table was full, or the request came without all the descriptors that it announces.
        if (number < 0) return refuse(Step::descriptors, EMFILE);
        numbers.push_back(number);
    }
    if (const int error = confinement_.prepare(*order)) return refuse(Step::jail, error);
    // Before it starts: no change of the file from now on is missed.
    posix::UniqueFd watch = order->lives_on ? watch_program(order->words.front()) : posix::UniqueFd{};
    Started program = host::start(stack_, *order, numbers, confinement_);
    for (posix::UniqueFd& descriptor : descriptors) descriptor.reset(); // or the end of a pipe would never be seen
    if (program.error != 0) {
        confinement_.finish();
        return refuse(program.step, program.error);
    }
    return run(program, std::move(watch));
}

bool Host::run(const Started& program, posix::UniqueFd watch) {
    bool there = true;
    // Most programs end so soon that one reply is enough: waking the reactor twice would cost more than everything else
    // here.
    int patience = 20; // milliseconds
    if (watch) {
        there = say({Told::started, program.pid, 0, Step::execve, 0, 0}, watch.get());
        watch.reset();
        patience = -1;
    }
    while (there) {
        std::array<pollfd, 2> ready = {pollfd{program.pidfd.get(), POLLIN, 0}, pollfd{socket_, POLLIN, 0}};
        const int count = ::poll(ready.data(), ready.size(), patience);
        if (count < 0 && errno != EINTR) break;
        if (ready[0].revents != 0) break;
        if (patience > 0) there = say({Told::started, program.pid, 0, Step::execve, 0, 0});
        patience = -1;
        if (ready[1].revents != 0) there = obey(program.pid);
    }
    // Do not reap it yet, so that its process group can be killed by number.
    if (!there) ::kill(program.pid, SIGKILL);
    siginfo_t end{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(program.pidfd.get()), &end, WEXITED | WNOWAIT) !=
               0 &&
           errno == EINTR) {
    }
    ::kill(-program.pid, SIGKILL);
    const bool left = posix::children_left();
    const std::uint32_t killed = end.si_code == CLD_EXITED ? 0 : 1;
    if (!left) confinement_.finish();
    if (there) there = say({Told::ended, program.pid, end.si_status, Step::execve, killed, left ? 0U : 1U});
    if (!left) return there;
    posix::end_all_children();
    confinement_.finish();
    return there && say({Told::free, 0, 0, Step::execve, 0, 1});
}

// Handles a request that comes while a program runs.
bool Host::obey(pid_t program) {
    SignalRequest request;
    filter::Descriptors none;
    const std::span<char> into{reinterpret_cast<char*>(&request), sizeof request};
    const posix::Transfer got = filter::receive_from(socket_, into, none, false);
    if (got.what == posix::Moved::would_block) return true;
    if (got.what != posix::Moved::some || got.bytes != sizeof request) return false;
    if (request.kind == HostRequest::signal && request.number > 0 && request.number < NSIG) {
        ::kill(-program, request.number);
    } else if (request.kind == HostRequest::look) {
        return say({Told::input, 0, octets_before(program), Step::execve, 0, 0});
    } else {
        ::kill(-program, SIGKILL);
        posix::kill_children();
    }
    return true;
}

} // namespace

int serve_only(int socket, std::span<char* const> only) {
    settle(one_program_name);
    const int code = Host{socket, Permission{}, only}.serve();
    posix::end_all_children();
    return code;
}

int serve(int socket, std::span<const char* const> argv) {
    settle(process_name);
    Permission permission;
    if (!argv.empty()) {
        std::array<int, keeper::rules_of_a_host> rules{};
        std::iota(rules.begin(), rules.end(), keeper::rules_descriptor);
        permission = Permission{argv.front(), rules};
        for (const int memory : rules) ::close(memory);
    }
    const int code = Host{socket, std::move(permission), {}}.serve();
    posix::end_all_children();
    return code;
}

} // namespace buzon::host
