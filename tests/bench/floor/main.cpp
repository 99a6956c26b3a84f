// bench/floor/main.cpp - the floor that servers are compared with: runs the bare loop that the command line asks for.
#include <sys/resource.h>

#include <chrono>
#include <iostream>
#include <span>
#include <string_view>

#include "common/options.h"
#include "floor/floor.h"

namespace {

using bench::UsageError;

constexpr const char* usage =
    "usage: bench_floor serve DIR               canned replies from DIR (bench_load canned), prints the port\n"
    "       bench_floor feed OCTETS MS          so many octets of lines to each listener every MS, prints the port\n"
    "       bench_floor scan MAILDIR            readdir, open, read, close of every mail\n"
    "       bench_floor spawn SECONDS FILE PROGRAM [ARG...]   the program on the file, two in flight\n";

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

double processor_seconds() {
    double sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage_of{};
        getrusage(who, &usage_of);
        for (const timeval& part : {usage_of.ru_utime, usage_of.ru_stime}) {
            sum += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) / 1e6;
        }
    }
    return sum;
}

void report(std::uint64_t units, double seconds, double processor) {
    const auto count = static_cast<double>(units);
    std::cout << "units " << units << "\nseconds " << seconds << "\nrate " << count / seconds << "\nserver-cpu-seconds "
              << processor << "\nserver-cpu-us-per-unit " << processor / count * 1e6 << "\nerrors 0\n";
}

int run(std::span<char*> words) {
    const std::string_view what = words.empty() ? std::string_view{} : words[0];
    raise_file_limit();
    if (what == "serve" && words.size() == 2) bench::serve_canned(words[1]);
    if (what == "feed" && words.size() == 3) {
        const std::uint64_t every = bench::parse_number("MS", words[2]);
        if (every == 0 || every > 60'000) throw UsageError{"MS is out of range"};
        bench::feed_lines(bench::parse_number("OCTETS", words[1]), std::chrono::milliseconds{every});
    }
    const auto begin = std::chrono::steady_clock::now();
    const double processor = processor_seconds();
    std::uint64_t units = 0;
    if (what == "scan" && words.size() == 2) {
        for (const char* part : {"/new", "/cur"}) units += bench::open_all(words[1] + std::string{part});
    } else if (what == "spawn" && words.size() >= 4) {
        units =
            bench::spawn_for(static_cast<double>(bench::parse_number("SECONDS", words[1])), words[2], words.data() + 3);
    } else {
        throw UsageError{"unknown kind of work"};
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    report(units, took.count(), processor_seconds() - processor);
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    return run({argv + 1, static_cast<std::size_t>(argc - 1)});
} catch (const UsageError& trouble) {
    std::cerr << "bench_floor: " << trouble.what() << '\n' << usage;
    return 64;
} catch (const std::exception& trouble) {
    std::cerr << "bench_floor: " << trouble.what() << '\n';
    return 71;
}
