#include "buzon/keeper/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::keeper {
namespace {

constexpr int reports_per_turn = 64;
constexpr int longest_wait = 5000; // milliseconds: a keeper that does not answer by then has been stopped

} // namespace

Client::Client(event::EventLoop& loop, posix::UniqueFd channel, std::function<void()> on_loss)
    : channel_{std::move(channel)}, on_loss_{std::move(on_loss)} {
    if (::fcntl(channel_.get(), F_SETFL, O_NONBLOCK) != 0) throw std::system_error(posix::last_error(), "keeper");
    if (const std::error_code why = watch_.start(loop, channel_.get(), EPOLLIN, *this))
        throw std::system_error(why, "keeper");
}

Client::~Client() {
    watch_.stop();
    for (auto& [number, child] : children_)
        if (child) std::exchange(child, nullptr)->forget();
}

std::uint32_t Client::start(Child& child, const ChildSpec& spec, posix::UniqueFd socket) {
    Start request;
    if (!channel_ || spec.maildir.size() >= request.maildir.size()) return 0;
    std::uint32_t number = 0;
    event::guarded(
        [&] {
            do ++last_;
            while (last_ == 0 || children_.contains(last_));
            request.number = last_;
            request.role = spec.role;
            request.owner = spec.owner;
            request.alone = spec.alone ? 1 : 0;
            std::copy(spec.maildir.begin(), spec.maildir.end(), request.maildir.begin());
            children_.emplace(last_, &child);
            send(octets_of(request), std::move(socket));
            number = last_;
        },
        [&] { children_.erase(last_); });
    return number;
}

bool Client::instruct(Role role, const std::vector<std::string>& words) {
    Instruct record;
    record.role = role;
    std::size_t at = 0;
    for (const std::string& word : words) {
        if (word.empty() || word.size() + 2 > record.words.size() - at) return false; // with the NUL of the end
        at += word.copy(record.words.data() + at, word.size()) + 1;
    }
    send(octets_of(record), {});
    return true;
}

void Client::allow_mail(const std::string& root, bool believe_places, posix::UniqueFd users) {
    AllowMail request;
    request.believe_places = believe_places ? 1 : 0;
    if (root.size() >= request.root.size()) return;
    std::copy(root.begin(), root.end(), request.root.begin());
    send(octets_of(request), std::move(users));
}

void Client::obey(Subject subject, posix::UniqueFd rules, const posix::Ids& as, std::span<const gid_t> groups) {
    Rules record;
    record.subject = subject;
    record.as = as;
    record.groups = static_cast<std::uint32_t>(std::min(groups.size(), record.group.size()));
    std::copy_n(groups.begin(), record.groups, record.group.begin());
    send(octets_of(record), std::move(rules));
}

// Nothing is lost where memory is: the child goes when its socket closes.
void Client::kill(std::uint32_t number) noexcept {
    event::guarded([&] { send(octets_of(Kill{Kind::kill, number}), {}); }, [] {});
}

void Client::forget(std::uint32_t number) noexcept {
    const auto found = children_.find(number);
    if (found != children_.end()) found->second = nullptr;
}

void Client::send(Octets record, posix::UniqueFd fd) {
    if (!channel_) return;
    if (waiting_.empty()) {
        const posix::Transfer sent = send_record(channel_.get(), record, fd.get());
        // A keeper that has gone is noticed by on_ready().
        if (sent.what == posix::Moved::some || (sent.what == posix::Moved::failed && sent.why.value() == EPIPE)) return;
    }
    waiting_.push_back({{record.begin(), record.end()}, std::move(fd)});
    watch_.interest(EPOLLIN | EPOLLOUT);
}

void Client::send_what_waits() {
    while (!waiting_.empty()) {
        const Letter& first = waiting_.front();
        if (send_record(channel_.get(), first.record, first.fd.get()).what != posix::Moved::some) return;
        waiting_.pop_front();
    }
    watch_.interest(EPOLLIN);
}

posix::Result<posix::UniqueFd> Client::ask(Octets record) {
    if (!channel_) return std::make_error_code(std::errc::not_connected);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return posix::last_error();
    const posix::UniqueFd answer{pair[0]};
    send(record, posix::UniqueFd{pair[1]});
    while (!waiting_.empty()) {
        pollfd room{channel_.get(), POLLOUT, 0};
        if (::poll(&room, 1, longest_wait) <= 0) return std::make_error_code(std::errc::timed_out);
        const std::size_t before = waiting_.size();
        send_what_waits();
        if (waiting_.size() == before) return std::make_error_code(std::errc::timed_out);
    }
    pollfd one{answer.get(), POLLIN, 0};
    if (::poll(&one, 1, longest_wait) <= 0) return std::make_error_code(std::errc::timed_out);
    Report report;
    posix::UniqueFd fd;
    const posix::Transfer got = receive_record(answer.get(), std::as_writable_bytes(std::span{&report, 1}), fd);
    if (got.what != posix::Moved::some) return std::make_error_code(std::errc::not_connected);
    if (report.what != Told::done) return std::error_code{report.value, std::system_category()};
    return fd;
}

posix::Result<Listening> Client::listen(const Listen& what) {
    Listen numbered = what;
    numbered.number = ++last_listener_;
    auto socket = ask(octets_of(numbered));
    if (!socket) return socket.error();
    if (!socket.value()) return std::make_error_code(std::errc::too_many_files_open);
    return Listening{std::move(socket).value(), numbered.number};
}

void Client::release(std::uint32_t number) noexcept {
    event::guarded([&] { send(octets_of(Release{Kind::release, number}), {}); }, [] {});
}

posix::Result<posix::UniqueFd> Client::connect(const std::string& path) {
    const auto what = to_connect(path);
    if (!what) return what.error();
    return ask(octets_of(what.value()));
}

void Client::on_ready(std::uint32_t events) {
    if (events & EPOLLOUT) send_what_waits();
    for (int i = 0; i < reports_per_turn; ++i) {
        Report report;
        posix::UniqueFd none;
        const posix::Transfer got = receive_record(channel_.get(), std::as_writable_bytes(std::span{&report, 1}), none);
        if (got.what == posix::Moved::would_block) return;
        if (got.what != posix::Moved::some) return lost();
        const auto found = children_.find(report.number);
        if (found == children_.end()) continue;
        Child* const child = found->second;
        if (report.what != Told::started) children_.erase(found);
        if (child) tell(*child, report);
    }
}

// The children die with their keeper.
void Client::lost() {
    watch_.stop();
    channel_.reset();
    waiting_.clear();
    if (on_loss_) on_loss_();
}

} // namespace buzon::keeper
