#include "buzon/daemon/control_administrators.h"

#include "support/catch.h"

using namespace buzon;
using namespace buzon::daemon;
using namespace std::chrono_literals;
using Verdict = Administrators::Verdict;

namespace {

// Administrators who are asked by many connections at once; the time is the test's.
struct Asked {
    Asked() {
        const std::vector<auth::NamedSecret> named{{"root", "{PLAIN}right"}};
        administrators.replace(auth::UserBase::load(named, "").value());
    }
    // Whether the try was looked at, and if so, what came out.
    std::optional<Verdict> attempt(const std::optional<auth::Source>& from, const std::string& password, event::Instant since) {
        if (administrators.not_before(from, "root", since, now) > now) return std::nullopt;
        std::optional<Verdict> verdict;
        worker::Pending pending;
        administrators.check(from, "root", password, now, pending, [&](Verdict v) { verdict = v; });
        return verdict;
    }

    event::EventLoop loop;
    worker::Pool hashes{loop, {}};
    event::Instant now = event::Clock::now();
    Administrators administrators{{}, hashes, now};
};

const auto here = auth::Source::parse("192.0.2.1");
const auto elsewhere = auth::Source::parse("192.0.2.2");

} // namespace

TEST_CASE("who guesses at administrators on a hundred connections at once is no faster than on one") {
    for (const auto& from : {here, std::optional<auth::Source>{}}) {
        std::size_t by_many = 0, by_one = 0;
        Asked many;
        std::vector<event::Instant> waiting(100, many.now);
        for (int second = 0; second <= 60; ++second, many.now += 1s) {
            std::erase_if(waiting, [&](event::Instant since) {
                const auto verdict = many.attempt(from, "wrong", since);
                if (verdict) CHECK(*verdict == Verdict::wrong);
                by_many += verdict ? 1u : 0u;
                return verdict.has_value();
            });
        }
        Asked one;
        event::Instant since = one.now;
        for (int second = 0; second <= 60; ++second, one.now += 1s) {
            while (one.attempt(from, "wrong", since)) ++by_one, since = one.now;
        }
        CHECK(by_many == by_one);
        CHECK(by_many < 20);
    }
}

TEST_CASE("an administrator who is right is let in, in a source that guesses too, and pays for nobody's tries but its") {
    Asked asked;
    CHECK(asked.attempt(here, "right", asked.now) == Verdict::right);   // familiar now
    for (int i = 0; i < 6; ++i) (void)asked.attempt(elsewhere, "wrong", asked.now);
    CHECK_FALSE(asked.attempt(elsewhere, "right", asked.now));
    CHECK(asked.attempt(here, "right", asked.now) == Verdict::right);
    const event::Instant since = asked.now;
    asked.now += 15s;
    CHECK(asked.attempt(elsewhere, "right", since) == Verdict::right);
    // Right ones count against nobody, however many at once.
    for (int i = 0; i < 50; ++i) CHECK(asked.attempt(elsewhere, "right", asked.now) == Verdict::right);
}
