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
    double seconds = 0;      // no new unit is begun after it
    double patience = 60;    // then what is still under way counts as an error
};

struct Result {
    std::uint64_t units = 0;
    std::uint64_t octets = 0; // received
    Samples times;            // a unit
    Samples logins;           // from connect to the reply to STAT
    Errors errors;
};

// One question, and the only right answer.
struct Question {
    std::string text;
    Expected answer;
    std::uint64_t units = 1;
};

// The members of a crowd ask, one question after the other, all at the same time. `pause`: seconds between an answer
// and the next question of the same session.
void ask_on(Loop& loop, Crowd& crowd, const std::vector<Question>& questions, const Limits& limits, double pause,
            Meter& meter, Result& result);

// What one visit (connect, USER, PASS, STAT, RETR of all, QUIT, end of the connection) must find.
struct Visit {
    std::string stat_reply;            // empty: not checked
    std::vector<std::string> messages; // in wire form; none: RETR is left out, and the visit is the unit
    bool other_user_each_time = false; // visit v uses user v; else place p of `at_once` uses user p
};

void visit_on(Loop& loop, const Place& place, const Users& users, const Visit& visit, std::size_t at_once,
              const Limits& limits, Meter& meter, Result& result);

// Sessions that asked for a large message and take it at `octets_a_second` each.
class SlowReaders final : private Customer {
public:
    SlowReaders(Crowd& crowd, const std::string& wire, std::uint64_t octets_a_second, Errors& errors);
    // To be called again and again.
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
