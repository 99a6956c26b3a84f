// bench/floor/serve.cpp - a bare epoll loop with canned replies (floor.h). Knows no user, checks nothing, has no state
// but how much of a file is still to be sent.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "floor/floor.h"

namespace bench {
namespace {

using buzon::posix::UniqueFd;

[[noreturn]] void give_up(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

struct Canned {
    UniqueFd file;
    off_t size = 0;
};

Canned open_canned(const std::string& path) {
    Canned canned{UniqueFd{open(path.c_str(), O_RDONLY | O_CLOEXEC)}};
    struct stat status {};
    if (!canned.file || fstat(canned.file.get(), &status) != 0) give_up(path.c_str());
    canned.size = status.st_size;
    return canned;
}

struct Peer {   // indexed by descriptor
    const Canned* sending = nullptr;
    off_t sent = 0;
};

class Stub {
public:
    explicit Stub(const std::string& folder)
        : stat_{canned_line(folder + "/stat")}, list_one_{canned_line(folder + "/list-one")},
          retr_{open_canned(folder + "/retr")}, list_{open_canned(folder + "/list")}, uidl_{open_canned(folder + "/uidl")} {}

    [[noreturn]] void serve() {
        listen_and_say_where();
        std::array<epoll_event, 256> ready{};
        for (;;) {
            const int n = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
            for (int i = 0; i < n; ++i) {
                const int fd = ready[static_cast<std::size_t>(i)].data.fd;
                if (fd == listener_.get()) accept_all();
                else if (peers_[static_cast<std::size_t>(fd)].sending != nullptr) send_file(fd);
                else if ((ready[static_cast<std::size_t>(i)].events & ~static_cast<unsigned>(EPOLLOUT)) != 0) answer(fd);
            }
        }
    }

private:
    static std::string canned_line(const std::string& path) {
        auto text = buzon::posix::read_file(path.c_str(), 4096);
        if (!text) throw std::system_error{text.error(), path};
        return std::move(text).value();
    }

    void listen_and_say_where() {
        listener_ = UniqueFd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        if (bind(listener_.get(), generic, length) != 0 || listen(listener_.get(), 4096) != 0 ||
            getsockname(listener_.get(), generic, &length) != 0) {
            give_up("listen");
        }
        watch(listener_.get(), EPOLLIN);
        std::cout << "Server started on port " << ntohs(address.sin_port) << std::endl;
    }

    void watch(int fd, std::uint32_t events) {
        epoll_event event{.events = events, .data = {.fd = fd}};
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            if (peers_.size() <= static_cast<std::size_t>(fd)) peers_.resize(static_cast<std::size_t>(fd) + 1);
            peers_[static_cast<std::size_t>(fd)] = {};
            watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);   // one epoll_ctl a session, none an event
            say(fd, "+OK floor ready\r\n");
        }
    }

    static void say(int fd, std::string_view text) { (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

    void answer(int fd) {
        const ssize_t n = recv(fd, input_.data(), input_.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close(fd);
            return;
        }
        output_.clear();
        bool ends = false;
        for (std::string_view rest{input_.data(), static_cast<std::size_t>(n)}; rest.size() > 4;) {
            const std::string_view line = rest.substr(0, rest.find('\n') + 1);
            rest.remove_prefix(line.size());
            if (line.starts_with("STAT")) output_ += stat_;
            else if (line.starts_with("LIST ")) output_ += list_one_;
            else if (line.starts_with("LIST")) start(fd, list_);
            else if (line.starts_with("UIDL")) start(fd, uidl_);
            else if (line.starts_with("RETR")) start(fd, retr_);
            else output_ += "+OK\r\n";
            ends = line.starts_with("QUIT");
        }
        if (!output_.empty()) say(fd, output_);
        if (ends) close(fd);
    }

    void start(int fd, const Canned& canned) {
        peers_[static_cast<std::size_t>(fd)] = {&canned, 0};
        send_file(fd);
    }

    void send_file(int fd) {
        Peer& peer = peers_[static_cast<std::size_t>(fd)];
        while (peer.sent < peer.sending->size) {
            const auto left = static_cast<std::size_t>(peer.sending->size - peer.sent);
            if (sendfile(fd, peer.sending->file.get(), &peer.sent, left) >= 0) continue;
            if (errno == EAGAIN) return;   // an edge comes when there is room again
            close(fd);
            break;
        }
        peer = {};
    }

    std::string stat_, list_one_;
    Canned retr_, list_, uidl_;
    UniqueFd epoll_{epoll_create1(EPOLL_CLOEXEC)};
    UniqueFd listener_;
    std::vector<Peer> peers_;
    std::array<char, 65536> input_{};
    std::string output_;
};

} // namespace

void serve_canned(const std::string& folder) {
    Stub{folder}.serve();
}

} // namespace bench
