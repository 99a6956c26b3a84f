#include "buzon/filter/guard.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <new>
#include <system_error>
#include <utility>

#include "buzon/posix/result.h"
#include "guard_table.h"

namespace buzon::filter {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t since_boot() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * second + now.tv_nsec;
}

GuardTable* make_table() {
    void* memory = ::mmap(nullptr, sizeof(GuardTable), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(posix::last_error(), "guard table");
    return new (memory) GuardTable{};
}

pid_t wait_for(pid_t child, int& status) noexcept {
    for (;;) {
        const pid_t pid = ::waitpid(child, &status, 0);
        if (pid >= 0 || errno != EINTR) return pid;
    }
}

} // namespace

void Guard::Unmap::operator()(GuardTable* table) const noexcept {
    ::munmap(table, sizeof(GuardTable));
}

Guard::Guard() : table_{make_table()} {
    if (const std::error_code why = start()) throw std::system_error(why, "guard process");
}

Guard::~Guard() = default;

// Fork twice, so that the guard is not our child: there is no exit to wait for, and code that counts or waits for
// our children does not see it.
std::error_code Guard::start() noexcept {
    started_ = since_boot();
    table_->server = ::getpid();
    lifeline_.reset();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return posix::last_error();
    posix::UniqueFd ours{ends[0]};
    posix::UniqueFd theirs{ends[1]};
    const pid_t between = ::fork();
    if (between < 0) return posix::last_error();
    if (between == 0) {
        const pid_t guard = ::fork();
        if (guard == 0) run_guard(theirs.get(), *table_);
        ::_exit(guard < 0 ? 1 : 0);
    }
    theirs.reset();
    int status = 0;
    wait_for(between, status);
    // It sends its pid once it has closed everything it inherited. If it could not be created, the socket closes.
    std::int32_t number = 0;
    ssize_t n = 0;
    do n = ::recv(ours.get(), &number, sizeof number, MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(sizeof number)) return {EAGAIN, std::system_category()};
    pid_ = number;
    lifeline_ = std::move(ours);
    return {};
}

// The guard may have been killed (out of memory, a careless killall). A new one uses the same table.
void Guard::revive_if_gone() noexcept {
    char octet = 0;
    if (lifeline_ && ::recv(lifeline_.get(), &octet, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (since_boot() - started_ < second) return; // forking all the time does not help a machine in trouble
    (void)start();
}

Guard::Place Guard::reserve() noexcept {
    revive_if_gone();
    GuardSlot* found = nullptr;
    // Reuse an ended slot only if none is free: its group was killed; only its other processes are not swept.
    for (const std::int32_t wanted : {GuardSlot::free, GuardSlot::ended}) {
        for (std::size_t i = 0; !found && i < GuardTable::places; ++i, ++next_) {
            GuardSlot& slot = table_->slots[next_ % GuardTable::places];
            std::int32_t state = wanted;
            if (slot.state.compare_exchange_strong(state, GuardSlot::reserved)) found = &slot;
        }
    }
    Place place;
    if (!found) return place;
    found->started = since_boot();
    for (auto& pipe : found->pipes) pipe = 0;
    place.guard_ = this;
    place.slot_ = found;
    return place;
}

void Guard::wake() noexcept {
    if (table_->asleep.exchange(0) == 0 || !lifeline_) return;
    (void)!::send(lifeline_.get(), "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL); // if it is gone, reserve() will notice
}

// --- Place ---

Guard::Place::Place(Place&& other) noexcept
    : guard_{std::exchange(other.guard_, nullptr)}, slot_{std::exchange(other.slot_, nullptr)} {}

Guard::Place& Guard::Place::operator=(Place&& other) noexcept {
    if (this != &other) {
        end();
        guard_ = std::exchange(other.guard_, nullptr);
        slot_ = std::exchange(other.slot_, nullptr);
    }
    return *this;
}

void Guard::Place::pipes(int output, int errors) noexcept {
    if (!slot_) return;
    const int descriptors[] = {output, errors};
    for (std::size_t i = 0; i < 2; ++i) {
        struct stat about {};
        if (::fstat(descriptors[i], &about) == 0 && S_ISFIFO(about.st_mode)) slot_->pipes[i] = about.st_ino;
    }
}

void Guard::Place::enter(pid_t leader) noexcept {
    if (!slot_) return;
    slot_->leader = leader;
    slot_->state = GuardSlot::live;
}

void Guard::Place::end_before_others() noexcept {
    if (slot_) slot_->pipes[1] = 0;
    end();
}

void Guard::Place::end() noexcept {
    if (!slot_) return;
    GuardSlot& slot = *std::exchange(slot_, nullptr);
    Guard& guard = *std::exchange(guard_, nullptr);
    if (slot.state == GuardSlot::reserved) {
        slot.state = GuardSlot::free;
        return;
    }
    slot.state = GuardSlot::ended;
    guard.wake();
}

} // namespace buzon::filter
