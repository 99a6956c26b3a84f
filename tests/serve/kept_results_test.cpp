#include "buzon/serve/kept_results.h"

#include "support/catch.h"

using buzon::serve::KeptResults;

TEST_CASE("a result is kept for one session, message and program, until the program changes or the session ends") {
    KeptResults kept;
    kept.set_limit(100'000);
    kept.keep({1, 2, "spec", false, "octets"});
    REQUIRE(kept.find(1, 2, "spec"));
    CHECK(kept.find(1, 2, "spec")->octets == "octets");
    CHECK_FALSE(kept.find(2, 2, "spec"));
    CHECK_FALSE(kept.find(1, 1, "spec"));
    CHECK_FALSE(kept.find(1, 2, "other"));
    kept.keep({1, 2, "other", true, ""}); // TRAN has changed
    CHECK_FALSE(kept.find(1, 2, "spec"));
    CHECK(kept.find(1, 2, "other")->same);
    kept.keep({3, 2, "spec", false, "of another"});
    kept.forget(1);
    CHECK_FALSE(kept.find(1, 2, "other"));
    CHECK(kept.find(3, 2, "spec"));
    kept.forget(3);
    CHECK(kept.octets() == 0);
}

TEST_CASE("kept results stay within the octet limit, and the most recently used ones stay") {
    KeptResults kept;
    kept.set_limit(10'000);
    for (std::uint32_t i = 0; i < 100; ++i) {
        kept.keep({1, i, "spec", false, std::string(1000, 'x')});
        (void)kept.find(1, 0, "spec");
        CHECK(kept.octets() <= 10'000);
    }
    CHECK(kept.find(1, 0, "spec"));
    CHECK(kept.find(1, 99, "spec"));
    CHECK_FALSE(kept.find(1, 1, "spec"));
    kept.keep({1, 200, "spec", false, std::string(10'001, 'x')});
    CHECK_FALSE(kept.find(1, 200, "spec"));
    CHECK(kept.find(1, 99, "spec"));
    kept.set_limit(0);
    CHECK(kept.octets() == 0);
    kept.keep({1, 1, "spec", true, ""});
    CHECK_FALSE(kept.find(1, 1, "spec"));
}
