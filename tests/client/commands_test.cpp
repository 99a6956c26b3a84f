#include "../../src/client/commands.h"

#include "support/catch.h"

using namespace buzon::client;

TEST_CASE("the form of an answer is known from the command and its first argument") {
    CHECK(shape_of("METR") == Shape::line);
    CHECK(shape_of("metr *") == Shape::list);
    CHECK(shape_of("  METR   messages ") == Shape::line);
    CHECK(shape_of("INFO") == Shape::line);
    CHECK(shape_of("INFO *") == Shape::list);
    CHECK(shape_of("CONF") == Shape::list);
    CHECK(shape_of("CONF timeout") == Shape::line);
    CHECK(shape_of("CONF timeout 700") == Shape::line);
    CHECK(shape_of("LOGG") == Shape::list);
    CHECK(shape_of("LOGG 10") == Shape::list);
    CHECK(shape_of("logg follow") == Shape::live);
    CHECK(shape_of("EVNT") == Shape::live);
    CHECK(shape_of("EVNT login retr") == Shape::live);
    CHECK(shape_of("HIST bytes minute 3") == Shape::list);
    CHECK(shape_of("SESS") == Shape::list);
    CHECK(shape_of("USER LIST") == Shape::list);
    CHECK(shape_of("USER ADD a b") == Shape::line);
    CHECK(shape_of("TRAN /bin/sed:*") == Shape::line);
    CHECK(shape_of("WHYY user1") == Shape::list);
    CHECK(shape_of("CONF ? timeout") == Shape::list);
    CHECK(shape_of("HELP METR") == Shape::list);
    CHECK(shape_of("UNDL user1 2026-11-23") == Shape::line);
    CHECK(shape_of("") == Shape::unknown);
    CHECK(shape_of("NEWW thing") == Shape::unknown);
}

TEST_CASE("only QUIT itself is QUIT") {
    CHECK(has_verb("quit", "QUIT"));
    CHECK(has_verb(" QUIT ", "QUIT"));
    CHECK(has_verb("QUIT now", "QUIT"));
    CHECK_FALSE(has_verb("QUITE", "QUIT"));
    CHECK_FALSE(has_verb("", "QUIT"));
}

TEST_CASE("a line with a password is known, and one that lacks its password too") {
    for (const char* line : {"AUTH a b", "auth a b c", "USER ADD n p", "user pass n p with blanks"}) {
        CHECK(holds_secret(line));
        CHECK_FALSE(lacks_secret(line));
    }
    for (const char* line : {"AUTH a", "USER ADD n", "USER PASS n "}) {
        CHECK_FALSE(holds_secret(line));
        CHECK(lacks_secret(line));
    }
    for (const char* line : {"", "AUTH", "USER", "USER DEL n", "USER LIST", "METR *", "USER ADD"}) {
        CHECK_FALSE(holds_secret(line));
        CHECK_FALSE(lacks_secret(line));
    }
}

TEST_CASE("Tab completes verbs, then what may follow them") {
    const Vocabulary known{{"messages", "messages-x", "bytes"}, {"timeout", "login-timeout"}};
    CHECK(complete("me", known).words == std::vector<std::string>{"METR"});
    CHECK(complete("p", known).words == std::vector<std::string>{"PORT", "plot"});
    CHECK(complete("zz", known).words.empty());

    const Completion metric = complete("HIST mes", known);
    CHECK(metric.from == 5);
    CHECK(metric.needs == Needs::metrics);
    CHECK(metric.words == std::vector<std::string>{"messages", "messages-x"});
    CHECK(complete("HIST bytes ", known).words == std::vector<std::string>{"day", "hour", "minute", "week"});
    CHECK(complete("HIST bytes minute ", known).words.empty());
    CHECK(complete("conf l", known).words == std::vector<std::string>{"login-timeout"});
    CHECK(complete("conf l", known).needs == Needs::settings);
    CHECK(complete("EVNT login re", known).words == std::vector<std::string>{"refused", "retr"});
    CHECK(complete("KICK ", known).words.empty());
    CHECK(complete("NEWW x", known).words.empty());
    CHECK(complete("", known).words.size() > 20);
}
