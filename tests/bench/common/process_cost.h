// bench/common/process_cost.h - what a server costs: CPU time and memory of a process and all it started (from /proc).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace bench {

// Which descendants of `root` count.
enum class Count : bool { all, without_programs }; // those that transform mail: children of "buzon-filters"

// Nanoseconds of processor time, user and system, of `root`, its living descendants and all children they have
// waited for. Only differences are meaningful. 0 if `root` is 0.
[[nodiscard]] std::uint64_t processor_time(pid_t root, Count what = Count::all);

// Proportional set size of `root` and its living descendants in KiB: pages shared among them count once.
[[nodiscard]] std::uint64_t proportional_memory(pid_t root);

// Open descriptors of `root` and its living descendants.
[[nodiscard]] std::uint64_t descriptors(pid_t root);

} // namespace bench
