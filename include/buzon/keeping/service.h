// keeping/service.h - the process that starts and ends the children of one reactor. It may be root, so it trusts
// nothing: each request is a record of fixed size, checked field by field.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "buzon/keeper/sockets.h"
#include "buzon/posix/result.h"
#include "buzon/sandbox/enter.h"

namespace buzon::keeping {

struct Settings {
    std::string program = "/proc/self/exe";
    // argv[0] by role.
    std::array<std::string, keeper::roles> names{"buzon-worker",  "buzon-files", "buzon-hash",  "buzon-locks",
                                                 "buzon-filters", "buzon-tls",   "buzon-logins"};
    std::size_t max_children = 1024;
    bool limited = true;            // give up the capabilities that a keeper does not need
    std::function<void()> at_end{}; // called once, when the server has ended
    // For a test (tests/probe): called once this process has given up all the rights it can.
    void (*confined)(const sandbox::Plan&) = nullptr;
    // Borrowed.
    int denials = -1;   // descriptor 4 of every child
    int arguments = -1; // keeper::arguments_descriptor of workers for the operator's files
};

class MailPolicy;
class RuleBook;

class Service {
public:
    explicit Service(Settings settings); // throws std::system_error
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    // How a reactor ended, and whether that was requested.
    struct End {
        int status = 0; // as waitpid(2) returns it; 0 if the reactor is not our child
        bool was_ready = false;
        bool asked = false;         // by SIGTERM or SIGINT
        bool reactor_asked = false; // the same, while the reactor was still running
    };

    // Serves until the reactor has ended. Nothing that was started for it is left afterwards; its listeners are kept
    // for the next one. `reactor`: a child of ours, to which we pass on our signals; 0: it is our parent and gets them
    // itself.
    End serve(posix::UniqueFd channel, pid_t reactor);
    // Returns true if SIGTERM or SIGINT came before the time was over.
    [[nodiscard]] bool pause(std::chrono::milliseconds time);
    // For a forked child that is not to serve: closes our descriptors and touches nothing else.
    void let_go() noexcept;

private:
    struct Child {
        std::uint32_t number = 0; // 0: this place is free
        pid_t pid = -1;
        bool host = false;  // of programs: when the reactor has gone, ends by itself, after all that it started
        std::string root{}; // the mail root that it is for; empty if it is for a single maildrop
        // Of a TLS program. Kept open here while the child lives, so that nobody else can take its port.
        posix::UniqueFd listener{};
    };
    struct Unmap {
        std::size_t octets;
        void operator()(int* errors) const noexcept;
    };

    [[nodiscard]] bool read_request(); // false: the reactor has gone
    void read_users();
    void read_signals();
    void start(const keeper::Start& request, posix::UniqueFd socket);
    [[nodiscard]] int refusal(const keeper::Start& request, const posix::UniqueFd& socket) const;
    void learn_roots();
    [[noreturn]] void become(const keeper::Start& request, int socket, int listener, std::size_t place, pid_t parent);
    void kill(std::uint32_t number) noexcept;
    void instruct(const keeper::Instruct& request);
    [[nodiscard]] std::vector<std::string> words_for(const keeper::Start& request) const;
    [[nodiscard]] std::array<int, 5> inherited_by(keeper::Role role, int listener) const;
    [[nodiscard]] int take_rights(const keeper::Start& request, pid_t parent, bool& new_root) const;
    void listen(const keeper::Listen& request, int socket);
    void connect(const keeper::Connect& request, int socket);
    void connect_to_child(const keeper::ConnectToChild& request, int socket);
    [[nodiscard]] bool may_name(std::uint32_t kind, const sockaddr_storage& address, std::uint32_t length);
    void reap();
    void tell(const keeper::Report& report);
    void tell_what_waits();
    void end_strangers() noexcept;
    void notice_ready();
    void end_all();
    void end_the_rest() noexcept;
    [[nodiscard]] Child* find(std::uint32_t number) noexcept;

    Settings settings_;
    std::unique_ptr<MailPolicy> mail_;
    std::unique_ptr<RuleBook> rules_;
    posix::UniqueFd signals_;
    posix::UniqueFd channel_;
    posix::UniqueFd users_; // from workers for the operator's files
    posix::UniqueFd users_end_;
    bool sealed_ = false;                                       // the reactor is serving
    std::vector<std::string> named_;                            // unix sockets that it has asked for so far
    std::array<std::vector<std::string>, keeper::roles> words_; // argv after [0], by role
    pid_t reactor_ = 0;
    End end_;
    std::vector<Child> children_;
    std::unique_ptr<int, Unmap> errors_; // by place, shared with the children: why one could not start
    keeper::Listeners listeners_;
    std::deque<keeper::Report> waiting_; // at most two for each child
};

// Runs such a service in a process of its own, `buzon-starter`: a child of an ordinary user's reactor.
class Starter {
public:
    // Forks. Call it early, because the child is a copy of this process. Throws std::system_error.
    explicit Starter(const Settings& settings);
    Starter(const Starter&) = delete;
    Starter& operator=(const Starter&) = delete;
    // Waits for the process to end, which it does once the channel is closed.
    ~Starter();

    // The reactor's end of the channel. Can be taken once.
    [[nodiscard]] posix::UniqueFd channel() noexcept { return std::move(channel_); }

private:
    posix::UniqueFd channel_;
    pid_t pid_ = -1;
};

} // namespace buzon::keeping
