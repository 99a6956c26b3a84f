// bench/load/report.h - what was counted, as "name value" lines for programs and one line for people.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

// Times of single units. Bounded: once the limit is reached, further times are dropped.
class Samples {
public:
    void add(std::uint64_t nanoseconds);
    // Microseconds; 0 without samples. `part` is from 0 to 1.
    [[nodiscard]] double percentile(double part);
    [[nodiscard]] bool empty() const noexcept { return times_.empty(); }

private:
    static constexpr std::size_t limit = 8'000'000;
    std::vector<std::uint32_t> times_; // in units of 10 ns, up to 42 s
};

// Counts errors and shows the first few on stderr.
class Errors {
public:
    void add(const std::string& what);
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
    static constexpr std::uint64_t shown = 5;
    std::uint64_t count_ = 0;
};

// Wall clock and the server's processor time between begin() and end(). The latter is read `settle` seconds later, so
// that work that a server puts off until after its reply counts, too.
class Meter {
public:
    Meter(pid_t server, double settle) : server_{server}, settle_{settle} {}
    void begin();
    void end();
    [[nodiscard]] double seconds() const noexcept { return seconds_; }
    [[nodiscard]] double server_seconds() const noexcept { return server_seconds_; }
    // Without the programs that transform mail.
    [[nodiscard]] double alone_seconds() const noexcept { return alone_seconds_; }

private:
    pid_t server_;
    double settle_;
    std::uint64_t began_ = 0, server_began_ = 0, alone_began_ = 0;
    double seconds_ = 0, server_seconds_ = 0, alone_seconds_ = 0;
};

class Report {
public:
    void number(const std::string& name, double value);
    void print() const;

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

} // namespace bench
