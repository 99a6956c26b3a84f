#include "fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "buzon/posix/io.h"
#include "buzon/terminal/text.h"

using namespace buzon;

namespace {

// One connection, in a process of its own, so plain blocking calls will do.
class Peer {
public:
    Peer(int socket, const Replies& replies, int journal) : socket_{socket}, replies_{replies}, journal_{journal} {}

    void serve(const std::string& greeting) {
        say(greeting);
        std::string line;
        while (read_line(line)) {
            const std::string verb = client::upper(line);
            const auto known = replies_.find(verb);
            if (verb == "QUIT") return say("+OK goodbye\r\n");
            if (known == replies_.end()) {
                say(verb == "NOOP" ? "+OK done\r\n" : "-ERR unknown command\r\n");
            } else if (known->second == "@close") {
                return;
            } else if (known->second == "@live") {
                say("+OK\r\n2026-11-23T15:14:34.123Z login user=user1\r\n..2026 dots\r\n");
                if (!read_line(line)) return;
                say(".\r\n");
            } else if (known->second != "@silent") {
                say(known->second);
            }
        }
    }

private:
    void say(std::string_view text) {
        if (posix::write_all(socket_, text)) ::_exit(0);
    }

    bool read_line(std::string& line) {
        line.clear();
        char c = 0;
        while (::read(socket_, &c, 1) == 1) {
            if (c == '\n') {
                const std::string entry = line + '\n';
                if (posix::write_all(journal_, entry)) ::_exit(1);
                return true;
            }
            if (c != '\r') line += c;
        }
        return false;
    }

    int socket_;
    const Replies& replies_;
    int journal_;
};

[[noreturn]] void serve_all(int listener, const Replies& replies, const std::string& greeting, int journal) {
    ::signal(SIGCHLD, SIG_IGN);
    for (;;) {
        const int socket = ::accept(listener, nullptr, nullptr);
        if (socket < 0) ::_exit(1);
        if (::fork() == 0) {
            ::close(listener);
            Peer{socket, replies, journal}.serve(greeting);
            ::_exit(0);
        }
        ::close(socket);
    }
}

} // namespace

FakeServer::FakeServer(Replies replies, std::string greeting) : journal_{::memfd_create("journal", MFD_CLOEXEC)} {
    const posix::UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    if (::bind(listener.get(), address, size) != 0 || ::listen(listener.get(), 16) != 0 ||
        ::getsockname(listener.get(), address, &size) != 0) {
        throw std::runtime_error{"no port for the fake server"};
    }
    port_ = std::to_string(ntohs(where.sin_port));
    pid_ = ::fork();
    if (pid_ == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_all(listener.get(), replies, greeting, journal_.get());
    }
    ::setpgid(pid_, pid_);
}

void FakeServer::kill() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::string FakeServer::heard() const {
    std::string text;
    char piece[4096];
    ssize_t n = 0;
    while ((n = ::pread(journal_.get(), piece, sizeof piece, static_cast<off_t>(text.size()))) > 0) {
        text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
}
