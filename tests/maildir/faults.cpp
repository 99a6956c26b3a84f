#include "faults.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace buzon::maildir::faults {
namespace {

struct Plan {
    bool armed = false;
    std::string call;
    int left = 0;
    int error = 0;
    bool every = false;
    bool kills = false;
    bool struck = false;
    std::string path = {};
    std::function<void()> act = {};
};

Plan& plan() {
    static Plan one;
    return one;
}

void act_before(const char* call, const char* path) {
    Plan& now = plan();
    if (!now.armed || !now.act || now.call != call || now.path != path) return;
    now.armed = false;
    now.struck = true;
    std::exchange(now.act, nullptr)();
}

// Whether this call is to fail; if so, sets errno.
bool strikes(const char* call) {
    Plan& now = plan();
    if (!now.armed || now.act || (!now.kills && now.call != call)) return false;
    if (--now.left > 0 || (now.left < 0 && !now.every)) return false;
    if (now.kills) ::kill(::getpid(), SIGKILL);
    now.struck = true;
    errno = now.error;
    return true;
}

} // namespace

const std::vector<std::string>& calls() {
    static const std::vector<std::string> all{"openat", "unlinkat", "renameat2", "renameat",
                                              "fsync",  "mkdirat",  "pwrite"};
    return all;
}

void fail(const std::string& call, int nth, int error, bool every_from_then) {
    plan() = {true, call, nth, error, every_from_then, false, false};
}

void kill_before(int nth) {
    plan() = {true, {}, nth, 0, false, true, false};
}

void before(const std::string& call, const std::string& path, std::function<void()> act) {
    plan() = {true, call, 0, 0, false, false, false, path, std::move(act)};
}

void none() {
    plan().armed = false;
}

bool struck() {
    return plan().struck;
}

} // namespace buzon::maildir::faults

// Declared here because, in some build types, the headers come with definitions of their own.
extern "C" {

struct stat;

int openat(int directory, const char* path, int flags, ...);
int fstatat(int directory, const char* path, struct stat* about, int flags) noexcept;
int unlinkat(int directory, const char* path, int flags) noexcept;
int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept;
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept;
int mkdirat(int directory, const char* path, mode_t mode) noexcept;
int fsync(int file);
ssize_t pwrite(int file, const void* from, size_t size, off_t at);

int openat(int directory, const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    buzon::maildir::faults::act_before("openat", path);
    if (buzon::maildir::faults::strikes("openat")) return -1;
    return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
}

int fstatat(int directory, const char* path, struct stat* about, int flags) noexcept {
    buzon::maildir::faults::act_before("fstatat", path);
    return static_cast<int>(::syscall(SYS_newfstatat, directory, path, about, flags));
}

int unlinkat(int directory, const char* path, int flags) noexcept {
    if (buzon::maildir::faults::strikes("unlinkat")) return -1;
    return static_cast<int>(::syscall(SYS_unlinkat, directory, path, flags));
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
    if (buzon::maildir::faults::strikes("renameat")) return -1;
    return static_cast<int>(::syscall(SYS_renameat2, from_directory, from, to_directory, to, 0));
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept {
    if (buzon::maildir::faults::strikes("renameat2")) return -1;
    return static_cast<int>(::syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}

int mkdirat(int directory, const char* path, mode_t mode) noexcept {
    if (buzon::maildir::faults::strikes("mkdirat")) return -1;
    return static_cast<int>(::syscall(SYS_mkdirat, directory, path, mode));
}

int fsync(int file) {
    if (buzon::maildir::faults::strikes("fsync")) return -1;
    return static_cast<int>(::syscall(SYS_fsync, file));
}

ssize_t pwrite(int file, const void* from, size_t size, off_t at) {
    if (buzon::maildir::faults::strikes("pwrite")) return -1;
    return ::syscall(SYS_pwrite64, file, from, size, at);
}

} // extern "C"
