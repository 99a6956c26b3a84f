// The service, with a reactor that lies, sends garbage, floods it, dies, or simply makes requests.
#include "buzon/keeping/service.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

#include "support/catch.h"
#include "support/process.h"
#include "support/second_life.h"
#include "support/temp_directory.h"

using namespace buzon;
using keeper::Kill;
using keeper::Report;
using keeper::Role;
using keeper::Start;
using keeper::Told;
using posix::UniqueFd;

namespace {

// Sends its pid on its socket, then waits until that is closed.
int kept_child() {
    const std::string about = std::to_string(::getpid());
    (void)!::send(3, about.data(), about.size(), 0);
    char octet = 0;
    while (::recv(3, &octet, 1, 0) > 0) {
    }
    return 7;
}

const test::SecondLife kept_child_registered{"kept-child", kept_child};

keeping::Settings kept_settings(const std::string& program = "/proc/self/exe") {
    keeping::Settings settings;
    settings.program = program;
    settings.names.fill("kept-child");
    return settings;
}

// A reactor that sends what a test wants.
class Reactor {
public:
    explicit Reactor(const keeping::Settings& settings = kept_settings())
        : process_{settings}, channel_{process_.channel()} {}

    template <class Record>
    void say(const Record& record, int fd = -1) const {
        REQUIRE(keeper::send_record(channel_.get(), keeper::octets_of(record), fd).what == posix::Moved::some);
    }
    void say_octets(std::size_t count) const {
        const std::vector<std::byte> octets(count, std::byte{1});
        REQUIRE(keeper::send_record(channel_.get(), octets, -1).what == posix::Moved::some);
    }
    // Returns our end of the child's socket.
    [[nodiscard]] UniqueFd start(const Start& request) const {
        int pair[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        UniqueFd ours{pair[0]};
        const UniqueFd theirs{pair[1]};
        say(request, theirs.get());
        return ours;
    }
    [[nodiscard]] std::optional<Report> hear() const {
        pollfd one{channel_.get(), POLLIN, 0};
        if (::poll(&one, 1, 60'000) <= 0) return std::nullopt;
        Report report;
        UniqueFd none;
        const auto got = keeper::receive_record(channel_.get(), std::as_writable_bytes(std::span{&report, 1}), none);
        if (got.what != posix::Moved::some || got.bytes != sizeof report) return std::nullopt;
        return report;
    }
    void close() { channel_.reset(); }
    [[nodiscard]] bool serves() const {
        Start request;
        request.number = 999;
        const UniqueFd socket = start(request);
        const auto first = hear();
        say(Kill{keeper::Kind::kill, 999});
        const auto second = hear();
        return first && first->what == Told::started && first->number == 999 && second &&
               second->what == Told::exited && second->number == 999;
    }

private:
    keeping::Starter process_;
    UniqueFd channel_;
};

Start numbered(std::uint32_t number) {
    Start request;
    request.number = number;
    return request;
}

bool gone(pid_t pid) {
    return test::eventually([pid] {
        const char state = test::state_of(pid);
        return state == 0 || state == 'Z';
    });
}

} // namespace

TEST_CASE("records of a wrong size or kind are ignored, and the next valid one is served") {
    const Reactor reactor;
    for (const std::size_t size : {std::size_t{1}, std::size_t{3}, sizeof(Kill) - 1, sizeof(Kill) + 1,
                                   sizeof(Start) - 1, sizeof(Start) + 1, std::size_t{100'000}}) {
        CAPTURE(size);
        reactor.say_octets(size);
    }
    Start of_unknown_kind = numbered(1);
    of_unknown_kind.kind = static_cast<keeper::Kind>(77);
    reactor.say(of_unknown_kind);
    CHECK(reactor.serves());
}

TEST_CASE("a start with an unknown role, an unterminated name or no socket is refused") {
    const Reactor reactor;
    Start no_such_role = numbered(1);
    no_such_role.role = static_cast<Role>(keeper::roles);
    Start no_end = numbered(2);
    no_end.maildir.fill('x');
    for (const Start& request : {no_such_role, no_end}) {
        const UniqueFd socket = reactor.start(request);
        const auto answer = reactor.hear();
        REQUIRE(answer);
        CHECK(answer->what == Told::not_started);
        CHECK(answer->number == request.number);
        CHECK(answer->value == EINVAL);
        char octet = 0;
        CHECK(::recv(socket.get(), &octet, 1, 0) == 0);
    }
    reactor.say(numbered(3)); // without a socket
    const auto answer = reactor.hear();
    REQUIRE(answer);
    CHECK(answer->what == Told::not_started);
    CHECK(reactor.serves());
}

TEST_CASE("a start with a number in use is ignored, and so is a kill of an unused number") {
    const Reactor reactor;
    const UniqueFd first = reactor.start(numbered(5));
    const auto started = reactor.hear();
    REQUIRE(started);
    REQUIRE(started->what == Told::started);
    const UniqueFd second = reactor.start(numbered(5));
    char octet = 0;
    CHECK(::recv(second.get(), &octet, 1, 0) == 0);
    for (const std::uint32_t number : {0U, 1U, 6U, 0xffffffffU}) reactor.say(Kill{keeper::Kind::kill, number});
    CHECK(reactor.serves());
    CHECK(test::state_of(started->value) != 0);
}

TEST_CASE("a child's exit is reported with its status, and so is a program that does not exist") {
    {
        const Reactor reactor;
        UniqueFd socket = reactor.start(numbered(1));
        REQUIRE(reactor.hear());
        socket.reset();
        const auto ended = reactor.hear();
        REQUIRE(ended);
        CHECK(ended->what == Told::exited);
        CHECK(WIFEXITED(ended->value));
        CHECK(WEXITSTATUS(ended->value) == 7);
    }
    const Reactor reactor{kept_settings("/nonexistent/program")};
    const UniqueFd socket = reactor.start(numbered(1));
    const auto started = reactor.hear();
    REQUIRE(started);
    CHECK(started->what == Told::started);
    const auto failed = reactor.hear();
    REQUIRE(failed);
    CHECK(failed->what == Told::not_started);
    CHECK(failed->value == ENOENT);
}

TEST_CASE("children hold nothing open but their socket and the standard descriptors") {
    const Reactor reactor;
    const UniqueFd socket = reactor.start(numbered(1));
    const auto started = reactor.hear();
    REQUIRE(started);
    char text[32];
    REQUIRE(::recv(socket.get(), text, sizeof text, 0) > 0); // it runs
    CHECK(test::descriptors_of(started->value) == 4);
}

TEST_CASE("a reactor that goes away, even with requests unread, leaves no child") {
    std::vector<pid_t> pids;
    {
        Reactor reactor;
        std::vector<UniqueFd> sockets;
        for (std::uint32_t number = 1; number <= 20; ++number) sockets.push_back(reactor.start(numbered(number)));
        for (int i = 0; i < 10; ++i) {
            const auto report = reactor.hear();
            REQUIRE(report);
            pids.push_back(report->value);
        }
        reactor.close();
    } // waits for the service
    for (const pid_t pid : pids) CHECK(gone(pid));
    CHECK(test::descendants_of(::getpid()).empty());
}

TEST_CASE("children beyond the maximum are refused, and one that ends makes room") {
    keeping::Settings settings = kept_settings();
    settings.max_children = 5;
    const Reactor reactor{settings};
    std::vector<UniqueFd> sockets;
    std::uint32_t refused = 0;
    for (std::uint32_t number = 1; number <= 8; ++number) {
        sockets.push_back(reactor.start(numbered(number)));
        const auto report = reactor.hear();
        REQUIRE(report);
        if (report->what == Told::not_started) {
            CHECK(report->value == EAGAIN);
            ++refused;
        }
    }
    CHECK(refused == 3);
    reactor.say(Kill{keeper::Kind::kill, 2});
    const auto ended = reactor.hear();
    REQUIRE(ended);
    CHECK(ended->number == 2);
    CHECK(reactor.serves());
}

namespace {

keeper::Instruct instruction(const std::string& word) {
    keeper::Instruct record;
    std::copy(word.begin(), word.end(), record.words.begin());
    return record;
}

// The answer to a request for a socket.
template <class Record>
Report asked(const Reactor& reactor, const Record& request) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    const UniqueFd ours{pair[0]}, theirs{pair[1]};
    reactor.say(request, theirs.get());
    pollfd one{ours.get(), POLLIN, 0};
    REQUIRE(::poll(&one, 1, 60'000) == 1);
    Report report;
    UniqueFd socket;
    REQUIRE(keeper::receive_record(ours.get(), std::as_writable_bytes(std::span{&report, 1}), socket).what ==
            posix::Moved::some);
    return report;
}

keeper::Listen listen_to(std::uint32_t number, const keeper::Connect& where) {
    keeper::Listen request;
    request.number = number;
    request.length = where.length;
    request.address = where.address;
    return request;
}

} // namespace

TEST_CASE("after Ready, the reactor can neither give its children other words nor name a new unix socket") {
    const test::TempDirectory directory;
    const auto known = keeper::to_connect(directory / "known"), other = keeper::to_connect(directory / "other");
    REQUIRE((known.ok() && other.ok()));
    const Reactor reactor;
    reactor.say(instruction("before"));
    CHECK(asked(reactor, listen_to(1, known.value())).what == Told::done);
    CHECK(asked(reactor, keeper::Release{keeper::Kind::release, 1}).what == Told::done);
    reactor.say(keeper::Ready{});
    reactor.say(instruction("after"));
    const UniqueFd socket = reactor.start(numbered(2));
    const auto started = reactor.hear();
    REQUIRE(started);
    char text[32];
    REQUIRE(::recv(socket.get(), text, sizeof text, 0) > 0); // it runs
    CHECK(test::proc_text(started->value, "cmdline") == std::string{"kept-child\0before\0", 18});
    CHECK(asked(reactor, listen_to(3, known.value())).what == Told::done);
    for (const Report& refused : {asked(reactor, listen_to(4, other.value())), asked(reactor, other.value())}) {
        CHECK(refused.what == Told::refused);
        CHECK(refused.value == EPERM);
    }
    CHECK(asked(reactor, known.value()).value == EPERM); // it was requested to listen on, not to connect to
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    keeper::Listen network;
    network.number = 5;
    network.length = sizeof loopback;
    std::memcpy(&network.address, &loopback, sizeof loopback);
    CHECK(asked(reactor, network).what == Told::done); // PORT may request any
}

TEST_CASE("a request to connect to a child reaches only TLS programs") {
    const Reactor reactor;
    const auto socket_to = [&](std::uint32_t number, UniqueFd& socket) {
        int pair[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        const UniqueFd ours{pair[0]}, theirs{pair[1]};
        reactor.say(keeper::ConnectToChild{keeper::Kind::connect_to_child, number}, theirs.get());
        pollfd one{ours.get(), POLLIN, 0};
        REQUIRE(::poll(&one, 1, 60'000) == 1);
        Report report;
        REQUIRE(keeper::receive_record(ours.get(), std::as_writable_bytes(std::span{&report, 1}), socket).what ==
                posix::Moved::some);
        return report;
    };
    std::vector<UniqueFd> children;
    std::vector<pid_t> pids;
    for (const Role role : {Role::tls, Role::tls, Role::mail}) {
        Start request = numbered(static_cast<std::uint32_t>(children.size() + 1));
        request.role = role;
        children.push_back(reactor.start(request));
        const auto started = reactor.hear();
        REQUIRE((started && started->what == Told::started));
        pids.push_back(started->value);
    }
    std::vector<in_port_t> ports;
    std::vector<UniqueFd> connections;
    for (const std::uint32_t number : {1U, 2U, 1U}) {
        UniqueFd socket;
        CHECK(socket_to(number, socket).what == Told::done);
        REQUIRE(socket);
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        REQUIRE(::getpeername(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&peer)), &length) == 0);
        CHECK(peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        ports.push_back(peer.sin_port);
        connections.push_back(std::move(socket));
    }
    CHECK(ports[0] != ports[1]);
    CHECK(ports[0] == ports[2]);
    for (const std::uint32_t number : {3U, 4U, 0U, 0xffffffffU}) {
        UniqueFd socket;
        const Report report = socket_to(number, socket);
        CHECK(report.what == Told::refused);
        CHECK(report.value == ECONNREFUSED);
        CHECK_FALSE(socket);
    }
    // One that has ended gets none either, and its listening socket is closed: what still waited there is reset.
    reactor.say(Kill{keeper::Kind::kill, 1});
    REQUIRE(reactor.hear());
    UniqueFd socket;
    CHECK(socket_to(1, socket).value == ECONNREFUSED);
    pollfd waiting{connections.front().get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 60'000) == 1);
    char octet = 0;
    CHECK(::recv(waiting.fd, &octet, 1, 0) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("no host for logins is started unless its program was named before Ready") {
    const Reactor reactor;
    Start host = numbered(1);
    host.role = Role::logins;
    const auto refused = [&] {
        const UniqueFd socket = reactor.start(host);
        const auto answer = reactor.hear();
        REQUIRE(answer);
        CHECK(answer->what == Told::not_started);
        CHECK(answer->value == EPERM);
    };
    refused();
    reactor.say(keeper::Ready{});
    keeper::Instruct program = instruction("/bin/sh");
    program.role = Role::logins;
    reactor.say(program);
    refused();
    CHECK(reactor.serves());
}

TEST_CASE("a child whose role has no place is not started if the request names one") {
    const Reactor reactor;
    std::uint32_t number = 0;
    for (const Role role : {Role::logins, Role::files, Role::hash, Role::tls}) {
        keeper::Instruct words = instruction("/bin/true");
        words.role = role;
        reactor.say(words);
        for (const bool alone : {false, true}) {
            Start child = numbered(++number);
            child.role = role;
            child.alone = alone ? 1 : 0;
            std::strcpy(child.maildir.data(), "/etc");
            const UniqueFd socket = reactor.start(child);
            const auto answer = reactor.hear();
            REQUIRE(answer);
            CHECK(answer->what == Told::not_started);
            CHECK(answer->value == EPERM);
        }
    }
    CHECK(reactor.serves());
}

TEST_CASE("rules for programs are accepted only before Ready, and only in sealed memory") {
    const Reactor reactor;
    const auto memory = [](const std::string& text, bool sealed) {
        UniqueFd made{::memfd_create("rules", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        REQUIRE(::write(made.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        if (sealed) REQUIRE(::fcntl(made.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
        return made;
    };
    const auto rules_of_next_host = [&](std::uint32_t number) {
        Start request = numbered(number);
        request.role = Role::filters;
        const UniqueFd socket = reactor.start(request);
        const auto started = reactor.hear();
        REQUIRE((started && started->what == Told::started));
        char text[32];
        REQUIRE(::recv(socket.get(), text, sizeof text, 0) > 0); // it runs
        CHECK(test::proc_text(started->value, "cmdline") == std::string{"kept-child\0logins\0", 18});
        const UniqueFd rules{::open(("/proc/" + std::to_string(started->value) + "/fd/5").c_str(), O_RDONLY)};
        std::string read(16, '\0');
        const ssize_t n = rules ? ::pread(rules.get(), read.data(), read.size(), 0) : 0;
        reactor.say(Kill{keeper::Kind::kill, number});
        REQUIRE(reactor.hear());
        return read.substr(0, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    };
    keeper::Rules rules;
    reactor.say(rules, memory("loose", false).get());
    CHECK(rules_of_next_host(1).empty());
    reactor.say(rules, memory("first", true).get());
    CHECK(rules_of_next_host(2) == "first");
    keeper::Rules odd;
    odd.groups = keeper::max_groups + 1;
    reactor.say(odd, memory("odd", true).get());
    odd = {};
    odd.subject = static_cast<keeper::Subject>(keeper::subjects);
    reactor.say(odd, memory("odd", true).get());
    CHECK(rules_of_next_host(3) == "first");
    reactor.say(keeper::Ready{});
    reactor.say(rules, memory("later", true).get());
    CHECK(rules_of_next_host(4) == "first");
}
