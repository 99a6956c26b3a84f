#include "fake_host.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::manage;
using state::EventType;

namespace {

void publish(Manager& manager, EventType type, std::uint64_t session, std::string_view user = "user1") {
    manager.host.bus.publish(type, manager.host.clock, session, user, {});
}

std::string pump(Manager& manager, std::size_t room = 100'000) {
    std::string out;
    CHECK(manager.session.produce(out, room));
    return out;
}

} // namespace

TEST_CASE("EVNT sends events until a line comes, which is not run as a command") {
    Manager manager;
    CHECK(manager.say("EVNT") == "+OK\r\n");
    CHECK(manager.asked<Following>());
    CHECK(pump(manager).empty());
    publish(manager, EventType::login, 1);
    publish(manager, EventType::retr, 1);
    CHECK(manager.wakes == 1);
    CHECK(pump(manager) == "2026-11-23T00:00:00.000Z login level=info session=1 user=user1\r\n"
                           "2026-11-23T00:00:00.000Z retr level=debug session=1 user=user1\r\n");
    publish(manager, EventType::logout, 1);
    CHECK(manager.say("QUIT") == "2026-11-23T00:00:00.000Z logout level=info session=1 user=user1\r\n.\r\n");
    CHECK(manager.asked<Answered>());
    CHECK_FALSE(manager.host.bus.wants(EventType::retr)); // nobody listens any more
    CHECK(manager.say("NOOP") == "+OK done\r\n");
}

TEST_CASE("any line ends a live view, even one that is too long or contains a NUL") {
    for (int kind = 0; kind < 3; ++kind) {
        Manager manager;
        (void)manager.say("LOGG FOLLOW");
        std::string out;
        Action action = Answered{};
        if (kind == 0)
            action = manager.session.too_long(out);
        else if (kind == 1)
            action = manager.session.invalid(out);
        else
            action = manager.session.line("", out);
        CHECK(out == ".\r\n");
        CHECK(std::holds_alternative<Answered>(action));
    }
}

TEST_CASE("EVNT takes event types and refuses unknown ones") {
    Manager manager;
    CHECK(manager.say("EVNT login auth-fail  filter-fail") == "+OK\r\n");
    publish(manager, EventType::retr, 1);
    publish(manager, EventType::auth_fail, 2, "eve");
    CHECK(pump(manager) == "2026-11-23T00:00:00.000Z auth-fail level=notice session=2 user=eve\r\n");
    (void)manager.say("");
    for (const char* bad : {"EVNT nothing", "EVNT LOGIN", "EVNT login,retr", "EVNT login x"}) {
        CHECK(manager.say(bad).starts_with("-ERR"));
        CHECK(manager.asked<Answered>());
    }
}

TEST_CASE("EVNT and LOGG FOLLOW can be narrowed to users, addresses and sessions") {
    Manager manager;
    const auto login = [&](std::uint64_t session, std::string_view user, std::string_view ip) {
        manager.host.bus.publish(EventType::login, manager.host.clock, session, user, {{"ip", ip}});
    };
    const auto shown = [&](const char* command) {
        CHECK(manager.say(command) == "+OK\r\n");
        login(1, "ana", "192.0.2.7");
        login(2, "bea", "192.0.2.7");
        login(3, "a b", "2001:db8::1");
        publish(manager, EventType::logout, 2, "bea");
        publish(manager, EventType::logout, 9, "eve");
        manager.host.bus.log(state::Level::info, manager.host.clock, "not user=ana nor ip=192.0.2.7 session=2");
        std::string sessions;
        std::string lines = pump(manager);
        lines += manager.say("");
        for (std::size_t at = lines.find("level="); at != std::string::npos; at = lines.find("level=", at + 1)) {
            const std::string_view line = std::string_view{lines}.substr(at, lines.find('\r', at) - at);
            const std::size_t key = line.find(" session=");
            sessions += line.find("msg=") != std::string_view::npos ? '-' : line[key + 9];
        }
        return sessions;
    };
    for (const std::string view : {"EVNT ", "LOGG FOLLOW "}) {
        CAPTURE(view);
        CHECK(shown((view + "user=ana").c_str()) == "1");
        CHECK(shown((view + "user=ana user=bea").c_str()) == "122");
        CHECK(shown((view + "user=a%20b").c_str()) == "3");
        CHECK(shown((view + "ip=192.0.2.7").c_str()) == "122"); // a session's later lines belong to its address
        for (const char* written : {"2001:db8::1", "[2001:db8::1]", "2001:DB8:0::0001"})
            CHECK(shown((view + "ip=" + written).c_str()) == "3");
        CHECK(shown((view + "session=2").c_str()) == "22");
        CHECK(shown((view + "user=bea session=1").c_str()).empty());
        CHECK(shown((view + "ip=192.0.2.7 user=bea").c_str()) == "22");
        manager.host.rows[9] = {.id = 9, .user = "eve", .address = "[2001:db8::9]:4000"};
        CHECK(shown((view + "ip=2001:db8::9").c_str()) == "9"); // that session began before the view
        for (const char* bad :
             {"user=", "session=x", "session=0", "ip=", "ip=x", "ip=192.0.2.0/24", "ipv6=::1", "USER=ana"}) {
            CHECK(manager.say(view + bad).starts_with("-ERR"));
            CHECK(manager.asked<Answered>());
        }
    }
    CHECK(shown("EVNT logout user=bea") == "2");
    CHECK(shown("EVNT  user=bea\tlogout") == "2");
}

TEST_CASE("a listener that does not read loses events and is told how many") {
    Manager manager;
    (void)manager.say("EVNT retr");
    (void)pump(manager);
    const std::size_t sent = state::EventBus::kept_events + 10;
    for (std::size_t i = 1; i <= sent; ++i) publish(manager, EventType::retr, i);
    CHECK(manager.wakes == 1);
    const std::string first = pump(manager, 1);
    CHECK(first == "2026-11-23T00:00:00.000Z lost count=10\r\n"
                   "2026-11-23T00:00:00.000Z retr level=debug session=11 user=user1\r\n");
    CHECK(pump(manager, 1).find("session=12") != std::string::npos);
}

TEST_CASE("the last output of a live view is bounded, however many events are unread") {
    Manager manager;
    (void)manager.say("EVNT");
    for (std::size_t i = 0; i < state::EventBus::kept_events; ++i) publish(manager, EventType::retr, 1);
    const std::string rest = manager.say("");
    CHECK(rest.size() < 70'000);
    CHECK(rest.ends_with("\r\n.\r\n"));
}

TEST_CASE("LOGG shows the last hundred lines, LOGG N the last N, and LOGG FOLLOW those to come") {
    Manager manager;
    CHECK(manager.say("LOGG") == "+OK\r\n.\r\n");
    for (int i = 0; i < 150; ++i) manager.host.bus.log(state::Level::info, manager.host.clock, std::to_string(i));
    const std::string hundred = manager.say("LOGG");
    CHECK(hundred.find("msg=49\r\n") == std::string::npos);
    CHECK(hundred.find("msg=50\r\n") != std::string::npos);
    CHECK(hundred.ends_with("msg=149\r\n.\r\n"));
    CHECK(manager.say("LOGG 1") == "+OK\r\n2026-11-23T00:00:00.000Z log level=info msg=149\r\n.\r\n");
    CHECK(manager.say("LOGG 4000000000").find("msg=0\r\n") != std::string::npos);
    for (const char* bad : {"LOGG 0", "LOGG -1", "LOGG x", "LOGG 1 2", "LOGG 99999999999", "LOGG FOLLOW 1"})
        CHECK(manager.say(bad).starts_with("-ERR"));
    CHECK(manager.say("logg follow") == "+OK\r\n");
    CHECK(pump(manager).empty());
    manager.host.bus.log(state::Level::info, manager.host.clock, "new");
    CHECK(manager.wakes == 1);
    CHECK(pump(manager) == "2026-11-23T00:00:00.000Z log level=info msg=new\r\n");
}

TEST_CASE("a reply to LOGG that is read slowly says how many lines were overwritten meanwhile") {
    Manager manager;
    for (int i = 0; i < 10; ++i) manager.host.bus.log(state::Level::info, manager.host.clock, "old");
    std::string out;
    (void)manager.session.line("LOGG", out);
    CHECK(manager.session.produce(out, 1)); // one line
    for (std::size_t i = 0; i < state::Log::kept_lines - 3; ++i)
        manager.host.bus.log(state::Level::info, manager.host.clock, "new");
    while (manager.session.produce(out, 1)) {
    }
    CHECK(out == "+OK\r\n2026-11-23T00:00:00.000Z log level=info msg=old\r\n"
                 "2026-11-23T00:00:00.000Z lost count=6\r\n"
                 "2026-11-23T00:00:00.000Z log level=info msg=old\r\n"
                 "2026-11-23T00:00:00.000Z log level=info msg=old\r\n"
                 "2026-11-23T00:00:00.000Z log level=info msg=old\r\n.\r\n");
}

TEST_CASE("SESS lists nineteen thousand sessions in pieces, and leaves out those that ended meanwhile") {
    Manager manager;
    for (std::uint64_t id = 1; id <= 19'000; ++id)
        manager.host.rows[id] = {
            .id = id, .user = "user" + std::to_string(id), .address = "[::1]:1", .state = "transaction"};
    std::string out, all;
    REQUIRE(std::holds_alternative<Producing>(manager.session.line("SESS", out)));
    std::size_t pieces = 0;
    for (bool more = true; more; ++pieces) {
        more = manager.session.produce(out, 4096);
        CHECK(out.size() < 4096 + 300);
        all += std::exchange(out, {});
        if (pieces == 0) manager.host.rows.erase(19'000);
    }
    CHECK(pieces > 300);
    CHECK(
        all.starts_with("+OK\r\n1 user1 [::1]:1 transaction age=0 idle=0 command=- sent=0 size=- backlog=0 messages=0 "
                        "program=-\r\n2 user2 "));
    CHECK(all.find("\r\n18999 ") != std::string::npos);
    CHECK(all.find("\r\n19000 ") == std::string::npos);
    CHECK(all.ends_with("\r\n.\r\n"));
}

TEST_CASE("a row of SESS keeps its columns, whatever the user's name is") {
    Manager manager;
    manager.host.rows[5] = {.id = 5,
                            .user = "a b\r\n%",
                            .address = "192.0.2.1:40000",
                            .state = "transaction",
                            .command = "RETR",
                            .program = "/bin/sed s/a/b/",
                            .sent = 10,
                            .size = 20,
                            .backlog = 30,
                            .messages = 4,
                            .age = std::chrono::seconds{60},
                            .idle = std::chrono::seconds{1}};
    CHECK(manager.say("SESS") ==
          "+OK\r\n5 a%20b%0D%0A%25 192.0.2.1:40000 transaction age=60 idle=1 command=RETR sent=10 "
          "size=20 backlog=30 messages=4 program=/bin/sed%20s/a/b/\r\n.\r\n");
    CHECK(manager.say("SESS x").starts_with("-ERR"));
}

TEST_CASE("HIST shows a metric's value in each period, or in the last N periods") {
    Manager manager;
    std::vector<state::Count> values;
    for (int i = 0; i < 3; ++i) {
        manager.host.numbers.messages += 5;
        read_history(manager.host.numbers, values);
        manager.host.past.sample(std::chrono::floor<std::chrono::seconds>(manager.host.clock) + std::chrono::minutes{i},
                                 values);
    }
    CHECK(manager.say("HIST messages minute") ==
          "+OK\r\n2026-11-23T00:00:00Z 5\r\n2026-11-23T00:01:00Z 5\r\n2026-11-23T00:02:00Z 5\r\n.\r\n");
    CHECK(manager.say("HIST messages minute 1") == "+OK\r\n2026-11-23T00:02:00Z 5\r\n.\r\n");
    CHECK(manager.say("HIST messages week 10") == "+OK\r\n2026-11-23T00:00:00Z 15\r\n.\r\n");
    for (const char* bad :
         {"HIST", "HIST messages", "HIST nothing minute", "HIST messages year", "HIST messages minute 0",
          "HIST messages minute x", "HIST messages minute 1 2", "HIST messages MINUTE"})
        CHECK(manager.say(bad).starts_with("-ERR"));
    for (const auto& one : state::metric_series()) CHECK(manager.say("HIST " + one.name + " day").starts_with("+OK"));
}

TEST_CASE("HIST of a histogram shows how many samples each bucket got in each period") {
    Manager manager;
    const auto minute = std::chrono::floor<std::chrono::seconds>(manager.host.clock);
    std::vector<state::Count> values;
    const auto sample = [&](int minutes, std::initializer_list<state::Count> microseconds) {
        for (const state::Count one : microseconds) manager.host.numbers.retr_time.observe(one);
        read_history(manager.host.numbers, values);
        manager.host.past.sample(minute + std::chrono::minutes{minutes}, values);
    };
    sample(0, {90, 100, 101, 70'000'000});
    sample(1, {});
    sample(2, {60'000'000});
    CHECK(manager.say("HIST retr-time minute") == "+OK\r\n2026-11-23T00:00:00Z 100:2 250:1 more:1\r\n"
                                                  "2026-11-23T00:01:00Z -\r\n2026-11-23T00:02:00Z 60000000:1\r\n.\r\n");
    CHECK(manager.say("HIST retr-time minute 1") == "+OK\r\n2026-11-23T00:02:00Z 60000000:1\r\n.\r\n");
    CHECK(manager.say("HIST retr-time day") == "+OK\r\n2026-11-23T00:00:00Z 100:2 250:1 60000000:1 more:1\r\n.\r\n");
    CHECK(manager.say("HIST login-time day") == "+OK\r\n2026-11-23T00:00:00Z -\r\n.\r\n");
    for (const char* bad : {"HIST retr minute", "HIST retr-tim day", "HIST messages-time day", "HIST retr-time"})
        CHECK(manager.say(bad).starts_with("-ERR"));
    CHECK(manager.say("METR retr-time").starts_with("-ERR"));
}

TEST_CASE("WHYY shows why a user was refused") {
    Manager manager;
    CHECK(manager.say("WHYY user1") == "+OK\r\n.\r\n");
    manager.host.bus.publish(EventType::refused, manager.host.clock, 4, "user1", {{"reason", "maildrop locked"}});
    CHECK(manager.say("WHYY user1") == "+OK\r\n2026-11-23T00:00:00.000Z refused level=notice session=4 user=user1 "
                                       "reason=\"maildrop locked\"\r\n.\r\n");
    CHECK(manager.say("WHYY").starts_with("-ERR"));
}
