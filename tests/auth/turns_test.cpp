#include "buzon/auth/turns.h"

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace buzon::auth;
using namespace std::chrono_literals;

namespace {

std::optional<Source> ip(unsigned number) {
    return Source::parse("10.0." + std::to_string(number / 256) + '.' + std::to_string(number % 256));
}

// Many guessers, and a clock that only the test advances.
class Guessing {
public:
    class Guess final : public Turns::Try {
    public:
        Guess(Guessing& all, std::optional<Source> source, std::string user, std::string secret)
            : all_{all}, source_{source}, user_{std::move(user)}, secret_{std::move(secret)} {}
        void ask(std::chrono::seconds patience) {
            switch (all_.turns.ask(*this, source_, user_, all_.now, all_.now + patience)) {
            case Turns::Answer::now: your_turn(); break;
            case Turns::Answer::later: break;
            case Turns::Answer::too_long: too_long(); break;
            }
        }
        void your_turn() override {
            looked_at = true;
            if (!slow) say(secret_ == "right");
        }
        void too_long() override {
            refused = true;
            all_.refused++;
        }
        void say(bool is_right) {
            answered = all_.now;
            all_.answers.push_back(user_);
            (is_right ? all_.right : all_.wrong)++;
            all_.turns.ended(*this, source_, user_, is_right ? Turns::Verdict::right : Turns::Verdict::wrong, secret_,
                             all_.now);
        }

        bool slow = false; // the test calls say()
        bool looked_at = false, refused = false;
        std::optional<Turns::Time> answered;

    private:
        Guessing& all_;
        std::optional<Source> source_;
        std::string user_, secret_;
    };

    Guess& guess(std::optional<Source> source, const std::string& user, const std::string& secret,
                 std::chrono::seconds patience = 180s) {
        Guess& one = make(source, user, secret);
        one.ask(patience);
        return one;
    }
    Guess& make(std::optional<Source> source, const std::string& user, const std::string& secret) {
        return *guesses.emplace_back(std::make_unique<Guess>(*this, source, user, secret));
    }
    void drop(const Guess& one) {
        std::erase_if(guesses, [&one](const auto& each) { return each.get() == &one; });
    }
    // Lets time pass, and gives the tries their turns.
    void pass(std::chrono::milliseconds time) {
        const Turns::Time end = now + time;
        while (wake && *wake <= end) {
            now = std::max(now, *std::exchange(wake, std::nullopt));
            if (const auto again = turns.run(now)) wake = again;
        }
        now = end;
    }

    Turns::Time now{1000h};
    Throttle throttle{{}, "key", now};
    std::optional<Turns::Time> wake;
    bool no_memory = false; // to set a timer
    Turns turns{throttle, [this](Turns::Time when) {
                    if (no_memory) throw std::bad_alloc{};
                    wake = when;
                }};
    std::vector<std::unique_ptr<Guess>> guesses;
    std::vector<std::string> answers; // the users of the answered tries, in order
    int wrong = 0, right = 0, refused = 0;
};

} // namespace

TEST_CASE(
    "150 connections from one source make 10 guesses in 40 s, and those that would wait too long are refused at once") {
    Guessing g;
    for (int i = 0; i < 150; ++i) (void)g.guess(ip(1), "victim", "guess" + std::to_string(i));
    CHECK(g.wrong == 5);
    // At 1, 3, 7, 15, 30 and then every 15 s: 15 of them within the 180 s that a login may take.
    CHECK(g.refused == 150 - 5 - 15);
    std::string seconds;
    for (int second = 1; second <= 200; ++second) {
        const int before = g.wrong;
        g.pass(1s);
        if (g.wrong > before) seconds += std::to_string(second) + ' ';
        if (second == 40) CHECK(g.wrong == 10);
    }
    CHECK(seconds == "1 3 7 15 30 45 60 75 90 105 120 135 150 165 180 ");
    CHECK(g.wrong == 20);
}

TEST_CASE("new connections every tenth of a second make guessing no faster") {
    Guessing g;
    int number = 0;
    for (int tenth = 0; tenth < 400; ++tenth) {
        for (int i = 0; i < 20; ++i) (void)g.guess(ip(1), "victim", "guess" + std::to_string(number++));
        g.pass(100ms);
    }
    CHECK(g.wrong <= 12);
    CHECK(g.wrong >= 9);
}

TEST_CASE("guesses made one after another are as far apart as simultaneous ones") {
    Guessing g;
    for (int i = 0; i < 5; ++i) (void)g.guess(ip(1), "a", "x" + std::to_string(i));
    CHECK(g.wrong == 5);
    for (const int gap : {1, 2, 4, 8, 15, 15}) {
        auto& next = g.guess(ip(1), "a" + std::to_string(g.wrong), "y");
        CHECK_FALSE(next.answered);
        g.pass(std::chrono::seconds{gap} - 200ms);
        CHECK_FALSE(next.answered);
        g.pass(200ms);
        CHECK(next.answered == g.now);
    }
    g.pass(15s); // no wait once the delay has passed
    CHECK(g.guess(ip(1), "b", "z").answered == g.now);
}

TEST_CASE("tries that are still being checked count as failures until their result is known") {
    Guessing g;
    std::vector<Guessing::Guess*> slow;
    for (int i = 0; i < 20; ++i) {
        slow.push_back(&g.make(ip(1), "user" + std::to_string(i), i < 6 ? "right" : "x" + std::to_string(i)));
        slow.back()->slow = true;
        slow.back()->ask(180s);
    }
    const auto looked_at = [&slow] {
        return std::count_if(slow.begin(), slow.end(), [](const auto* one) { return one->looked_at; });
    };
    CHECK(looked_at() == 5);
    // An office in the morning: right passwords make room at once.
    slow[0]->say(true);
    g.pass(0s);
    CHECK(looked_at() == 6);
    g.guesses.erase(g.guesses.begin() + 1); // its client has gone
    slow.erase(slow.begin() + 1);
    g.pass(0s);
    CHECK(looked_at() == 6); // one is gone, and another one is being checked
    CHECK(g.refused == 0);
    for (auto* one : slow) {
        if (one->looked_at && !one->answered) one->say(false);
    }
    g.pass(0s);
    CHECK(looked_at() == 6); // after the free failures, tries are checked one at a time
    g.pass(1s);
    CHECK(looked_at() == 7);
    g.pass(100s);
    CHECK(looked_at() == 7);
}

TEST_CASE("guessing one user's password does not lock out others at the same address") {
    Guessing g;
    for (int i = 0; i < 150; ++i) (void)g.guess(ip(1), "victim", "guess" + std::to_string(i));
    g.pass(31s);
    const int refused = g.refused;
    auto& owner = g.guess(ip(1), "owner", "right");
    CHECK_FALSE(owner.answered);
    CHECK(g.refused == refused);
    g.pass(30s); // first the guess whose turn it was, then the owner
    CHECK(owner.answered);
    CHECK(g.right == 1);
    // From now on the source is familiar to the owner.
    CHECK(g.guess(ip(1), "owner", "right").answered == g.now);
    // Another source was never affected.
    CHECK(g.guess(ip(2), "somebody", "right").answered == g.now);
}

TEST_CASE("in a full line, a try for another user replaces the last guess at the first user") {
    Guessing g;
    for (int i = 0; i < 150; ++i) (void)g.guess(ip(1), "victim", "guess" + std::to_string(i));
    const int refused = g.refused;
    auto& owner = g.guess(ip(1), "owner", "right");
    CHECK_FALSE(owner.refused);
    CHECK(g.refused == refused); // not from within that call
    g.pass(0s);
    CHECK(g.refused == refused + 1);
    CHECK(g.guess(ip(1), "victim", "one more").refused);
    g.pass(3s);
    CHECK(owner.answered);
}

TEST_CASE("a familiar pair of user and source waits for nobody else, and has only 20 free failures of its own") {
    Guessing g;
    (void)g.guess(ip(1), "owner", "right");
    for (int i = 0; i < 50; ++i) (void)g.guess(ip(1), "other" + std::to_string(i % 2), "x" + std::to_string(i));
    CHECK(g.guess(ip(1), "owner", "right").answered == g.now);
    const int before = g.wrong;
    for (int i = 0; i < 150; ++i) (void)g.guess(ip(1), "owner", "guess" + std::to_string(i));
    CHECK(g.wrong == before + 20);
}

TEST_CASE("when a user is guessed at from everywhere, unfamiliar sources wait, but not for each other") {
    Guessing g;
    for (unsigned i = 0; i < 12; ++i) (void)g.guess(ip(i), "victim", "x");
    CHECK(g.wrong == 10);
    g.pass(1s);
    CHECK(g.wrong == 12); // both waited at the same time
    auto& owner = g.guess(ip(200), "victim", "right", 5s);
    g.pass(4s);
    CHECK(owner.answered);
    CHECK(g.guess(std::nullopt, "nobody", "x").answered == g.now);
}

TEST_CASE("a try that is cancelled while it waits is forgotten, and nothing is left once nobody waits") {
    Guessing g;
    for (int i = 0; i < 10; ++i) (void)g.guess(ip(1), "victim", "guess" + std::to_string(i));
    for (unsigned i = 0; i < 12; ++i) (void)g.guess(ip(i + 10), "known", "x");
    g.guesses.clear();
    g.pass(1h);
    CHECK(g.wrong == 15);
    CHECK_FALSE(g.wake);
    CHECK_FALSE(g.turns.run(g.now));
    CHECK(g.guess(ip(1), "victim", "right").answered == g.now);
}

TEST_CASE("twenty thousand simultaneous tries from one source are all answered") {
    Guessing g;
    auto& first = g.make(ip(1), "u", "right");
    for (int i = 0; i < 5; ++i) {
        auto& slow = g.make(ip(1), "slow" + std::to_string(i), "right");
        slow.slow = true;
        slow.ask(180s);
    }
    first.ask(180s);
    for (int i = 0; i < 20'000; ++i)
        (void)g.guess(ip(1), "user" + std::to_string(i % 1000), "wrong" + std::to_string(i));
    CHECK(g.wrong == 0);
    for (int i = 1; i <= 5; ++i) g.guesses[static_cast<std::size_t>(i)]->say(true);
    g.pass(0s);
    CHECK(first.answered);
    g.pass(200s);
    CHECK(g.wrong + g.refused == 20'000);
}

TEST_CASE("if there is no memory for a wake-up, the next change asks for it again") {
    Guessing g;
    for (int i = 0; i < 5; ++i) (void)g.guess(ip(1), "a", "x" + std::to_string(i));
    g.no_memory = true;
    auto& first = g.guess(ip(1), "a", "y");
    CHECK_FALSE(g.wake);
    g.no_memory = false;
    auto& second = g.guess(ip(1), "a", "z");
    CHECK(g.wake);
    g.pass(3s);
    CHECK(first.answered);
    CHECK(second.answered);
}

TEST_CASE("a try can be given up in any state, even if there is no memory for a wake-up") {
    Guessing g;
    for (unsigned i = 0; i < 10; ++i) (void)g.guess(ip(i + 10), "known", "x");
    for (int i = 0; i < 5; ++i) (void)g.guess(ip(1), "a", "x" + std::to_string(i));
    auto& checking = g.make(ip(1), "a", "slow");
    checking.slow = true;
    checking.ask(180s);
    g.pass(1s);
    REQUIRE(checking.looked_at);
    auto& alone = g.guess(ip(2), "known", "y");
    auto& waiting = g.guess(ip(1), "a", "y");
    auto& leaving = g.guess(ip(1), "a", "z", 7s);
    g.no_memory = true;
    auto& latest = g.guess(ip(1), "b", "right"); // now the one before it would come after 14 s
    for (const auto* one : {&leaving, &alone, &waiting, &checking}) {
        CHECK_FALSE(one->answered);
        g.drop(*one);
    }
    CHECK_FALSE(latest.answered);
    g.no_memory = false;
    CHECK_FALSE(g.guess(ip(1), "a", "z").answered);
    g.pass(2s);
    CHECK(latest.answered);
    CHECK(g.refused == 0);
}
