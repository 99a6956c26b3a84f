// bench/load/beside.h - what others do while a load is measured: log in with passwords that are slow to check and, in a
// separate process, listen to the management service.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"
#include "load/connection.h"
#include "load/crowd.h"
#include "load/report.h"

namespace bench {

// Clients that log in and leave again and again, `at_once` at a time. Each login is by another user until all
// `different` ones have had their turn, because a server may remember a correct password.
class Logins final : private Customer {
public:
    Logins(Loop& loop, const Place& place, Users users, std::size_t different, Errors& errors)
        : loop_{&loop}, place_{place}, users_{std::move(users)}, different_{different}, errors_{&errors} {}

    void begin(std::size_t at_once);
    void end() noexcept { ending_ = true; } // no further logins
    // From PASS to its reply.
    [[nodiscard]] Samples& times() noexcept { return times_; }
    [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

private:
    void answered(Connection& connection) override;
    void ended(Connection& connection, const std::string& trouble) override;
    void come(Connection& connection);

    Loop* loop_;
    Place place_;
    Users users_;
    std::size_t different_;
    Errors* errors_;
    std::deque<Connection> connections_;
    std::vector<std::size_t> user_of_; // by connection
    std::uint64_t begun_ = 0, done_ = 0;
    bool ending_ = false;
    Samples times_;
};

// Managers that send EVNT or LOGG FOLLOW by turns. The first `silent` never read; of the others, every tenth is read
// and examined, and the kernel discards what the rest get, uncopied: it is not the listeners that are measured.
class Listeners {
public:
    // Throws std::system_error.
    Listeners(const Place& place, std::size_t count, std::size_t silent);
    // Call this repeatedly, but not too often: each call asks all sockets.
    void read_some();
    [[nodiscard]] std::uint64_t octets() const noexcept { return octets_; }
    // Of the listeners that are examined: their number, their lines, and the lines reported to them as lost.
    [[nodiscard]] std::size_t looked_at() const noexcept { return (sockets_.size() - silent_ + every - 1) / every; }
    [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
    [[nodiscard]] std::size_t still_there() const noexcept;

private:
    static constexpr std::size_t every = 10;
    void count(std::string_view heard);

    std::vector<buzon::posix::UniqueFd> sockets_;
    std::vector<char> input_;
    std::size_t silent_;
    std::uint64_t octets_ = 0, lines_ = 0, lost_ = 0;
};

} // namespace bench
