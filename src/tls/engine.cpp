#include "buzon/tls/engine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "buzon/posix/io.h"

namespace buzon::tls {
namespace {

using namespace std::chrono_literals;

constexpr auto first_pause = 100ms;
constexpr auto longest_pause = 10'000ms;
constexpr std::size_t max_processes = 16; // old ones with sessions; the oldest is ended when there are more
constexpr std::size_t longest_line = 1000;

std::string end_of(int status) {
    if (WIFSIGNALED(status)) return std::string{"killed by signal "} + std::to_string(WTERMSIG(status));
    return "exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

// One run of the program. Over the socket, the child is told the Way, and then sends the hash of its certificate, its
// port, and the log of the program, whose stderr is that same socket.
class Engine::Process final : private keeper::ChildEvents, private event::Handler {
public:
    explicit Process(Engine& engine) : engine_{engine}, child_{*this} {}

    [[nodiscard]] std::error_code start(const Use& use) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return posix::last_error();
        socket_.reset(pair[0]);
        posix::UniqueFd theirs{pair[1]};
        if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
        const Way way = way_of(use);
        const std::string_view message{reinterpret_cast<const char*>(&way), sizeof way};
        if (posix::send_some(socket_.get(), message).bytes != message.size()) return {ENOBUFS, std::system_category()};
        keeper::ChildSpec spec;
        spec.role = keeper::Role::tls;
        if (const std::error_code why = child_.start(engine_.starter_, spec, std::move(theirs))) return why;
        return watch_.start(engine_.loop_, socket_.get(), EPOLLIN, *this);
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] const std::string& certificate() const noexcept { return certificate_; }
    [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }
    [[nodiscard]] const keeper::Child& child() const noexcept { return child_; }
    [[nodiscard]] bool serves() const noexcept { return serves_; }
    [[nodiscard]] bool gone() const noexcept { return gone_; }
    void kill() noexcept {
        wanted_ = false;
        child_.kill();
    }
    [[nodiscard]] bool wanted() const noexcept { return wanted_; }

    std::size_t connections = 0;

private:
    void on_ready(std::uint32_t) override {
        std::array<char, 4096> room{};
        const posix::Transfer got = posix::read_some(socket_.get(), room);
        if (got.what == posix::Moved::would_block) return;
        if (got.what != posix::Moved::some) return watch_.stop(); // the keeper reports its end
        text_.append(room.data(), got.bytes);
        std::size_t end = 0;
        while ((end = text_.find('\n')) != std::string::npos) {
            const std::string line = text_.substr(0, end);
            text_.erase(0, end + 1);
            take(line);
        }
        if (text_.size() > longest_line) text_.clear();
    }

    void take(const std::string& written) {
        const std::string_view port = "port ";
        if (port_ == 0 && written.starts_with(port)) {
            port_ = static_cast<std::uint16_t>(std::strtoul(written.c_str() + port.size(), nullptr, 10));
            return;
        }
        if (port_ == 0 && written.starts_with(certificate_words)) {
            certificate_ = written.substr(certificate_words.size());
            return;
        }
        const LogLine line = parse_log_line(written);
        if (line.text == ready_words) {
            if (!std::exchange(serves_, true)) engine_.came_up();
            return;
        }
        if (!line.error || !wanted_) return;
        // At the start, the first error says why it cannot work; later ones are only consequences.
        if (serves_)
            engine_.events_.engine_says(false, std::string{line.text});
        else if (why_.empty())
            why_ = line.text;
    }

    void on_exit(int status) override { over(why_.empty() || serves_ ? end_of(status) : why_); }
    void on_no_start(std::error_code why) override { over(why.message()); }
    void over(const std::string& why) {
        watch_.stop();
        gone_ = true;
        engine_.ended(*this, why);
    }

    Engine& engine_;
    keeper::Child child_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    std::string text_; // received, not taken yet
    std::string why_;  // why it cannot serve
    std::string certificate_;
    std::uint16_t port_ = 0;
    bool serves_ = false;
    bool wanted_ = true;
    bool gone_ = false;
};

Engine::Engine(event::EventLoop& loop, keeper::Sockets& sockets, keeper::Starter& starter, Use use,
               EngineEvents& events)
    : loop_{loop}, sockets_{sockets}, starter_{starter}, use_{std::move(use)}, events_{events} {}

Engine::~Engine() {
    for (const auto& process : processes_) process->kill();
}

void Engine::begin() {
    (void)start();
}

void Engine::renew(Use use) {
    use_ = std::move(use);
    if (!start()) return;
    restart_.disarm();
    starts_again_ = false;
}

// What is told may run out of memory; whatever leads to the next start comes before that.
bool Engine::start() {
    auto process = std::make_unique<Process>(*this);
    const std::error_code why = process->start(use_);
    if (!why) {
        processes_.push_back(std::move(process));
        return true;
    }
    if (!works()) restart_.arm(loop_.timers(), event::Clock::now() + longest_pause);
    events_.engine_says(true, use_.program + " cannot be started: " + why.message());
    return false;
}

// Of the processes that serve, the one that was started last is in charge: an earlier one that comes up late would
// bring back an older certificate.
void Engine::came_up() {
    const auto newest = std::find_if(processes_.rbegin(), processes_.rend(),
                                     [](const auto& one) { return one->serves() && !one->gone(); });
    port_ = (*newest)->port();
    pause_ = 0ms;
    sweep();
    loop_.next_turn(*this);
}

void Engine::ended(Process& process, const std::string& why) {
    const bool in_charge = process.serves() && process.port() == port_;
    loop_.next_turn(*this); // destroys it
    if (!process.wanted()) return;
    if (works() && !in_charge) {
        if (!process.serves()) events_.engine_says(true, "certificate not renewed, the old one stays in use: " + why);
        return; // otherwise it was an old one with a few sessions
    }
    port_ = 0;
    pause_ = std::clamp<std::chrono::milliseconds>(pause_ * 2, first_pause, longest_pause);
    starts_again_ = true;
    events_.engine_says(true, use_.program + " has ended: " + why + "; it is started again");
}

// Ends old ones without connections, and the oldest ones beyond max_processes.
void Engine::sweep() {
    std::size_t old = 0;
    for (const auto& process : processes_) {
        if (!process->serves() || process->port() == port_) continue;
        ++old;
        if (process->connections == 0 || processes_.size() - old > max_processes) process->kill();
    }
}

// If it runs out of memory, it is called again.
void Engine::run() {
    std::erase_if(processes_, [](const auto& process) { return process->gone(); });
    if (starts_again_ && !works()) restart_.arm(loop_.timers(), event::Clock::now() + pause_);
    starts_again_ = false;
    if (told_ == works()) return;
    events_.engine_works(works());
    told_ = works();
}

std::uint16_t Engine::port_of(pid_t pid) const noexcept {
    for (const auto& process : processes_)
        if (pid != 0 && process->pid() == pid) return process->port();
    return 0;
}

std::string Engine::certificate_behind(std::uint16_t port) const {
    for (const auto& process : processes_)
        if (process->port() == port) return process->certificate();
    return {};
}

Engine::Process* Engine::find(std::uint16_t port) noexcept {
    for (const auto& process : processes_)
        if (process->port() == port && !process->gone()) return process.get();
    return nullptr;
}

std::unique_ptr<keeper::Request> Engine::connect(keeper::Sockets::OnConnected then) {
    return sockets_.connect_to(find(port_)->child(), std::move(then));
}

void Engine::connected(std::uint16_t port) noexcept {
    if (Process* const process = find(port)) ++process->connections;
}

void Engine::disconnected(std::uint16_t port) noexcept {
    Process* const process = find(port);
    if (!process || process->connections == 0) return;
    --process->connections;
    sweep();
}

} // namespace buzon::tls
