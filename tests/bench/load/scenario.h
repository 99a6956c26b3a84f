// bench/load/scenario.h - the kinds of load, each measured until its count or its time is reached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/connection.h"
#include "load/crowd.h"
#include "load/expected.h"
#include "load/report.h"

namespace bench {

struct Limits {
    std::uint64_t count = 0; // units
    double seconds = 0;      // no new unit begins after this
    double patience = 60;    // after that, what is still under way counts as an error
};

struct Result {
    std::uint64_t units = 0;
    std::uint64_t octets = 0; // received
    Samples times;            // per unit
    Samples logins;           // from connect to the reply to STAT
    Errors errors;
};

// One question, and the only correct answer.
struct Question {
    std::string text;
    Expected answer;
    std::uint64_t units = 1;
};

// All members of a crowd ask at the same time, each one question after the other. `pause`: seconds between an answer
// and the next question of the same session.
void ask_on(Loop& loop, Crowd& crowd, const std::vector<Question>& questions, const Limits& limits, double pause,
            Meter& meter, Result& result);

// What one visit (connect, USER, PASS, STAT, RETR of all, QUIT, end of the connection) must get.
struct Visit {
    std::string stat_reply;            // empty: not checked
    std::vector<std::string> messages; // in wire form; none: RETR is left out, and the visit is the unit
    bool other_user_each_time = false; // visit v uses user v; else place p of `at_once` uses user p
};

void visit_on(Loop& loop, const Place& place, const Users& users, const Visit& visit, std::size_t at_once,
              const Limits& limits, Meter& meter, Result& result);

// Sessions that have asked for a large message and read it at `octets_a_second` each.
class SlowReaders final : private Customer {
public:
    SlowReaders(Crowd& crowd, const std::string& wire, std::uint64_t octets_a_second, Errors& errors);
    // Call this repeatedly.
    void read_some();

private:
    void answered(Connection& connection) override;
    void ended(Connection& connection, const std::string& trouble) override;

    Crowd* crowd_;
    std::uint64_t octets_a_second_;
    std::uint64_t last_;
    Errors* errors_;
};

} // namespace bench
