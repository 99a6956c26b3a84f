// What is remembered of past logins, and what other programs say about present ones.
#include "support/catch.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "buzon/login/checkpassword.h"
#include "buzon/login/success_cache.h"

using namespace buzon::login;
using namespace std::chrono_literals;

namespace {

const SuccessCache::Time now{std::chrono::hours{1000}};

template <class Child>
Verdict verdict_of(Child child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        child();
        ::_exit(99);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return checkpassword_verdict(status);
}

} // namespace

TEST_CASE("a right password is remembered for this user, secret and password, and not beyond its lifetime") {
    SuccessCache cache{std::string(32, 'k'), 60s, 100};
    cache.remember("alice", 0, "geheim", now);
    CHECK(cache.remembers("alice", 0, "geheim", now));
    CHECK(cache.remembers("alice", 0, "geheim", now + 59s));
    CHECK_FALSE(cache.remembers("alice", 0, "geheim", now + 60s));
    CHECK_FALSE(cache.remembers("alice", 0, "geheiM", now));
    CHECK_FALSE(cache.remembers("alice", 1, "geheim", now));
    CHECK_FALSE(cache.remembers("bob", 0, "geheim", now));
    // The fields do not run into one another.
    CHECK_FALSE(cache.remembers("alic", 0, "egeheim", now));
    CHECK_FALSE(cache.remembers("aliceg", 0, "eheim", now));
}

TEST_CASE("using a remembered password does not extend its lifetime, another real check does") {
    SuccessCache cache{"key", 60s, 100};
    cache.remember("a", 0, "p", now);
    CHECK(cache.remembers("a", 0, "p", now + 50s));
    CHECK_FALSE(cache.remembers("a", 0, "p", now + 70s));
    cache.remember("a", 0, "p", now + 70s);
    CHECK(cache.remembers("a", 0, "p", now + 100s));
}

TEST_CASE("all remembered passwords are forgotten on request, and when their lifetime changes") {
    SuccessCache cache{"key", 60s, 100};
    for (int i = 0; i < 50; ++i) cache.remember("u" + std::to_string(i), 0, "p", now);
    cache.forget_all();
    for (int i = 0; i < 50; ++i) CHECK_FALSE(cache.remembers("u" + std::to_string(i), 0, "p", now));
    cache.remember("a", 0, "p", now);
    cache.set_lifetime(10s);
    CHECK_FALSE(cache.remembers("a", 0, "p", now));
    cache.remember("a", 0, "p", now);
    CHECK_FALSE(cache.remembers("a", 0, "p", now + 10s));
}

TEST_CASE("exactly the latest successes are remembered, as many as there is room for") {
    SuccessCache cache{"key", 60s, 8};
    for (int i = 0; i < 1000; ++i) {
        cache.remember("u" + std::to_string(i), 0, "p", now + std::chrono::milliseconds{i});
        CHECK(cache.remembers("u" + std::to_string(i), 0, "p", now + 1s));
        if (i >= 7) CHECK(cache.remembers("u" + std::to_string(i - 7), 0, "p", now + 1s));
        if (i >= 8) CHECK_FALSE(cache.remembers("u" + std::to_string(i - 8), 0, "p", now + 1s));
    }
}

TEST_CASE("with no room or no lifetime, nothing is remembered") {
    SuccessCache none{"key", 60s, 0};
    none.remember("a", 0, "p", now);
    CHECK_FALSE(none.remembers("a", 0, "p", now));
    SuccessCache brief{"key", 0s, 8};
    brief.remember("a", 0, "p", now);
    CHECK_FALSE(brief.remembers("a", 0, "p", now));
}

TEST_CASE("a checkpassword program gets user, password and timestamp, each ended by a NUL") {
    using namespace std::string_literals;
    CHECK(checkpassword_message("user1", "pass1") == "user1\0pass1\0\0"s);
    CHECK(checkpassword_message("user1", "c4c9", "<1.2@h>") == "user1\0c4c9\0<1.2@h>\0"s);
    CHECK(checkpassword_message("", "") == "\0\0\0"s);
    CHECK(checkpassword_message("u", std::string(508, 'x')).value().size() == 512);
    CHECK_FALSE(checkpassword_message("u", std::string(509, 'x')).has_value());
    CHECK_FALSE(checkpassword_message("u\0admin"s, "p").has_value());
    CHECK_FALSE(checkpassword_message("u", "p\0q"s).has_value());
    CHECK_FALSE(checkpassword_message("u", "p", "\0"s).has_value());
}

TEST_CASE("only exit code 0 of a checkpassword program means right, and only 1 means wrong") {
    for (int code = 0; code < 256; ++code) {
        if (code > 3 && code < 110) continue;
        const Verdict expected = code == 0 ? Verdict::right : code == 1 ? Verdict::wrong : Verdict::unknown;
        CHECK(verdict_of([code] { ::_exit(code); }) == expected);
    }
    CHECK(verdict_of([] { ::raise(SIGKILL); }) == Verdict::unknown);
    CHECK(verdict_of([] {
              std::signal(SIGTERM, SIG_DFL); // the test runner catches it
              ::raise(SIGTERM);
          }) == Verdict::unknown);
}
