#include "buzon/filter/inspector.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "buzon/posix/act_as.h"
#include "buzon/posix/result.h"

namespace buzon::filter {
namespace {

constexpr int socket_number = 3;            // in the child
constexpr std::size_t longest = 128 * 1024; // octets of a question or an answer

// A message is one octet and a text. The octet: no objection, or its kind.
constexpr char fine = '-';

char letter_of(Unfit kind) {
    return static_cast<char>('0' + static_cast<int>(kind));
}

void say(char letter, std::string_view text) {
    std::string message(1, letter);
    message += text;
    (void)!::send(socket_number, message.data(), message.size(), MSG_NOSIGNAL);
}

// Checks as the current user of the process; `user` is its name for messages, empty for the server's own.
std::optional<Objection> look_at(const std::string& path, const std::string& user) {
    const auto object = [&](Unfit kind, const std::string& why) { return Objection{kind, path + ": " + why}; };
    const std::string for_whom = user.empty() ? "for this server" : "for user " + user;
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) {
        const std::error_code why = posix::last_error();
        if (why.value() == ENOENT || why.value() == ENOTDIR) return object(Unfit::missing, why.message());
        if (why.value() != EACCES) return object(Unfit::unknown, why.message());
        return object(Unfit::not_executable, why.message() + " " + for_whom);
    }
    if (S_ISDIR(about.st_mode)) return object(Unfit::wrong_kind, "is a directory, not a program");
    if (!S_ISREG(about.st_mode)) return object(Unfit::wrong_kind, "is not a regular file");
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return std::nullopt;
    const std::error_code why = posix::last_error();
    if (why.value() != EACCES) return object(Unfit::unknown, why.message());
    return object(Unfit::not_executable, "is not executable " + for_whom);
}

[[noreturn]] void answer_questions(int socket, const RunAs& who) {
    // The user must get no descriptor of ours, and a socket left open here would hide its end from the peer.
    if (socket != socket_number) ::dup2(socket, socket_number);
    ::syscall(SYS_close_range, socket_number + 1, ~0U, 0);
    if (const int error = posix::act_as({who.uid, who.gid}, who.groups)) {
        const std::string why = std::error_code{error, std::system_category()}.message();
        say(letter_of(Unfit::not_executable), "cannot become user " + who.name + ": " + why);
        ::_exit(1);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    say(fine, {});
    std::string path(longest, '\0');
    for (;;) {
        const ssize_t n = ::recv(socket_number, path.data(), path.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) ::_exit(0);
        const auto wrong = look_at(path.substr(0, static_cast<std::size_t>(n)), who.name);
        if (wrong)
            say(letter_of(wrong->kind), wrong->text);
        else
            say(fine, {});
    }
}

} // namespace

posix::Result<RunAs> resolve_user(const std::string& name) {
    std::vector<char> buffer(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found); error != 0) {
        return std::error_code{error, std::system_category()};
    }
    if (!found) return std::error_code{ENOENT, std::system_category()};
    RunAs who{name, entry.pw_uid, entry.pw_gid, {}};
    int count = 64;
    who.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), who.gid, who.groups.data(), &count) < 0) {
        who.groups.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(name.c_str(), who.gid, who.groups.data(), &count) < 0) {
            return std::error_code{ERANGE, std::system_category()};
        }
    }
    who.groups.resize(static_cast<std::size_t>(count));
    return who;
}

bool is_below(const std::string& path, const std::vector<std::string>& folders) {
    const auto real = [](const std::string& one) {
        const std::unique_ptr<char, decltype(&std::free)> found{::realpath(one.c_str(), nullptr), &std::free};
        return found ? std::string{found.get()} : std::string{};
    };
    const std::string file = folders.empty() ? std::string{} : real(path);
    return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
        const std::string above = real(folder);
        return !above.empty() && file.starts_with(above == "/" ? above : above + "/");
    });
}

std::string not_allowed(const FilterSpec& spec, const std::vector<std::string>& folders) {
    if (folders.empty()) return {};
    for (const FilterMember& member : spec.members())
        if (!is_below(member.path, folders)) return member.path + ": not below a directory of --transform-allow";
    return {};
}

Inspector::Inspector(const RunAs* who) {
    if (who) start(*who);
}

void Inspector::start(const RunAs& who) {
    user_ = who.name;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        hopeless_ = {Unfit::unknown, "cannot become user " + user_ + ": " + posix::last_error().message()};
        return;
    }
    child_.reset(ends[0]);
    posix::UniqueFd theirs{ends[1]};
    pid_ = ::fork();
    if (pid_ == 0) answer_questions(theirs.get(), who);
    if (pid_ < 0) {
        hopeless_ = {Unfit::unknown, "cannot become user " + user_ + ": " + posix::last_error().message()};
        return;
    }
    theirs.reset(); // so that we notice when the child ends, for whatever reason
    hopeless_ = answer();
}

Inspector::~Inspector() {
    child_.reset();
    if (pid_ <= 0) return;
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

std::optional<Objection> Inspector::answer() {
    std::string message(longest, '\0');
    ssize_t n = 0;
    do {
        n = ::recv(child_.get(), message.data(), message.size(), 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return Objection{Unfit::unknown, "the process that checks programs as user " + user_ + " has ended"};
    if (message.front() == fine) return std::nullopt;
    return Objection{static_cast<Unfit>(message.front() - '0'), message.substr(1, static_cast<std::size_t>(n) - 1)};
}

std::optional<Objection> Inspector::ask(const std::string& path) {
    if (pid_ < 0) return look_at(path, user_);
    if (::send(child_.get(), path.data(), path.size(), MSG_NOSIGNAL) < 0) {
        return Objection{Unfit::unknown, path + ": " + posix::last_error().message()};
    }
    return answer();
}

std::optional<Objection> Inspector::check(const FilterSpec& spec) {
    if (hopeless_) return hopeless_;
    for (const FilterMember& member : spec.members()) {
        if (std::optional<Objection> objection = ask(member.path)) return objection;
    }
    return std::nullopt;
}

} // namespace buzon::filter
