// tests/host/host_process.h - a filter host as a child of the test, which talks to it as the reactor does.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "buzon/filter/host_message.h"
#include "buzon/filter/rules.h"
#include "buzon/host/host.h"
#include "buzon/keeper/message.h"
#include "buzon/posix/act_as.h"
#include "filter/filter_support.h"
#include "support/catch.h"

// What the keeper tells a host.
struct HostOrders {
    std::optional<buzon::filter::RunAs> as = {};
    const char* what = nullptr; // keeper::host_of_mail or host_of_logins; null: any program may be started
    std::vector<buzon::filter::Rules> rules = {}; // the newest first
    std::vector<std::string> only = {};           // the words of the only program that it may start
};

class HostProcess {
public:
    explicit HostProcess(const HostOrders& orders = {}) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        socket.reset(ends[0]);
        pid = ::fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            if (ends[1] != 3) ::dup2(ends[1], 3);
            ::close_range(4, ~0U, 0);
            ::_exit(live(orders));
        }
        ::close(ends[1]);
    }
    HostProcess(const HostProcess&) = delete;
    HostProcess& operator=(const HostProcess&) = delete;
    ~HostProcess() {
        socket.reset();
        if (pid > 0) ::waitpid(pid, nullptr, 0);
    }
    void kill() {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        pid = -1;
    }

    // Sends a start request. What the program writes can be read from `output` and `errors`.
    void send(const std::string& path, const std::vector<std::string>& arguments) {
        output = std::move(buzon::posix::make_pipe(false).value());
        errors = std::move(buzon::posix::make_pipe(false).value());
        const buzon::posix::UniqueFd input = message("input\n");
        const auto octets = buzon::filter::encode({path,
                                                   arguments,
                                                   buzon::filter::variables_of(environment),
                                                   {input.get(), output.write_end.get(), errors.write_end.get()},
                                                   limits,
                                                   &jail});
        REQUIRE_FALSE(octets.empty());
        const int numbers[] = {input.get(), output.write_end.get(), errors.write_end.get()};
        REQUIRE(buzon::filter::send_to(socket.get(), octets, numbers).what == buzon::posix::Moved::some);
        output.write_end.reset();
        errors.write_end.reset();
    }
    void ask(buzon::filter::HostRequest kind, int number = 0) const {
        const buzon::filter::SignalRequest request{kind, number};
        const std::span<const char> octets{reinterpret_cast<const char*>(&request), sizeof request};
        REQUIRE(buzon::filter::send_to(socket.get(), octets, {}).what == buzon::posix::Moved::some);
    }
    buzon::filter::HostReply reply() {
        if (kept) return *std::exchange(kept, std::nullopt);
        buzon::filter::HostReply reply;
        buzon::filter::Descriptors none;
        const std::span<char> into{reinterpret_cast<char*>(&reply), sizeof reply};
        const auto got = buzon::filter::receive_from(socket.get(), into, none, true);
        REQUIRE(got.what == buzon::posix::Moved::some);
        REQUIRE(got.bytes == sizeof reply);
        return reply;
    }
    // Starts a program; returns its pid.
    pid_t start(const std::string& path, const std::vector<std::string>& arguments) {
        send(path, arguments);
        const buzon::filter::HostReply started = reply();
        INFO(buzon::filter::name_of(started.step) << " " << started.value);
        // A program that ends at once is reported only once.
        if (started.what == buzon::filter::Told::ended) kept = started;
        REQUIRE((kept || started.what == buzon::filter::Told::started));
        return started.pid;
    }
    pid_t start_shell(const std::string& commands) { return start("/bin/sh", {"-c", commands}); }

    struct Finished {
        buzon::filter::HostReply end;
        std::string output;
        std::string errors;
    };
    // Runs a program to completion.
    Finished run(const std::string& path, const std::vector<std::string>& arguments = {}) {
        start(path, arguments);
        Finished finished;
        finished.output = to_end(output.read_end.get());
        finished.errors = to_end(errors.read_end.get());
        finished.end = reply();
        REQUIRE(finished.end.what == buzon::filter::Told::ended);
        if (finished.end.free == 0) REQUIRE(reply().what == buzon::filter::Told::free);
        return finished;
    }
    std::string output_of(const std::string& commands) { return run("/bin/sh", {"-c", commands}).output; }
    // Starts a program that must be refused; returns the errno.
    int refusal(const std::string& path, const std::vector<std::string>& arguments = {}) {
        send(path, arguments);
        const buzon::filter::HostReply refused = reply();
        REQUIRE(refused.what == buzon::filter::Told::refused);
        return refused.value;
    }
    bool has_gone() const {
        char octet = 0;
        return ::recv(socket.get(), &octet, 1, 0) <= 0;
    }

    static std::string to_end(int fd) {
        std::string text;
        char piece[4096];
        for (ssize_t n = 0; (n = ::read(fd, piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(n));
        return text;
    }

    buzon::posix::UniqueFd socket;
    pid_t pid = -1;
    std::optional<buzon::filter::HostReply> kept;
    buzon::posix::Pipe output, errors;
    buzon::filter::Environment environment{"ana", "1700.M1P2.host", "2001:db8::1"};
    buzon::filter::ResourceLimits limits;
    buzon::filter::Jail jail;

private:
    static int live(const HostOrders& orders) {
        if (orders.as && buzon::posix::act_as({orders.as->uid, orders.as->gid}, orders.as->groups) != 0) return 1;
        std::vector<std::string> only = orders.only;
        std::vector<char*> words;
        for (std::string& word : only) words.push_back(word.data());
        if (!words.empty()) return buzon::host::serve_only(3, words);
        if (!orders.what) return buzon::host::serve(3);
        const int other = ::open("/dev/null", O_RDONLY); // 4, where no rules belong
        for (const buzon::filter::Rules& one : orders.rules) {
            const std::string text = encode(one);
            const int memory = ::memfd_create("rules", 0);
            if (other != 4 || ::write(memory, text.data(), text.size()) < 0) return 1;
        }
        return buzon::host::serve(3, {&orders.what, 1});
    }
};
