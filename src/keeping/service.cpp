#include "buzon/keeping/service.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>

#include "buzon/posix/children.h"
#include "mail_policy.h"
#include "rule_book.h"

namespace buzon::keeping {
namespace {

using keeper::Kind;
using keeper::Report;
using keeper::Told;

// Larger than any record, so that one of the wrong size is noticed.
constexpr std::size_t room_for_record =
    std::max({sizeof(keeper::Start), sizeof(keeper::Instruct), sizeof(keeper::Rules)}) + 1;

posix::UniqueFd hear_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    // If a signal goes to all processes of the server, the reactor ends in an orderly way, and then this process.
    for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) throw std::system_error(posix::last_error(), "sigprocmask");
    posix::UniqueFd fd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!fd) throw std::system_error(posix::last_error(), "signalfd");
    return fd;
}

int* shared_memory(std::size_t octets) {
    void* const memory = ::mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(posix::last_error(), "mmap");
    return static_cast<int*>(memory);
}

template <class Record>
bool read_as(std::span<const std::byte> octets, Record& record) noexcept {
    if (octets.size() != sizeof record) return false;
    std::memcpy(&record, octets.data(), sizeof record);
    return true;
}

// The first record on a socket that was made for it, so there is room. A reactor that sent another kind of descriptor
// gets no answer.
void answer(int socket, const Report& report, int fd) noexcept {
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
    (void)keeper::send_record(socket, keeper::octets_of(report), fd);
}

} // namespace

void Service::Unmap::operator()(int* errors) const noexcept {
    ::munmap(errors, octets);
}

Service::Service(Settings settings)
    : settings_{std::move(settings)}
    , mail_{std::make_unique<MailPolicy>()}
    , rules_{std::make_unique<RuleBook>()}
    , signals_{hear_signals()}
    , children_(settings_.max_children)
    , errors_{shared_memory(children_.size() * sizeof(int)), Unmap{children_.size() * sizeof(int)}} {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        throw std::system_error(posix::last_error(), "keeper");
    users_.reset(pair[0]);
    users_end_.reset(pair[1]);
}

Service::~Service() = default;

Service::End Service::serve(posix::UniqueFd channel, pid_t reactor) {
    channel_ = std::move(channel);
    ::fcntl(channel_.get(), F_SETFL, O_NONBLOCK);
    reactor_ = reactor;
    end_ = {};
    sealed_ = false;
    named_.clear();
    // If the reactor is a child of ours, it may have closed its end without having exited yet.
    while (channel_ || reactor_ != 0) {
        const short answers = waiting_.empty() ? short{0} : short{POLLOUT};
        pollfd both[] = {{channel_.get(), static_cast<short>(POLLIN | answers), 0},
                         {signals_.get(), POLLIN, 0},
                         {users_.get(), POLLIN, 0}};
        if (::poll(both, 3, -1) < 0 && errno != EINTR) break;
        read_signals();
        reap();
        // Do not begin a request left behind by a dead reactor: another server may have its locks by now.
        if (both[0].revents & (POLLHUP | POLLERR)) end_all();
        if (both[0].revents & POLLOUT) tell_what_waits();
        read_users(); // before a request that relies on them
        if (channel_ && (both[0].revents & POLLIN) && !read_request()) end_all();
    }
    end_all();
    end_the_rest();
    listeners_.orphan();
    return end_;
}

bool Service::pause(std::chrono::milliseconds time) {
    end_ = {};
    const auto end = std::chrono::steady_clock::now() + time;
    while (!end_.asked) {
        const auto left = end - std::chrono::steady_clock::now();
        if (left.count() <= 0) return false;
        pollfd signal{signals_.get(), POLLIN, 0};
        (void)::poll(&signal, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
        read_signals();
    }
    return true;
}

void Service::let_go() noexcept {
    signals_.reset();
    channel_.reset();
    users_.reset();
    users_end_.reset();
    listeners_.let_go();
}

void Service::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) > 0) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD) continue;
        const bool to_end = number == SIGTERM || number == SIGINT;
        end_.asked = end_.asked || to_end;
        end_.reactor_asked = end_.reactor_asked || (to_end && reactor_ > 0);
        if (reactor_ > 0) ::kill(reactor_, number);
    }
}

bool Service::read_request() {
    std::array<std::byte, room_for_record> room;
    posix::UniqueFd fd;
    const posix::Transfer got = keeper::receive_record(channel_.get(), room, fd);
    if (got.what == posix::Moved::would_block) return true;
    if (got.what != posix::Moved::some) return false;
    const std::span<const std::byte> octets{room.data(), std::min(got.bytes, room.size())};
    Kind kind{};
    if (octets.size() < sizeof kind) return true;
    std::memcpy(&kind, octets.data(), sizeof kind);
    switch (kind) {
    case Kind::mail:
        if (keeper::AllowMail request; !sealed_ && read_as(octets, request)) (void)mail_->allow(request, std::move(fd));
        break;
    case Kind::start:
        if (keeper::Start request; read_as(octets, request)) start(request, std::move(fd));
        break;
    case Kind::kill:
        if (keeper::Kill request; read_as(octets, request)) kill(request.number);
        break;
    case Kind::instruct:
        if (keeper::Instruct request; read_as(octets, request)) instruct(request);
        break;
    case Kind::rules:
        if (keeper::Rules request; !sealed_ && read_as(octets, request)) rules_->take(request, std::move(fd), true);
        break;
    case Kind::ready:
        if (octets.size() != sizeof(keeper::Ready)) break;
        end_.was_ready = true;
        sealed_ = true;
        listeners_.release_orphans();
        break;
    case Kind::listen:
        if (keeper::Listen request; fd && read_as(octets, request)) listen(request, fd.get());
        break;
    case Kind::release:
        if (keeper::Release request; read_as(octets, request)) {
            listeners_.release(request.number);
            if (fd) answer(fd.get(), {Told::done, request.number, 0}, -1);
        }
        break;
    case Kind::connect:
        if (keeper::Connect request; fd && read_as(octets, request)) connect(request, fd.get());
        break;
    case Kind::connect_to_child:
        if (keeper::ConnectToChild request; fd && read_as(octets, request)) connect_to_child(request, fd.get());
        break;
    default: break;
    }
    return true;
}

// A worker sends these before it tells the reactor, so they are here before the reactor can rely on them.
void Service::read_users() {
    for (;;) {
        std::array<std::byte, room_for_record> room;
        posix::UniqueFd fd;
        const posix::Transfer got = keeper::receive_record(users_.get(), room, fd);
        if (got.what != posix::Moved::some) return;
        const std::span<const std::byte> octets{room.data(), std::min(got.bytes, room.size())};
        keeper::Users users;
        keeper::Rules rules;
        if (!fd) continue;
        if (read_as(octets, users) && users.kind == Kind::users) {
            if (mail_->in_force()) (void)mail_->renew_users(std::move(fd));
        } else if (read_as(octets, rules) && rules.kind == Kind::rules) {
            rules_->take(rules, std::move(fd), false);
        }
    }
}

void Service::kill(std::uint32_t number) noexcept {
    if (const Child* const child = find(number)) ::kill(child->pid, SIGKILL); // not reaped, so the pid is still its own
}

void Service::listen(const keeper::Listen& request, int socket) {
    if (!may_name(static_cast<std::uint32_t>(request.kind), request.address, request.length))
        return answer(socket, {Told::refused, request.number, EPERM}, -1);
    const auto opened = listeners_.listen(request);
    // The TLS program connects back to such a socket, so its file must belong to the user that the program runs as.
    if (const posix::Ids who = rules_->whose(keeper::Subject::tls);
        opened && who != posix::Ids{} && keeper::is_for_one_socket(request))
        listeners_.give_file_to(request.number, who);
    if (opened) return answer(socket, {Told::done, request.number, 0}, opened.value());
    answer(socket, {Told::refused, request.number, opened.error().value()}, -1);
}

void Service::connect(const keeper::Connect& request, int socket) {
    if (!may_name(static_cast<std::uint32_t>(request.kind), request.address, request.length))
        return answer(socket, {Told::refused, 0, EPERM}, -1);
    const auto connected = keeper::connect_here(request);
    if (connected) return answer(socket, {Told::done, 0, 0}, connected.value().get());
    answer(socket, {Told::refused, 0, connected.error().value()}, -1);
}

void Service::connect_to_child(const keeper::ConnectToChild& request, int socket) {
    const Child* const child = find(request.number);
    if (!child || !child->listener) return answer(socket, {Told::refused, 0, ECONNREFUSED}, -1);
    const auto connected = keeper::connect_to_listener(child->listener.get());
    if (connected) return answer(socket, {Told::done, 0, 0}, connected.value().get());
    answer(socket, {Told::refused, 0, connected.error().value()}, -1);
}

// Any network address is allowed. A unix socket must have been asked for before the reactor began to serve.
bool Service::may_name(std::uint32_t kind, const sockaddr_storage& address, std::uint32_t length) {
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6) return true;
    std::string name = std::to_string(kind);
    name.append(static_cast<const char*>(static_cast<const void*>(&address)),
                std::min<std::size_t>(length, sizeof address));
    if (std::find(named_.begin(), named_.end(), name) != named_.end()) return true;
    if (!sealed_) named_.push_back(std::move(name));
    return !sealed_;
}

void Service::reap() {
    int status = 0;
    bool strangers = false;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        const auto child = std::find_if(children_.begin(), children_.end(),
                                        [pid](const Child& c) { return c.number != 0 && c.pid == pid; });
        const bool reactor = pid == reactor_;
        if (reactor) {
            reactor_ = 0;
            end_.status = status;
            end_all();
        }
        strangers = strangers || (child == children_.end() && !reactor) || (child != children_.end() && child->host);
        if (child == children_.end()) continue;
        learn_roots();
        child->listener.reset();
        const std::uint32_t number = std::exchange(child->number, 0);
        const int error = errors_.get()[child - children_.begin()];
        tell(error != 0 ? Report{Told::not_started, number, error} : Report{Told::exited, number, status});
    }
    if (strangers) end_strangers();
}

void Service::tell(const Report& report) {
    if (!channel_) return;
    waiting_.push_back(report);
    tell_what_waits();
}

void Service::tell_what_waits() {
    while (!waiting_.empty()) {
        if (keeper::send_record(channel_.get(), keeper::octets_of(waiting_.front()), -1).what != posix::Moved::some)
            return;
        waiting_.pop_front();
    }
}

// Requests left by a dead reactor are not carried out. Only whether it was ready matters: if so, another one is
// started.
void Service::notice_ready() {
    std::array<std::byte, room_for_record> room;
    for (int left = 4096; left > 0; --left) {
        posix::UniqueFd fd;
        const posix::Transfer got = keeper::receive_record(channel_.get(), room, fd);
        if (got.what != posix::Moved::some) return;
        Kind kind{};
        std::memcpy(&kind, room.data(), sizeof kind);
        if (got.bytes == sizeof(keeper::Ready) && kind == Kind::ready) end_.was_ready = true;
    }
}

Service::Child* Service::find(std::uint32_t number) noexcept {
    const auto found = std::find_if(children_.begin(), children_.end(),
                                    [number](const Child& c) { return number != 0 && c.number == number; });
    return found == children_.end() ? nullptr : &*found;
}

} // namespace buzon::keeping
