// programs/programs_test.cpp - how buzon-each runs plain programs, how buzon-spamd talks to a fake spamd, and the
// values in a message's first line.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <thread>

#include "buzon/posix/unique_fd.h"
#include "each.h"
#include "spamd.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::programs;

namespace {

// A fake spamd that serves one request on a unix socket; `answer` turns the request into the reply.
class PretendedSpamd {
public:
    explicit PretendedSpamd(const test::TempDirectory& directory,
                            std::function<std::string(const std::string&)> answer) {
        spamd.socket = directory / "spamd.sock";
        socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        spamd.socket.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        serve(answer);
    }
    // The same on a free TCP port.
    explicit PretendedSpamd(std::function<std::string(const std::string&)> answer) {
        spamd.host = "127.0.0.1";
        socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        spamd.port = std::to_string(ntohs(address.sin_port));
        serve(answer);
    }
    PretendedSpamd(const PretendedSpamd&) = delete;
    PretendedSpamd& operator=(const PretendedSpamd&) = delete;
    ~PretendedSpamd() { done(); }
    void done() {
        if (serving_.joinable()) serving_.join();
    }

    Spamd spamd;
    std::string request;

private:
    void serve(const std::function<std::string(const std::string&)>& answer) {
        REQUIRE(::listen(socket_.get(), 1) == 0);
        serving_ = std::thread{[this, answer] {
            const posix::UniqueFd client{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            char piece[4096];
            for (ssize_t n = 0; (n = ::read(client.get(), piece, sizeof piece)) > 0;)
                request.append(piece, static_cast<std::size_t>(n));
            const std::string octets = answer(request);
            (void)!::send(client.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
        }};
    }

    posix::UniqueFd socket_;
    std::thread serving_;
};

std::string reply_of(const std::string& message, const std::string& status = "0 EX_OK") {
    return "SPAMD/1.1 " + status + "\r\nContent-length: " + std::to_string(message.size()) +
           "\r\nSpam: True ; 15.0 / 5.0\r\n\r\n" + message;
}

} // namespace

TEST_CASE("spamd gets the message and the user's name, and its answer is used unchanged") {
    const test::TempDirectory directory;
    PretendedSpamd pretended{directory, [](const std::string&) { return reply_of("X-Spam: yes\r\n\r\nbody"); }};
    const Scanned scanned = ask_spamd(pretended.spamd, "Subject: x\n\nbody", "ana");
    pretended.done();
    CHECK(scanned.problem.empty());
    CHECK(scanned.octets == "X-Spam: yes\r\n\r\nbody");
    CHECK(pretended.request == "PROCESS SPAMC/1.5\r\nUser: ana\r\nContent-length: 16\r\n\r\nSubject: x\n\nbody");
}

TEST_CASE("spamd can be reached over TCP, too") {
    PretendedSpamd pretended{[](const std::string&) { return reply_of("X-Spam: no\r\n\r\n"); }};
    CHECK(ask_spamd(pretended.spamd, "x", "").octets == "X-Spam: no\r\n\r\n");
}

TEST_CASE("no user can inject a line into the request") {
    const test::TempDirectory directory;
    PretendedSpamd pretended{directory, [](const std::string&) { return reply_of("x"); }};
    (void)ask_spamd(pretended.spamd, "x", "ana\r\nX: y");
    pretended.done();
    CHECK(pretended.request == "PROCESS SPAMC/1.5\r\nContent-length: 1\r\n\r\nx");
}

TEST_CASE("an answer from spamd that is invalid, incomplete or too long is a problem") {
    const std::string answer = GENERATE(values<std::string>(
        {"", "x", "SPAMD/1.1 76 Bad header line\r\n\r\n", "SPAMD/1.1 0 EX_OK\r\n\r\nbody",
         "SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\n\r\nbody", "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\n\r\nbody",
         "SPAMD/1.1 0 EX_OK\r\nContent-length: -4\r\n\r\nbody", "SPAMD/1.1 0 EX_OK\r\nContent-length: 4", "SPAMD/1.1",
         reply_of(std::string(3'000'000, 'x'))}));
    const test::TempDirectory directory;
    PretendedSpamd pretended{directory, [answer](const std::string&) { return answer; }};
    CHECK_FALSE(ask_spamd(pretended.spamd, "x", "").problem.empty());
}

TEST_CASE("a spamd that is missing or does not answer is a problem") {
    const test::TempDirectory directory;
    Spamd spamd;
    spamd.socket = directory / "none";
    CHECK_FALSE(ask_spamd(spamd, "x", "").problem.empty());
    spamd.socket = std::string(200, 'x');
    CHECK_FALSE(ask_spamd(spamd, "x", "").problem.empty());
    std::promise<void> given_up;
    PretendedSpamd silent{directory, [&](const std::string&) {
                              given_up.get_future().wait();
                              return std::string{};
                          }};
    silent.spamd.timeout = std::chrono::milliseconds{100};
    const std::string problem = ask_spamd(silent.spamd, "x", "").problem;
    given_up.set_value();
    CHECK(problem.find("timed out") != std::string::npos);
}

TEST_CASE("a message ends with its plain program, though a process that it left behind goes on writing") {
    const std::string script = "trap '' PIPE; echo first; setsid sh -c 'while echo more; do :; done' & exit";
    const Made made = run_program({"/bin/sh", "-c", script}, {"x\n", "ana", "1", "::1"});
    CHECK(made.problem.empty());
    CHECK(made.octets.starts_with("first\n"));
}

TEST_CASE("a plain program gets the message and its environment, and its failures are reported") {
    const test::TempDirectory directory;
    const Letter letter{"Subject: x\n\ntext\n", "ana", "uidl 1", "::1"};
    CHECK(run_program({"/bin/cat"}, letter).octets == letter.octets);
    CHECK(run_program({"/usr/bin/sed", "s/e/x/g"}, letter).octets == "Subjxct: x\n\ntxxt\n");
    const std::string seen = run_program({"/usr/bin/env"}, letter).octets;
    CHECK(seen.starts_with("BUZON_USER=ana\nBUZON_UIDL=uidl 1\nBUZON_CLIENT_IP=::1\n"));
    const Made none = run_program({"/none"}, letter);
    CHECK(none.problem == "/none: No such file or directory");
    CHECK(run_program({"/bin/false"}, letter).problem == "/bin/false: exit status 1");
    const std::string killed = directory.script("killed", "kill -9 $$");
    CHECK(run_program({killed}, letter).problem == killed + ": killed by signal 9");
    const std::string leaves = directory.script("leaves", "cat; (sleep 1000)& exit 0");
    CHECK(run_program({leaves}, letter).octets == letter.octets); // though a child holds its output
    const Letter large{std::string(3'000'000, 'x'), "", "", ""};
    CHECK((run_program({"/bin/cat"}, large).octets == large.octets));
    CHECK(run_program({"/usr/bin/head", "-c", "5"}, large).octets == "xxxxx");
}

TEST_CASE("values are decoded from one word") {
    CHECK(plain_value("ana") == "ana");
    CHECK(plain_value("-") == "");
    CHECK(plain_value("a%20b%25%zz%4") == "a b%%zz%4");
}
