// auth/turns.h - decides when a login try may be checked, so that guessing on many connections is no faster than on
// one. Has no timers: it is given the time, and says when it wants to be called again.
//
//   ask() --> now                        the secret is checked, then ended() reports the result
//         --> later --> your_turn()      the same, later
//                   --> too_long()       the turn would come after the deadline
//         --> too_long
//
// There is one line per Throttle::Count. While its failures plus the tries being checked are fewer than the free
// failures, a try is checked at once. After that, tries are checked one at a time, with the throttle's delay between
// them. The users in a line take turns, so that guesses at one user do not shut out others behind the same address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "buzon/auth/source.h"
#include "buzon/auth/throttle.h"

namespace buzon::auth {

class Turns {
public:
    using Time = Throttle::Time;
    enum class Answer : std::uint8_t { now, later, too_long };
    enum class Verdict : std::uint8_t { right, wrong };

    // One try. Destroying it gives it up: it does not count, and the next one gets its turn. This needs no memory.
    class Try {
    public:
        Try() = default;
        Try(const Try&) = delete;
        Try& operator=(const Try&) = delete;
        virtual ~Try() { give_up(); }

        // One of these is called once after `later`, from run(). It may destroy the try and ask for another one.
        virtual void your_turn() = 0;
        virtual void too_long() = 0;

    private:
        friend class Turns;
        enum class Place : std::uint8_t { nowhere, alone, waiting, checking, leaving };

        Turns* turns_ = nullptr;
        Place place_ = Place::nowhere;
        std::optional<Throttle::Count> count_;
        std::uint64_t user_ = 0;
        Time deadline_{};
        Time ripe_{};
        std::uint64_t round_ = 0; // in its line
        std::uint64_t number_ = 0;
        void give_up() noexcept;
    };

    // `wake_at` is called when run() is due earlier than announced before. If it runs out of memory, it is called again
    // at the next change. The throttle must outlive this object.
    Turns(Throttle& throttle, std::function<void(Time)> wake_at) : throttle_{throttle}, wake_at_{std::move(wake_at)} {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    // No source means a peer whose address does not identify a guesser. After `deadline` an answer is useless.
    [[nodiscard]] Answer ask(Try& one, const std::optional<Source>& source, std::string_view user, Time now,
                             Time deadline);
    // For a try that is being checked, or was never asked about. `secret` and the result: as in Throttle::failed().
    Guessers::Found ended(Try& one, const std::optional<Source>& source, std::string_view user, Verdict verdict,
                          std::string_view secret, Time now);
    // Calls the tries whose turn has come, up to a limit per call. Returns when to call again; nothing: not before
    // wake_at() says so.
    std::optional<Time> run(Time now);

private:
    using Order = std::tuple<std::uint64_t, std::uint64_t>; // round, number
    using Queue = std::map<Order, Try*>;
    using Schedule = std::set<std::pair<Time, std::uint64_t>>;
    struct UserInLine {
        std::size_t waiting = 0;
        std::uint64_t last_round = 0;
    };
    struct Line {
        Throttle::Count count{};
        unsigned checking = 0;
        Time last{};             // when the last failure was answered
        std::uint64_t round = 0; // of the newest turn
        Queue waiting;
        std::unordered_map<std::uint64_t, UserInLine> users;
        std::optional<Time> due;
        Schedule::node_type unscheduled; // its entry for due_ while it is not there, so that plan() needs no memory
    };

    Answer enter(Try& one, Time now);
    [[nodiscard]] Line& line_of(std::uint64_t id);
    void stand(Line& line, Try& one);
    Queue::node_type leave_line(Line& line, Try& one) noexcept;
    void look(Line& line, Try& one) noexcept;
    void give_up(Try& one) noexcept;
    // When the next try of this line may be checked; nothing: not before another one has ended.
    [[nodiscard]] std::optional<Time> next_turn(const Line& line, Time now) const noexcept;
    void trim(Line& line, Time now) noexcept;
    void plan(std::uint64_t id, Line& line, Time now) noexcept;
    [[nodiscard]] std::optional<Time> next() const noexcept;
    void announce() noexcept;

    Throttle& throttle_;
    std::function<void(Time)> wake_at_;
    std::unordered_map<std::uint64_t, Line> lines_; // by Count::id(); only those in use
    Schedule due_;                                  // the lines whose next turn is known
    std::multimap<Time, Try*> alone_;               // tries that first wait because of their user's failures
    Queue leaving_;                                 // too_long() will be called
    std::optional<Time> announced_;
    std::uint64_t next_number_ = 0;
    Time now_{};
};

} // namespace buzon::auth
