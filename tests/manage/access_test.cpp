#include "fake_host.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::manage;

namespace {

const std::vector<const char*> free_lines = {"METR",   "METR *", "METR messages", "INFO",
                                             "INFO *", "NOOP",   "HELP",          "HELP METR"};
const std::vector<const char*> queries = {"TRAN",
                                          "HOST",
                                          "DIRR",
                                          "PORT",
                                          "IPV6",
                                          "LOGG",
                                          "LOGG 3",
                                          "CONF",
                                          "SESS",
                                          "CONF timeout",
                                          "CONF ?",
                                          "CONF ? host",
                                          "HIST bytes minute",
                                          "USER LIST",
                                          "WHYY user1",
                                          "TRAN FOR user1"};
const std::vector<const char*> open_changes = {"TRAN 0", "TRAN 1", "HOST a", "PORT 1", "IPV6 ::1"};
const std::vector<const char*> guarded = {"TRAN /bin/cat",
                                          "TRAN 0 x",
                                          "TRAN FOR user1 0",
                                          "DIRR /x",
                                          "CONF timeout 700",
                                          "KICK 1",
                                          "USER ADD a b",
                                          "USER DEL a",
                                          "USER PASS a b",
                                          "USER",
                                          "UNDL user1",
                                          "FREE user1",
                                          "SAVE",
                                          "DRAIN",
                                          "DRAI"};

bool refused(Manager& manager, const char* line) {
    manager.host.transforms["user1"] = "off";
    const std::string reply = manager.say(line);
    if (manager.last.index() > Action{Closing{}}.index()) (void)manager.done({true, "x"});
    return reply.starts_with("-ERR [AUTH]");
}

} // namespace

TEST_CASE("without administrators, queries and a few changes are open, and the rest is refused") {
    Manager manager;
    for (const char* line : free_lines) CHECK_FALSE(refused(manager, line));
    for (const char* line : queries) CHECK_FALSE(refused(manager, line));
    for (const char* line : open_changes) CHECK_FALSE(refused(manager, line));
    for (const char* line : guarded) {
        CAPTURE(line);
        CHECK(refused(manager, line));
    }
    CHECK(manager.say("AUTH a b").starts_with("-ERR")); // there is nobody to log in as
}

TEST_CASE("with administrators, all but a few commands require AUTH first") {
    Manager manager{false, true};
    for (const char* line : free_lines) CHECK_FALSE(refused(manager, line));
    for (const auto* lines : {&queries, &open_changes, &guarded})
        for (const char* line : *lines) {
            CAPTURE(line);
            CHECK(refused(manager, line));
        }
    CHECK(manager.say("EVNT").starts_with("-ERR [AUTH]"));
    CHECK(manager.say("AUTH admin a secret: with blanks ").empty());
    REQUIRE(manager.asked<CheckAdministrator>());
    CHECK(manager.asked<CheckAdministrator>()->name == "admin");
    CHECK(manager.asked<CheckAdministrator>()->secret == "a secret: with blanks ");
    CHECK(manager.done({}).starts_with("+OK"));
    for (const auto* lines : {&free_lines, &queries, &open_changes, &guarded})
        for (const char* line : *lines) {
            CAPTURE(line);
            CHECK_FALSE(refused(manager, line));
        }
}

TEST_CASE("a peer that is trusted because of its uid needs no password") {
    for (const bool administrators : {false, true}) {
        Manager manager{true, administrators};
        for (const auto* lines : {&free_lines, &queries, &open_changes, &guarded})
            for (const char* line : *lines) CHECK_FALSE(refused(manager, line));
    }
}

TEST_CASE("three failures of AUTH end the connection") {
    Manager manager{false, true};
    for (int i = 0; i < 2; ++i) {
        CHECK(manager.say("AUTH admin wrong").empty());
        CHECK(manager.done({false, ""}).starts_with("-ERR [AUTH]"));
        CHECK(manager.asked<Answered>());
        CHECK(refused(manager, "SESS"));
    }
    CHECK(manager.say("AUTH admin wrong").empty());
    CHECK(manager.done({false, ""}).starts_with("-ERR [AUTH]"));
    CHECK(manager.asked<Closing>());
}

TEST_CASE("AUTH without a name or a password is refused without a check") {
    Manager manager{false, true};
    for (const char* bad : {"AUTH", "AUTH admin", "AUTH admin ", "AUTH  "}) {
        CHECK(manager.say(bad).starts_with("-ERR"));
        CHECK(manager.asked<Answered>());
    }
}

TEST_CASE("no secret reaches the log") {
    Manager manager{false, true};
    manager.host.log.set_level(state::Level::debug);
    (void)manager.say("AUTH admin sesame");
    (void)manager.done({false, ""});
    (void)manager.say("AUTH admin sesame");
    (void)manager.done({});
    (void)manager.say("USER ADD eve sesame");
    (void)manager.done({});
    (void)manager.say("USER PASS eve sesame");
    (void)manager.done({});
    const std::string log = manager.say("LOGG");
    CHECK(log.find("eve") != std::string::npos);
    CHECK(log.find("result=failed") != std::string::npos);
    CHECK(log.find("sesame") == std::string::npos);
}
