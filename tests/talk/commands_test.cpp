#include "buzon/talk/commands.h"

#include "support/catch.h"

using namespace buzon::client;

TEST_CASE("live views are recognized in any case and with any spacing") {
    for (const char* live : {"EVNT", "evnt  login user=ana", "LOGG FOLLOW", "  logg \t follow ip=::1"})
        CHECK(is_live(live));
    for (const char* other : {"", "LOGG", "LOGG 10", "METR *", "NEWW", "FOLLOW"}) CHECK_FALSE(is_live(other));
}

TEST_CASE("a verb matches in any case and with arguments, but not as part of a longer word") {
    CHECK(has_verb("quit", "QUIT"));
    CHECK(has_verb(" QUIT ", "QUIT"));
    CHECK(has_verb("QUIT now", "QUIT"));
    CHECK_FALSE(has_verb("QUITE", "QUIT"));
    CHECK_FALSE(has_verb("", "QUIT"));
}

TEST_CASE("commands that hold a password, and those that lack it, are recognized") {
    for (const char* line : {"AUTH a b", "auth a b c", "USER ADD n p", "user pass n p with blanks"}) {
        CHECK(buzon::manage::holds_password(line));
        CHECK_FALSE(buzon::manage::lacks_password(line));
    }
    for (const char* line : {"AUTH a", "USER ADD n", "USER PASS n "}) {
        CHECK_FALSE(buzon::manage::holds_password(line));
        CHECK(buzon::manage::lacks_password(line));
    }
    for (const char* line : {"", "AUTH", "USER", "USER DEL n", "USER LIST", "METR *", "USER ADD"}) {
        CHECK_FALSE(buzon::manage::holds_password(line));
        CHECK_FALSE(buzon::manage::lacks_password(line));
    }
}

TEST_CASE("Tab completes verbs, then what may follow them") {
    using buzon::manage::Names;
    using Words = std::vector<std::string>;
    const Vocabulary known{{Names::metrics, {"messages", "messages-x", "bytes"}},
                           {Names::settings, {"timeout", "login-timeout"}},
                           {Names::users, {"ana", "bea"}},
                           {Names::sessions, {"7", "17"}}};
    CHECK(complete("me", known).words == Words{"METR"});
    CHECK(complete("p", known).words == Words{"PORT", "plot"});
    CHECK(complete("zz", known).words.empty());

    const Completion metric = complete("HIST mes", known);
    CHECK(metric.from == 5);
    CHECK(metric.needs == std::vector{Names::metrics});
    CHECK(metric.words == Words{"messages", "messages-x"});
    CHECK(complete("plot mes", known).words == metric.words);
    CHECK(complete("HIST bytes ", known).words == Words{"day", "hour", "minute", "week"});
    CHECK(complete("plot bytes m", known).words == Words{"minute"});
    CHECK(complete("HIST bytes minute ", known).words.empty());
    CHECK(complete("conf l", known).words == Words{"login-timeout"});
    CHECK(complete("conf l", known).needs == std::vector{Names::settings});
    CHECK(complete("CONF c", known).words == Words{"CHANGED"});
    CHECK(complete("CONF ? t", known).words == Words{"timeout"});
    CHECK(complete("CONF sessions ", known).words == Words{"exclusive", "shared"});
    CHECK(complete("CONF verbose o", known).words == Words{"off", "on"});
    CHECK(complete("CONF timeout ", known).words.empty());
    CHECK(complete("EVNT login re", known).words == Words{"refused", "retr"});
    CHECK(complete("EVNT login u", known).words == Words{"uidl", "undelete", "user="});
    CHECK(complete("LOGG FOLLOW s", known).words == Words{"session="});
    CHECK(complete("USER ", known).words == Words{"ADD", "DEL", "LIST", "PASS", "SECRET"});
    CHECK(complete("USER DEL b", known).words == Words{"bea"});
    CHECK(complete("USER ADD b", known).words == Words{"bea"});
    CHECK(complete("USER ADD bea ", known).words.empty());
    CHECK(complete("KICK ", known).words == Words{"17", "7", "ana", "bea"});
    CHECK(complete("TRAN FOR a", known).words == Words{"ana"});
    CHECK(complete("TRAN FOR ana ", known).words == Words{"0", "1"});
    CHECK(complete("METR a", known).words == Words{"ALL"});
    CHECK(complete("METR \t? by", known).words == Words{"bytes"});
    CHECK(complete("HELP co", known).words == Words{"CONF"});
    CHECK(complete("NEWW x", known).words.empty());
    CHECK(complete("top ", known).words.empty());
    CHECK(complete("", known).words.size() > 20);
}
