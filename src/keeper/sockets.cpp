#include "buzon/keeper/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

namespace buzon::keeper {
namespace {

constexpr int backlog = 4096; // the kernel caps it at net.core.somaxconn

const sockaddr* address_of(const sockaddr_storage& storage) noexcept {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
}

std::error_code error_of(int code) noexcept {
    return {code, std::system_category()};
}

// Empty: the address is not that of a file.
std::string path_of(const sockaddr_storage& storage, std::uint32_t length) {
    sockaddr_un address{};
    if (storage.ss_family != AF_UNIX || length > sizeof address || length <= offsetof(sockaddr_un, sun_path)) return {};
    std::memcpy(&address, &storage, length);
    const char* const end = std::find(address.sun_path, address.sun_path + sizeof address.sun_path, '\0');
    return std::string{static_cast<const char*>(address.sun_path), end};
}

bool somebody_serves(const Listen& what) noexcept {
    const posix::UniqueFd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return probe && (::connect(probe.get(), address_of(what.address), what.length) == 0 || errno == EAGAIN);
}

// Lets us bind a port that lingering connections still use.
void reuse_address(int socket) noexcept {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

bool any_port(const Listen& what) noexcept {
    sockaddr_in address{}; // the port of an IPv6 address is at the same offset
    std::memcpy(&address, &what.address, sizeof address);
    return address.sin_port == 0;
}

posix::Result<posix::UniqueFd> bind_ip(const Listen& what) {
    const int family = what.address.ss_family;
    posix::UniqueFd socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return posix::last_error();
    const int on = 1;
    const int v6_only = what.dual_stack != 0 ? 0 : 1;
    // For any free port, listen() does that later: otherwise the kernel might choose a port on which another process is
    // about to listen.
    if (!any_port(what)) reuse_address(socket.get());
    if (what.beside != 0) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (family == AF_INET6 && ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) != 0)
        return posix::last_error();
    if (::bind(socket.get(), address_of(what.address), what.length) != 0) return posix::last_error();
    return socket;
}

posix::Result<posix::UniqueFd> bind_unix(const Listen& what, const std::string& path, ino_t& inode) {
    struct stat about {};
    if (path.empty()) return error_of(EINVAL);
    if (::lstat(path.c_str(), &about) == 0) {
        if (!S_ISSOCK(about.st_mode)) return error_of(EEXIST);
        if (somebody_serves(what)) return error_of(EADDRINUSE);
        ::unlink(path.c_str());
    }
    posix::UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return posix::last_error();
    // The mode must be right from the start: set by umask, since chmod would come too late.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(socket.get(), address_of(what.address), what.length);
    const std::error_code why = posix::last_error();
    ::umask(before);
    if (bound != 0) return why;
    if (::lstat(path.c_str(), &about) != 0) return posix::last_error();
    inode = about.st_ino;
    return socket;
}

bool is_in_folder_of_its_own(const std::string& path) {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    if (folder.size() < 2) return false;
    const std::size_t begin = folder.rfind('/', folder.size() - 2) + 1;
    return folder.compare(begin, std::strlen(folder_of_one_socket), folder_of_one_socket) == 0;
}

bool same_address(const Listen& one, const Listen& other) noexcept {
    return one.length == other.length && one.dual_stack == other.dual_stack && one.length <= sizeof one.address &&
           std::memcmp(&one.address, &other.address, one.length) == 0;
}

} // namespace

Listeners::~Listeners() {
    for (const One& one : all_) remove_file(one);
}

posix::Result<int> Listeners::listen(const Listen& what) {
    const auto in_use = [&](const One& one) { return !one.orphan && one.asked.number == what.number; };
    if (what.length > sizeof what.address || std::any_of(all_.begin(), all_.end(), in_use)) return error_of(EINVAL);
    for (One& one : all_) {
        if (!one.orphan || !same_address(one.asked, what)) continue;
        one.orphan = false;
        one.asked = what;
        return one.socket.get();
    }
    One one{what, {}, 0, false};
    const int family = what.address.ss_family;
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return error_of(EAFNOSUPPORT);
    auto bound = family == AF_UNIX ? bind_unix(what, path_of(what.address, what.length), one.inode) : bind_ip(what);
    if (!bound) return bound.error();
    one.socket = std::move(bound).value();
    if (::listen(one.socket.get(), backlog) != 0) {
        const std::error_code why = posix::last_error();
        remove_file(one);
        return why;
    }
    if (family != AF_UNIX) reuse_address(one.socket.get());
    all_.push_back(std::move(one));
    return all_.back().socket.get();
}

void Listeners::remove_file(const One& one) noexcept {
    const std::string path = path_of(one.asked.address, one.asked.length);
    struct stat about {};
    if (path.empty() || ::lstat(path.c_str(), &about) != 0 || about.st_ino != one.inode) return;
    ::unlink(path.c_str());
    if (is_in_folder_of_its_own(path)) ::rmdir(path.substr(0, path.rfind('/')).c_str());
}

void Listeners::release(std::uint32_t number) noexcept {
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [number](const One& one) { return !one.orphan && one.asked.number == number; });
    if (found == all_.end()) return;
    remove_file(*found);
    all_.erase(found);
}

void Listeners::orphan() noexcept {
    for (One& one : all_) one.orphan = true;
}

void Listeners::release_orphans() noexcept {
    for (const One& one : all_)
        if (one.orphan) remove_file(one);
    std::erase_if(all_, [](const One& one) { return one.orphan; });
}

bool is_for_one_socket(const Listen& what) {
    return is_in_folder_of_its_own(path_of(what.address, what.length));
}

// Uses a descriptor of the socket's own file: anything that takes its place in the meantime keeps its owner.
void Listeners::give_file_to(std::uint32_t number, const posix::Ids& who) noexcept {
    for (const One& one : all_) {
        if (one.orphan || one.asked.number != number) continue;
        const std::string path = path_of(one.asked.address, one.asked.length);
        const posix::UniqueFd file{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        struct stat about {};
        if (file && ::fstat(file.get(), &about) == 0 && S_ISSOCK(about.st_mode) && about.st_ino == one.inode)
            (void)!::fchownat(file.get(), "", who.uid, who.gid, AT_EMPTY_PATH);
    }
}

posix::Result<posix::UniqueFd> connect_here(const Connect& what) {
    posix::UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket || ::connect(socket.get(), address_of(what.address), what.length) != 0) return posix::last_error();
    return socket;
}

posix::Result<posix::UniqueFd> listen_on_loopback() {
    posix::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const void* const any = &address;
    if (!socket || ::bind(socket.get(), static_cast<const sockaddr*>(any), sizeof address) != 0 ||
        ::listen(socket.get(), backlog) != 0)
        return posix::last_error();
    return socket;
}

// On the loopback this succeeds or fails at once; if the backlog is full, connecting continues by itself.
posix::Result<posix::UniqueFd> connect_to_listener(int listener) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(listener, static_cast<sockaddr*>(static_cast<void*>(&address)), &length) != 0)
        return posix::last_error();
    posix::UniqueFd socket{::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket || (::connect(socket.get(), address_of(address), length) != 0 && errno != EINPROGRESS))
        return posix::last_error();
    return socket;
}

class SocketsHere::Later final : public Request, private event::Task {
public:
    Later(event::EventLoop& loop, std::function<void()> work) : work_{std::move(work)} { loop.next_turn(*this); }
    void wait() override {
        cancel();
        run();
    }

private:
    void run() override {
        const std::function<void()> work = std::move(work_); // which may destroy us
        work();
    }
    std::function<void()> work_;
};

std::unique_ptr<Request> SocketsHere::listen(const Listen& what, OnListening then) {
    Listen numbered = what;
    numbered.number = ++last_;
    return std::make_unique<Later>(loop_, [this, numbered, then = std::move(then)] {
        const auto opened = listeners_.listen(numbered);
        if (!opened) return then(opened.error());
        then(Listening{posix::UniqueFd{::fcntl(opened.value(), F_DUPFD_CLOEXEC, 0)}, numbered.number});
    });
}

std::unique_ptr<Request> SocketsHere::connect(const std::string& path, OnConnected then) {
    return std::make_unique<Later>(loop_, [path, then = std::move(then)] {
        const auto what = to_connect(path);
        if (!what) return then(what.error());
        then(connect_here(what.value()));
    });
}

std::unique_ptr<Request> SocketsHere::connect_to(const Child&, OnConnected then) {
    return std::make_unique<Later>(loop_, [then = std::move(then)] { then(error_of(ENOSYS)); });
}

posix::Result<Connect> to_connect(const std::string& path) {
    sockaddr_un address{};
    Connect what;
    if (path.empty() || path.size() >= sizeof address.sun_path) return error_of(ENAMETOOLONG);
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    what.length = sizeof address;
    std::memcpy(&what.address, &address, sizeof address);
    return what;
}

} // namespace buzon::keeper
