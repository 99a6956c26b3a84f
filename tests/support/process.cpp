// support/process.cpp
#include "support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "buzon/posix/io.h"
#include "support/programs.h"

namespace buzon::test {
namespace {

// Root ignores file modes, so a test of "permission denied" has to drop these capabilities. A program that is started
// afterwards cannot regain them.
void drop_powers() {
    for (const int power : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_NET_BIND_SERVICE})
        ::prctl(PR_CAPBSET_DROP, power, 0, 0, 0);
}

[[noreturn]] void become(const Launch& launch, std::vector<char*>& argv, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    int wanted[3];
    for (int i = 0; i < 3; ++i) {
        wanted[i] = launch.standard[i];
        if (wanted[i] == Launch::dev_null) wanted[i] = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        // Move it out of the way of 0, 1 and 2, which are about to be replaced.
        if (wanted[i] >= 0) wanted[i] = ::fcntl(wanted[i], F_DUPFD_CLOEXEC, 3);
    }
    for (int i = 0; i < 3; ++i) {
        if (wanted[i] >= 0)
            ::dup2(wanted[i], i);
        else
            ::close(i);
    }
    if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0) ::_exit(127);
    for (const auto& [name, value] : launch.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (launch.powerless) drop_powers();
    ::signal(SIGPIPE, SIG_DFL);
    ::close_range(3, ~0U,
                  CLOSE_RANGE_CLOEXEC); // the program must not inherit whatever descriptors the test runner has open
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

// With BUZON_UNIT_FILTER=FILE, the server runs under that seccomp filter (tests/unit-filter), even when another system
// program execs it.
std::vector<std::string> filtered(std::vector<std::string> words) {
    const auto server = std::find(words.begin(), words.end(), server_program());
    const bool started = server == words.begin() || words.front().find('/') == std::string::npos ||
                         words.front().starts_with("/usr/bin/") || words.front().starts_with("/bin/");
    if (filters_around_server() != 0 && server != words.end() && started)
        words.insert(server, {filter_program(), std::getenv("BUZON_UNIT_FILTER")});
    return words;
}

} // namespace

std::size_t filters_around_server() {
    return std::getenv("BUZON_UNIT_FILTER") != nullptr ? 1 : 0;
}

Process::Process(const Launch& launch) {
    std::vector<std::string> words = filtered(launch.argv);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
    if (pid_ == 0) become(launch, argv, parent);
}

Process::Process(Process&& other) noexcept : pid_{std::exchange(other.pid_, -1)}, ended_{other.ended_} {}

Process::~Process() {
    if (pid_ < 0 || ended_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
    if (pid_ > 0 && !ended_) ::kill(pid_, number);
}

std::optional<ExitCode> Process::wait(Seconds limit) {
    const auto look = [this] {
        int status = 0;
        if (ended_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return ended_.has_value();
        ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
    };
    (void)eventually(look, limit);
    return ended_;
}

bool is_traced(pid_t pid) {
    const std::string status = proc_text(pid, "status");
    return status.find("TracerPid:") != std::string::npos && status.find("TracerPid:\t0\n") == std::string::npos;
}

Finished run(Launch launch, const std::string& input, Seconds limit) {
    auto in = posix::make_pipe(false), out = posix::make_pipe(false), err = posix::make_pipe(false);
    launch.standard[0] = in.value().read_end.get();
    launch.standard[1] = out.value().write_end.get();
    launch.standard[2] = err.value().write_end.get();
    // Leak checking takes as long as everything else that a short-lived program of ours does. It stays on for servers,
    // the client's tests and the test programs themselves.
    const char* const sanitizer = std::getenv("ASAN_OPTIONS");
    launch.environment.try_emplace("ASAN_OPTIONS", std::string(sanitizer ? sanitizer : "") + ":detect_leaks=0");
    Process child{launch};
    in.value().read_end.reset();
    out.value().write_end.reset();
    err.value().write_end.reset();
    ::fcntl(in.value().write_end.get(), F_SETFL, O_NONBLOCK);

    Finished finished;
    std::string_view left = input;
    posix::UniqueFd* const ends[] = {&in.value().write_end, &out.value().read_end, &err.value().read_end};
    if (left.empty()) ends[0]->reset();
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (*ends[0] || *ends[1] || *ends[2]) {
        pollfd ready[3];
        for (int i = 0; i < 3; ++i) ready[i] = {ends[i]->get(), static_cast<short>(i == 0 ? POLLOUT : POLLIN), 0};
        ::poll(ready, 3, 100);
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(launch.argv[0] + " did not end; it wrote: " + finished.out + finished.err);
        if (ready[0].revents) {
            const ssize_t n = ::write(ends[0]->get(), left.data(), left.size());
            if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
            if (left.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) ends[0]->reset();
        }
        for (int i = 1; i < 3; ++i) {
            if (!ready[i].revents) continue;
            char buffer[65536];
            const posix::Transfer moved = posix::read_some(ends[i]->get(), buffer);
            if (moved.what == posix::Moved::some)
                (i == 1 ? finished.out : finished.err).append(buffer, moved.bytes);
            else
                ends[i]->reset();
        }
    }
    const auto code = child.wait(limit);
    if (!code) throw std::runtime_error(launch.argv[0] + " closed its output but did not end");
    finished.code = *code;
    return finished;
}

Finished run(const std::vector<std::string>& argv, const std::string& input) {
    Launch launch;
    launch.argv = argv;
    return run(std::move(launch), input);
}

namespace {

std::string proc(pid_t pid, const std::string& name) {
    return "/proc/" + std::to_string(pid) + "/" + name;
}

} // namespace

std::string proc_text(pid_t pid, const std::string& name) {
    // Reading /proc files of a process that has just ended fails: rdbuf() ignores that, an iterator throws.
    std::ostringstream text;
    text << std::ifstream{proc(pid, name), std::ios::binary}.rdbuf();
    return text.str();
}

std::size_t descriptors_of(pid_t pid) {
    std::size_t count = 0;
    std::error_code why;
    for (std::filesystem::directory_iterator entry{proc(pid, "fd"), why}, end; entry != end; entry.increment(why)) {
        if (why) break;
        ++count;
    }
    return count;
}

namespace {

// prlimit(2); if that is not permitted, again from a child that has switched to the user of that process.
bool prlimit_as_its_user(pid_t pid, int resource, const rlimit* fresh, rlimit* old) {
    const auto kind = static_cast<__rlimit_resource>(resource);
    if (::prlimit(pid, kind, fresh, old) == 0) return true;
    struct stat about {};
    int pipe[2];
    if (errno != EPERM || ::stat(proc(pid, "").c_str(), &about) != 0 || ::pipe2(pipe, O_CLOEXEC) != 0) return false;
    const pid_t child = ::fork();
    if (child == 0) {
        rlimit found{};
        const bool done = ::setgroups(0, nullptr) == 0 && ::setresgid(about.st_gid, about.st_gid, about.st_gid) == 0 &&
                          ::setresuid(about.st_uid, about.st_uid, about.st_uid) == 0 &&
                          ::prlimit(pid, kind, fresh, &found) == 0 &&
                          ::write(pipe[1], &found, sizeof found) == sizeof found;
        ::_exit(done ? 0 : 1);
    }
    int status = -1;
    rlimit found{};
    ::waitpid(child, &status, 0);
    ::close(pipe[1]);
    const bool done = status == 0 && ::read(pipe[0], &found, sizeof found) == sizeof found;
    ::close(pipe[0]);
    if (done && old) *old = found;
    return done;
}

} // namespace

bool limit_of(pid_t pid, int resource, rlimit& limit) {
    return prlimit_as_its_user(pid, resource, nullptr, &limit);
}

bool set_limit(pid_t pid, int resource, const rlimit& limit) {
    return prlimit_as_its_user(pid, resource, &limit, nullptr);
}

void leave_descriptors(pid_t pid, std::size_t more) {
    std::set<rlim_t> taken;
    for (const auto& entry : std::filesystem::directory_iterator{proc(pid, "fd")})
        taken.insert(std::stoul(entry.path().filename().string()));
    rlimit limit{};
    if (!limit_of(pid, RLIMIT_NOFILE, limit)) throw std::system_error(errno, std::system_category(), "prlimit");
    for (limit.rlim_cur = 0; more > 0; ++limit.rlim_cur)
        if (!taken.contains(limit.rlim_cur)) --more;
    if (!set_limit(pid, RLIMIT_NOFILE, limit)) throw std::system_error(errno, std::system_category(), "prlimit");
}

namespace {

// The fields of /proc/PID/stat after the name, which may contain anything: state, parent, ... Empty if it has ended.
std::vector<std::string> stat_words(const std::string& pid) {
    std::ifstream stat{"/proc/" + pid + "/stat"};
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string::npos) return {};
    std::istringstream rest{text.substr(name_end + 2)};
    return {std::istream_iterator<std::string>{rest}, {}};
}

} // namespace

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::vector<std::string> words = stat_words(name);
        if (words.size() > 1 && words[1] == std::to_string(pid)) children.push_back(std::stoi(name));
    }
    return children;
}

std::vector<pid_t> descendants_of(pid_t pid) {
    std::vector<pid_t> all = children_of(pid);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::vector<pid_t> more = children_of(all[i]);
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

std::vector<pid_t> workers_of(pid_t server) {
    std::vector<pid_t> workers = descendants_of(server);
    std::erase_if(workers, [](pid_t child) {
        std::ifstream line{proc(child, "cmdline")};
        std::string name;
        std::getline(line, name, '\0');
        return name != "buzon-worker" && name != "buzon-hash";
    });
    return workers;
}

char state_of(pid_t pid) {
    const std::vector<std::string> words = stat_words(std::to_string(pid));
    return words.empty() ? '\0' : words[0][0];
}

std::size_t zombies_of(pid_t pid) {
    const std::vector<pid_t> children = descendants_of(pid);
    return static_cast<std::size_t>(
        std::count_if(children.begin(), children.end(), [](pid_t child) { return state_of(child) == 'Z'; }));
}

std::size_t kilobytes_of(pid_t pid, const std::string& field) {
    std::ifstream status{proc(pid, "status")};
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with(field + ":")) continue;
        std::istringstream rest{line.substr(field.size() + 1)};
        std::size_t amount = 0;
        rest >> amount;
        return amount;
    }
    if (const char state = state_of(pid); state == '\0' || state == 'Z') return 0;
    throw std::runtime_error("no " + field + " in " + proc(pid, "status"));
}

void pause_for(Seconds time) {
    std::this_thread::sleep_for(time);
}

} // namespace buzon::test
