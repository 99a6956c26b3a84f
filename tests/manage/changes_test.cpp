#include "fake_host.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::manage;

TEST_CASE("CONF lists, shows, explains and changes settings") {
    Manager manager{true};
    const std::string all = manager.say("CONF");
    for (const state::SettingField& field : state::setting_fields())
        CHECK(all.find("\r\n" + std::string{field.name} + ' ') != std::string::npos);
    CHECK(manager.say("CONF timeout") == "+OK 600\r\n");
    CHECK(manager.say("CONF disable") == "+OK none\r\n");
    CHECK(manager.say("CONF nothing").starts_with("-ERR"));
    CHECK(manager.say("CONF ? timeout")
              .starts_with(
                  "+OK\r\ntimeout 600 (a whole number of seconds from 1 to 604800; units s m h d; default 600): "));
    CHECK(manager.say("CONF ?").find("\r\ndisable none (") != std::string::npos);
    CHECK(manager.say("CONF ? nothing").starts_with("-ERR"));

    CHECK(manager.say("CONF timeout 0") ==
          "-ERR timeout: a whole number of seconds from 1 to 604800; units s m h d\r\n");
    CHECK(manager.say("CONF timeout 10 20").starts_with("-ERR"));
    CHECK(manager.asked<Answered>());
    CHECK(manager.say("CONF timeout 700").empty());
    REQUIRE(manager.asked<ChangeSetting>());
    CHECK(manager.asked<ChangeSetting>()->name == "timeout");
    CHECK_FALSE(change_setting(manager.host.values, "timeout", manager.asked<ChangeSetting>()->value).has_value());
    CHECK(manager.done({}) == "+OK 700\r\n");
    CHECK(manager.say("CONF timeout 2h").empty());
    CHECK_FALSE(change_setting(manager.host.values, "timeout", manager.asked<ChangeSetting>()->value).has_value());
    CHECK(manager.done({}) == "+OK 7200\r\n");
    CHECK(manager.say("CONF disable top").empty());
    CHECK(manager.done({false, "cannot be changed now"}) == "-ERR cannot be changed now\r\n");
}

TEST_CASE("CONF CHANGED shows settings that differ from their default, and which of them are unsaved") {
    Manager manager{true};
    CHECK(manager.say("CONF CHANGED") == "+OK\r\n.\r\n");
    manager.host.values.max_per_ip = 5;
    manager.host.values.timeout = std::chrono::minutes{15};
    manager.host.values.host = "other.example.org";
    manager.host.unsaved = {"timeout", "verbose"};
    CHECK(manager.say("conf  changed") ==
          "+OK\r\ntimeout 900 unsaved\r\nmax-per-ip 5\r\nhost other.example.org\r\n.\r\n");
    CHECK(manager.say("CONF CHANGED x").starts_with("-ERR"));
}

TEST_CASE("USER passes names and passwords on as they were typed") {
    Manager manager{true};
    CHECK(manager.say("USER LIST") == "+OK\r\nuser1\r\nuser2\r\n.\r\n");
    CHECK(manager.say("user list ") == "+OK\r\nuser1\r\nuser2\r\n.\r\n");
    CHECK(manager.say("USER ADD eve  a pass: word ").empty());
    REQUIRE(manager.asked<AddUser>());
    CHECK(manager.asked<AddUser>()->name == "eve");
    CHECK(manager.asked<AddUser>()->secret == " a pass: word ");
    CHECK(manager.done({}) == "+OK done\r\n");
    CHECK(manager.say("USER PASS eve new").empty());
    CHECK(manager.asked<SetPassword>()->secret == "new");
    CHECK(manager.done({false, "no such user"}) == "-ERR no such user\r\n");
    CHECK(manager.say("USER DEL eve").empty());
    CHECK(manager.asked<RemoveUser>()->name == "eve");
    for (const char* bad : {"USER", "USER ADD", "USER ADD eve", "USER ADD eve ", "USER DEL", "USER DEL a b",
                            "USER LIST x", "USER ADDS a b", "USER PASS eve"}) {
        CHECK(manager.say(bad).starts_with("-ERR"));
        CHECK(manager.asked<Answered>());
    }
}

TEST_CASE("KICK ends a session by its id, or all sessions of a user") {
    Manager manager{true};
    for (std::uint64_t id = 1; id <= 4; ++id) manager.host.rows[id] = {.id = id, .user = id < 3 ? "user1" : "4"};
    CHECK(manager.say("KICK 1") == "+OK 1\r\n");
    CHECK(manager.host.rows.size() == 3);
    CHECK(manager.say("KICK user1") == "+OK 1\r\n");
    CHECK(manager.say("KICK 4") == "+OK 1\r\n"); // an id takes precedence over a name
    CHECK(manager.say("KICK 4") == "+OK 1\r\n"); // now it is the user called 4
    CHECK(manager.say("KICK 4") == "-ERR no such session, and no such user is logged in\r\n");
    CHECK(manager.say("KICK").starts_with("-ERR"));
    CHECK(manager.say("LOGG 1").find("kick level=notice target=4 sessions=1 by=127.0.0.1:5000 manager=7") !=
          std::string::npos);
}

TEST_CASE("SAVE, DRAIN, UNDL and FREE are passed on, and their outcome is reported") {
    Manager manager{true};
    CHECK(manager.say("SAVE").empty());
    CHECK(manager.asked<SaveConfig>());
    CHECK(manager.done({false, "max-per-ip has no file to go to"}) == "-ERR max-per-ip has no file to go to\r\n");
    CHECK(manager.say("SAVE x").starts_with("-ERR"));
    CHECK(manager.say("drain").empty());
    CHECK(manager.asked<Drain>());
    CHECK(manager.done({}) == "+OK done\r\n");
    CHECK(manager.say("DRAI").empty()); // four letters are enough
    CHECK(manager.asked<Drain>());
    CHECK(manager.say("UNDL user1").empty());
    CHECK_FALSE(manager.asked<Undelete>()->since);
    CHECK(manager.done({true, "3"}) == "+OK 3\r\n");
    CHECK(manager.say("UNDL user1 2026-11-23T00:00:00Z").empty());
    CHECK(manager.asked<Undelete>()->since == std::chrono::floor<std::chrono::seconds>(manager.host.clock));
    CHECK(manager.say("UNDL user1 yesterday").starts_with("-ERR"));
    CHECK(manager.say("UNDL").starts_with("-ERR"));
    CHECK(manager.say("FREE user1").empty());
    CHECK(manager.asked<ReleaseUidl>()->user == "user1");
    CHECK(manager.say("FREE a b").starts_with("-ERR"));
}

TEST_CASE("a reason from outside cannot add lines to a reply") {
    Manager manager{true};
    (void)manager.say("SAVE");
    CHECK(manager.done({false, "a\r\n+OK b"}) == "-ERR a?"
                                                 "?+OK b\r\n");
    (void)manager.say("SAVE");
    CHECK(manager.done({false, ""}) == "-ERR failed\r\n");
}

TEST_CASE("a successful change is an event, and a failed one is not") {
    Manager manager{true};
    (void)manager.say("EVNT config");
    (void)manager.say("");
    (void)manager.say("PORT 2110");
    (void)manager.done({false, "taken"});
    CHECK(manager.say("LOGG") == "+OK\r\n.\r\n");
    (void)manager.say("PORT 2110");
    (void)manager.done({true, "2110"});
    CHECK(manager.say("LOGG") == "+OK\r\n2026-11-23T00:00:00.000Z config level=notice what=port value=2110 "
                                 "by=127.0.0.1:5000 manager=7\r\n.\r\n");
}
