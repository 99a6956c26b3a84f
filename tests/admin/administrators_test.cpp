#include "buzon/admin/control_administrators.h"

#include <sys/resource.h>

#include "support/catch.h"
#include "support/pretended_workers.h"
#include "support/vaults.h"

using namespace buzon;
using namespace buzon::admin;
using namespace std::chrono_literals;
using Checked = Administrators::Verdict;

namespace {

// Administrators whose passwords many connections try at once. The test sets the time.
struct Office {
    explicit Office(const char* secret = "{PLAIN}right") {
        const std::vector<auth::NamedSecret> named{{"root", secret}};
        administrators.replace(test::users_with_vault(named, ""));
    }
    // The verdict, if the try may be checked already.
    std::optional<Checked> attempt(const std::optional<auth::Source>& from, const std::string& password,
                                   event::Instant since) {
        if (administrators.not_before(from, "root", since, now) > now) return std::nullopt;
        std::optional<Checked> verdict;
        worker::Pending pending;
        administrators.check(from, "root", password, now, pending, [&](Checked v) { verdict = v; });
        hashes.work();
        return verdict;
    }

    event::EventLoop loop;
    test::PretendedWorkers hashes{loop};
    event::Instant now = event::Clock::now();
    Administrators administrators{{}, {hashes, hashes}, now};
};

const auto from_here = auth::Source::parse("192.0.2.1");
const auto from_elsewhere = auth::Source::parse("192.0.2.2");

} // namespace

TEST_CASE("guessing administrators' passwords on a hundred connections at once is no faster than on one") {
    for (const auto& from : {from_here, std::optional<auth::Source>{}}) {
        std::size_t by_many = 0, by_one = 0;
        Office many;
        std::vector<event::Instant> waiting(100, many.now);
        for (int second = 0; second <= 60; ++second, many.now += 1s) {
            std::erase_if(waiting, [&](event::Instant since) {
                const auto verdict = many.attempt(from, "wrong", since);
                if (verdict) CHECK(*verdict == Checked::wrong);
                by_many += verdict ? 1u : 0u;
                return verdict.has_value();
            });
        }
        Office one;
        event::Instant since = one.now;
        for (int second = 0; second <= 60; ++second, one.now += 1s) {
            while (one.attempt(from, "wrong", since)) ++by_one, since = one.now;
        }
        CHECK(by_many == by_one);
        CHECK(by_many < 20);
    }
}

TEST_CASE("a slow hash computed by a pretended worker does not lower the priority of the test") {
    const int before = ::getpriority(PRIO_PROCESS, 0);
    Office office{"{SHA512-CRYPT}$6$saltsalt$sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA"
                  "3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1"};
    CHECK(office.attempt(from_here, "geheim", office.now) == Checked::right);
    CHECK(::getpriority(PRIO_PROCESS, 0) == before);
}

TEST_CASE(
    "a right password lets an administrator in: at once at a familiar source, after a delay where somebody guesses") {
    Office asked;
    CHECK(asked.attempt(from_here, "right", asked.now) == Checked::right); // familiar now
    for (int i = 0; i < 6; ++i) (void)asked.attempt(from_elsewhere, "wrong", asked.now);
    CHECK_FALSE(asked.attempt(from_elsewhere, "right", asked.now));
    CHECK(asked.attempt(from_here, "right", asked.now) == Checked::right);
    const event::Instant since = asked.now;
    asked.now += 15s;
    CHECK(asked.attempt(from_elsewhere, "right", since) == Checked::right);
    // Right passwords never count as failures, however many come at once.
    for (int i = 0; i < 50; ++i) CHECK(asked.attempt(from_elsewhere, "right", asked.now) == Checked::right);
}
