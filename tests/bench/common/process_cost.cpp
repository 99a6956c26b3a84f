// bench/common/process_cost.cpp - see the header.
#include "common/process_cost.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/io.h"

namespace bench {
namespace {

struct Process {
    pid_t parent = 0;
    std::uint64_t own = 0;    // nanoseconds
    std::uint64_t waited = 0; // of the children it has waited for
    bool host = false;        // of filter programs
};

constexpr std::size_t proc_file_limit = 64 * 1024;

std::uint64_t to_number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// Word number `wanted` of a line, from 0; empty if there is none.
std::string_view word(std::string_view line, std::size_t wanted) {
    for (; wanted > 0; --wanted) {
        const std::size_t space = line.find(' ');
        if (space == line.npos) return {};
        line.remove_prefix(space + 1);
    }
    return line.substr(0, line.find_first_of(" \n"));
}

std::optional<Process> read_process(const std::string& pid) {
    const std::string folder = "/proc/" + pid;
    const auto stat = buzon::posix::read_file((folder + "/stat").c_str(), proc_file_limit);
    if (!stat) return std::nullopt;
    const std::size_t name_end = stat.value().rfind(')'); // the name may contain spaces and brackets
    if (name_end == std::string::npos) return std::nullopt;
    const std::string_view fields = std::string_view{stat.value()}.substr(name_end + 2); // from field 3, the state

    static const std::uint64_t tick = 1'000'000'000U / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    Process process;
    process.host = std::string_view{stat.value()}.substr(0, name_end).ends_with("(buzon-filters");
    process.parent = static_cast<pid_t>(to_number(word(fields, 1)));
    process.own = (to_number(word(fields, 11)) + to_number(word(fields, 12))) * tick;
    process.waited = (to_number(word(fields, 13)) + to_number(word(fields, 14))) * tick;
    if (to_number(word(fields, 17)) == 1) { // one thread: the scheduler's own count is exact, not in ticks of 10 ms
        const auto exact = buzon::posix::read_file((folder + "/schedstat").c_str(), proc_file_limit);
        if (exact && !exact.value().empty()) process.own = to_number(word(exact.value(), 0));
    }
    return process;
}

std::map<pid_t, Process> read_all() {
    std::map<pid_t, Process> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc{opendir("/proc"), closedir};
    while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
        const std::string name = entry->d_name;
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (const auto process = read_process(name)) all.emplace(static_cast<pid_t>(to_number(name)), *process);
    }
    return all;
}

// `root` and its descendants.
std::vector<pid_t> family(const std::map<pid_t, Process>& all, pid_t root, Count what = Count::all) {
    std::multimap<pid_t, pid_t> children;
    for (const auto& [pid, process] : all) {
        const auto parent = all.find(process.parent);
        if (what == Count::all || parent == all.end() || !parent->second.host) children.emplace(process.parent, pid);
    }
    std::vector<pid_t> members;
    if (all.contains(root)) members.push_back(root);
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto [begin, end] = children.equal_range(members[i]);
        for (auto child = begin; child != end; ++child) members.push_back(child->second);
    }
    return members;
}

} // namespace

std::uint64_t processor_time(pid_t root, Count what) {
    if (root == 0) return 0;
    const auto all = read_all();
    std::uint64_t sum = 0;
    for (const pid_t pid : family(all, root, what)) sum += all.at(pid).own + all.at(pid).waited;
    return sum;
}

std::uint64_t proportional_memory(pid_t root) {
    if (root == 0) return 0;
    std::uint64_t sum = 0;
    for (const pid_t pid : family(read_all(), root)) {
        const auto rollup =
            buzon::posix::read_file(("/proc/" + std::to_string(pid) + "/smaps_rollup").c_str(), proc_file_limit);
        if (!rollup) continue;
        const std::size_t at = rollup.value().find("\nPss:");
        if (at == std::string::npos) continue;
        sum += std::strtoull(rollup.value().c_str() + at + 5, nullptr, 10);
    }
    return sum;
}

std::uint64_t descriptors(pid_t root) {
    if (root == 0) return 0;
    std::uint64_t sum = 0;
    for (const pid_t pid : family(read_all(), root)) {
        const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
        const std::unique_ptr<DIR, int (*)(DIR*)> directory{opendir(folder.c_str()), closedir};
        while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) sum += entry->d_name[0] != '.';
    }
    return sum;
}

} // namespace bench
