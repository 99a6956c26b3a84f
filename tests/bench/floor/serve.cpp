// bench/floor/serve.cpp - a bare epoll loop with canned replies (floor.h). Knows no users, checks nothing, and has no
// state except how much of a file is still to be sent.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "floor/floor.h"
#include "floor/port.h"

namespace bench {
namespace {

using buzon::posix::UniqueFd;

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

struct Peer { // indexed by descriptor
    const Canned* sending = nullptr;
    off_t sent = 0;
};

class Stub {
public:
    explicit Stub(const std::string& folder)
        : stat_{canned_line(folder + "/stat")}
        , list_one_{canned_line(folder + "/list-one")}
        , retr_{open_canned(folder + "/retr")}
        , list_{open_canned(folder + "/list")}
        , uidl_{open_canned(folder + "/uidl")} {}

    [[noreturn]] void serve() {
        port_.listen_and_say_where();
        std::array<epoll_event, 256> ready{};
        for (;;) {
            const int n = epoll_wait(port_.epoll(), ready.data(), static_cast<int>(ready.size()), -1);
            for (int i = 0; i < n; ++i) {
                const int fd = ready[static_cast<std::size_t>(i)].data.fd;
                if (port_.is(fd))
                    port_.accept_all([this](int came) { forget(came); });
                else if (peers_[static_cast<std::size_t>(fd)].sending != nullptr)
                    send_file(fd);
                else if ((ready[static_cast<std::size_t>(i)].events & ~static_cast<unsigned>(EPOLLOUT)) != 0)
                    answer(fd);
            }
        }
    }

private:
    static std::string canned_line(const std::string& path) {
        auto text = buzon::posix::read_file(path.c_str(), 4096);
        if (!text) throw std::system_error{text.error(), path};
        return std::move(text).value();
    }

    void forget(int fd) {
        if (peers_.size() <= static_cast<std::size_t>(fd)) peers_.resize(static_cast<std::size_t>(fd) + 1);
        peers_[static_cast<std::size_t>(fd)] = {};
    }

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
            if (line.starts_with("STAT"))
                output_ += stat_;
            else if (line.starts_with("LIST "))
                output_ += list_one_;
            else if (line.starts_with("LIST"))
                start(fd, list_);
            else if (line.starts_with("UIDL"))
                start(fd, uidl_);
            else if (line.starts_with("RETR"))
                start(fd, retr_);
            else
                output_ += "+OK\r\n";
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
            if (errno == EAGAIN) return; // an event follows when there is room again
            close(fd);
            break;
        }
        peer = {};
    }

    std::string stat_, list_one_;
    Canned retr_, list_, uidl_;
    Port port_;
    std::vector<Peer> peers_;
    std::array<char, 65536> input_{};
    std::string output_;
};

} // namespace

void serve_canned(const std::string& folder) {
    Stub{folder}.serve();
}

} // namespace bench
