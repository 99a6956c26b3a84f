#include "buzon/keeper/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::keeper {
namespace {

using namespace std::chrono_literals;

constexpr int reports_per_turn = 64;

} // namespace

Client::Client(event::EventLoop& loop, posix::UniqueFd channel, std::function<void()> on_loss,
               std::chrono::milliseconds patience)
    : loop_{loop}, channel_{std::move(channel)}, on_loss_{std::move(on_loss)}, patience_{patience} {
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
        if (word.empty() || word.size() + 2 > record.words.size() - at) return false; // plus the NUL at the end
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

// Without memory the request is dropped: the child still exits when its socket closes.
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
        // on_ready() will notice that the keeper has gone.
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

// The answer comes on a socket that was made for it.
class Client::Question final : public Request, private event::Handler, private event::TimerHandler {
public:
    // listener: the number of the listener that is requested; 0: something else is.
    Question(Client& client, std::uint32_t listener, OnConnected then)
        : client_{client}, listener_{listener}, then_{std::move(then)} {}
    ~Question() override {
        if (then_) give_back();
    }

    // failed: why it cannot even be sent.
    void ask(Octets record, std::error_code failed = {}) {
        int pair[2];
        why_ = failed;
        if (!why_ && !client_.channel_) why_ = std::make_error_code(std::errc::not_connected);
        if (!why_ && ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
            why_ = posix::last_error();
        if (!why_) {
            answer_.reset(pair[0]);
            posix::UniqueFd theirs{pair[1]};
            why_ = watch_.start(client_.loop_, answer_.get(), EPOLLIN, *this);
            if (!why_) client_.send(record, std::move(theirs));
        }
        timer_.arm(client_.loop_.timers(), event::Clock::now() + (why_ ? 0ms : client_.patience_));
    }

    void wait() override {
        while (!why_) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(timer_.deadline() - event::Clock::now());
            if (left <= 0ms) break;
            const short room = client_.waiting_.empty() ? short{0} : short{POLLOUT};
            pollfd both[] = {{answer_.get(), POLLIN, 0}, {client_.channel_.get(), room, 0}};
            if (::poll(both, 2, static_cast<int>(left.count())) <= 0) continue;
            if (both[1].revents & POLLOUT) client_.send_what_waits();
            if (both[0].revents) return on_ready(EPOLLIN);
        }
        on_timer(timer_);
    }

private:
    void on_ready(std::uint32_t) override {
        Report report;
        posix::UniqueFd fd;
        const posix::Transfer got = receive_record(answer_.get(), std::as_writable_bytes(std::span{&report, 1}), fd);
        if (got.what == posix::Moved::would_block) return;
        if (got.what != posix::Moved::some) return over(std::make_error_code(std::errc::not_connected));
        if (report.what != Told::done) return over(std::error_code{report.value, std::system_category()});
        if (!fd) return over(std::make_error_code(std::errc::too_many_files_open)); // no room for it here
        over(std::move(fd));
    }
    void on_timer(event::Timer&) override { over(why_ ? why_ : std::make_error_code(std::errc::timed_out)); }

    void over(posix::Result<posix::UniqueFd> result) {
        watch_.stop();
        timer_.disarm();
        answer_.reset();
        if (!result) give_back();
        const OnConnected then = std::exchange(then_, nullptr);
        then(std::move(result)); // it may destroy us
    }
    // The keeper may have made the listener all the same, or may be about to.
    void give_back() noexcept {
        if (listener_ != 0) client_.release(listener_);
    }

    Client& client_;
    const std::uint32_t listener_;
    OnConnected then_;
    posix::UniqueFd answer_;
    std::error_code why_; // why it could not be sent
    event::Watch watch_;
    event::Timer timer_{*this};
};

std::unique_ptr<Request> Client::listen(const Listen& what, OnListening then) {
    Listen numbered = what;
    numbered.number = ++last_listener_;
    const auto told = [number = numbered.number, then = std::move(then)](posix::Result<posix::UniqueFd> socket) {
        if (!socket) return then(socket.error());
        then(Listening{std::move(socket).value(), number});
    };
    auto question = std::make_unique<Question>(*this, numbered.number, told);
    question->ask(octets_of(numbered));
    return question;
}

void Client::release(std::uint32_t number) noexcept {
    event::guarded([&] { send(octets_of(Release{Kind::release, number}), {}); }, [] {});
}

std::unique_ptr<Request> Client::connect(const std::string& path, OnConnected then) {
    const auto what = to_connect(path);
    auto question = std::make_unique<Question>(*this, 0, std::move(then));
    question->ask(octets_of(what ? what.value() : Connect{}), what.error());
    return question;
}

std::unique_ptr<Request> Client::connect_to(const Child& program, OnConnected then) {
    auto question = std::make_unique<Question>(*this, 0, std::move(then));
    question->ask(octets_of(ConnectToChild{Kind::connect_to_child, number_of(program)}));
    return question;
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
