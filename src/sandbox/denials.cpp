#include "buzon/sandbox/denials.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace buzon::sandbox {
namespace {

struct Page {
    std::atomic<std::uint64_t> count{0};
    std::atomic<int> last{-1};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

constexpr std::size_t page_size = 4096;

// Global, because a signal handler has no other access to them.
Page own_page;
std::atomic<Page*> page{&own_page};

void set_result(ucontext_t& of, long value) noexcept {
#if defined(__x86_64__)
    of.uc_mcontext.gregs[REG_RAX] = value;
#elif defined(__aarch64__)
    of.uc_mcontext.regs[0] = static_cast<unsigned long>(value);
#elif defined(__riscv)
    of.uc_mcontext.__gregs[10] = static_cast<unsigned long>(value);
#else
    (void)of, (void)value;
#endif
}

void on_denial(int, siginfo_t* about, void* context) {
    constexpr int by_seccomp = 1; // SYS_SECCOMP
    if (about->si_code != by_seccomp) return;
    Page& here = *page.load(std::memory_order_relaxed);
    here.count.fetch_add(1, std::memory_order_relaxed);
    here.last.store(about->si_syscall, std::memory_order_relaxed);
    set_result(*static_cast<ucontext_t*>(context), -EPERM);
}

} // namespace

posix::Result<posix::UniqueFd> make_denials() {
    posix::UniqueFd memory{::memfd_create("buzon-denials", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory || ::ftruncate(memory.get(), page_size) != 0) return posix::last_error();
    if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return posix::last_error();
    return memory;
}

bool count_denials_in(int memory) noexcept {
    struct stat about {};
    const int seals = ::fcntl(memory, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return false;
    if (::fstat(memory, &about) != 0 || about.st_size != page_size) return false;
    void* const mapped = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (mapped == MAP_FAILED) return false;
    page.store(static_cast<Page*>(mapped)); // stays mapped until the process ends
    return true;
}

std::uint64_t denials() noexcept {
    return page.load()->count.load();
}

int last_denied() noexcept {
    const Page& here = *page.load();
    return here.count.load() == 0 ? -1 : here.last.load();
}

bool handle_denials() noexcept {
    struct sigaction action {};
    action.sa_sigaction = on_denial;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGSYS);
    return ::sigaction(SIGSYS, &action, nullptr) == 0 && ::sigprocmask(SIG_UNBLOCK, &only, nullptr) == 0;
}

} // namespace buzon::sandbox
