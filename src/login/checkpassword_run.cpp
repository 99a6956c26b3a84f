#include "buzon/login/checkpassword_run.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "buzon/posix/io.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_running = 16;
constexpr auto time_limit = 30s;
constexpr const char* true_program = "/bin/true";

// Initialises and destroys what posix_spawn needs.
struct Actions {
    posix_spawn_file_actions_t value;
    Actions() { ::posix_spawn_file_actions_init(&value); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
};
struct Attributes {
    posix_spawnattr_t value;
    Attributes() { ::posix_spawnattr_init(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    ~Attributes() { ::posix_spawnattr_destroy(&value); }
};

std::string text_of(int status) {
    if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

CheckpasswordRun::CheckpasswordRun(CheckpasswordPool& pool, std::string message, OnVerdict on_verdict)
    : pool_{pool}, message_{std::move(message)}, on_verdict_{std::move(on_verdict)} {
    pool_.enter(*this);
}

CheckpasswordRun::~CheckpasswordRun() {
    kill_all();
    pool_.leave(*this);
}

void CheckpasswordRun::start() {
    failed_ = spawn();
    // The result is never delivered from within a call by the owner.
    timer_.arm(pool_.loop_.timers(), failed_ ? pool_.loop_.now() : pool_.loop_.now() + time_limit);
}

std::error_code CheckpasswordRun::spawn() {
    auto made = posix::make_pipe(false);
    if (!made) return made.error();
    posix::Pipe pipe = std::move(made).value();
    // At most 512 octets into an empty pipe, so this never blocks; the program reads to the end.
    if (const std::error_code why = posix::write_all(pipe.write_end.get(), message_)) return why;
    pipe.write_end.reset();

    Actions actions;
    ::posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions.value, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions.value, 2, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions.value, pipe.read_end.get(), 3);
    Attributes attributes;
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    ::posix_spawnattr_setflags(&attributes.value,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setpgroup(&attributes.value, 0);
    ::posix_spawnattr_setsigdefault(&attributes.value, &all);
    ::posix_spawnattr_setsigmask(&attributes.value, &none);

    std::string program = pool_.program_;
    std::string accept = true_program;
    std::array<char*, 3> arguments{program.data(), accept.data(), nullptr};
    pid_t pid = -1;
    if (const int error =
            ::posix_spawn(&pid, program.c_str(), &actions.value, &attributes.value, arguments.data(), environ)) {
        return {error, std::system_category()};
    }
    group_ = pid;
    posix::UniqueFd pidfd = event::open_pidfd(pid);
    std::error_code why = pidfd ? child_.start(pool_.loop_, std::move(pidfd)) : posix::last_error();
    if (!why) return {};
    // Nobody would notice its end, so kill it now.
    ::kill(-pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    group_ = -1;
    return why;
}

void CheckpasswordRun::on_exit(int status) {
    group_ = -1; // the number may be reused from now on
    const auth::Verdict verdict = auth::checkpassword_verdict(status);
    tell(verdict, verdict == auth::Verdict::unknown ? text_of(status) : std::string{});
}

void CheckpasswordRun::on_timer(event::Timer&) {
    if (failed_) return tell(auth::Verdict::unknown, pool_.program_ + ": " + failed_.message());
    kill_all();
    tell(auth::Verdict::unknown, "no reply in time");
}

void CheckpasswordRun::kill_all() noexcept {
    if (group_ > 0 && child_.running()) ::kill(-group_, SIGKILL);
    group_ = -1;
}

void CheckpasswordRun::tell(auth::Verdict verdict, std::string why) {
    timer_.disarm();
    pool_.leave(*this);
    const OnVerdict tell = std::exchange(on_verdict_, nullptr);
    if (tell) tell(verdict, std::move(why));
}

void CheckpasswordPool::enter(CheckpasswordRun& run) {
    queue_.push_back(&run);
    if (running_ < max_running) next_.arm(loop_.timers(), loop_.now());
}

void CheckpasswordPool::leave(CheckpasswordRun& run) noexcept {
    if (std::exchange(run.counted_, false)) {
        --running_;
        if (!queue_.empty()) next_.arm(loop_.timers(), loop_.now());
        return;
    }
    queue_.erase(std::remove(queue_.begin(), queue_.end(), &run), queue_.end());
}

void CheckpasswordPool::on_timer(event::Timer&) {
    while (running_ < max_running && !queue_.empty()) {
        CheckpasswordRun& next = *queue_.front();
        queue_.pop_front();
        ++running_;
        next.counted_ = true;
        next.start();
    }
}

} // namespace buzon::login
