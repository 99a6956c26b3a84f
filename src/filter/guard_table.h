// filter/guard_table.h - memory shared by the server and its guard process, written without system calls.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace buzon::filter {

struct GuardSlot {
    enum State : std::int32_t {
        free,     // the server may take it
        reserved, // a program is being started; its process enters its own pid
        live,     // `leader` leads a process group of ours
        ended,    // the server is done with it; the guard kills what is left and frees the slot
    };
    std::atomic<std::int32_t> state;
    std::atomic<std::int32_t> leader;
    std::atomic<std::int64_t> started; // CLOCK_BOOTTIME, nanoseconds, shortly before the process was created
    std::array<std::atomic<std::uint64_t>, 2> pipes; // inode numbers of standard output and error; 0: none
};

struct GuardTable {
    static constexpr std::size_t places = 4096;
    std::int32_t server;              // its pid, never to be killed
    std::atomic<std::int32_t> asleep; // 1: the guard wants one octet when a run ends
    std::array<GuardSlot, places> slots;
};
static_assert(std::atomic<std::int32_t>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free,
              "the table is shared between processes");

// The main function of the guard process: lifeline is a socket whose other end only the server has.
[[noreturn]] void run_guard(int lifeline, GuardTable& table) noexcept;

} // namespace buzon::filter
