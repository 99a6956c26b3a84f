#include "buzon/state/event.h"

#include "buzon/state/event_bus.h"
#include "support/catch.h"

using namespace buzon::state;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point noon =
    std::chrono::sys_days{std::chrono::year{2026} / 2 / 3} + 12h + 4min + 5s + 67ms + 999us;

std::string text_of(const Event& event, LogFormat format = LogFormat::text, const LogOrigin& origin = {}) {
    std::string out;
    format_event(event, format, origin, out);
    return out;
}

std::string with_value(std::string_view value, LogFormat format = LogFormat::text) {
    const EventField fields[] = {{"k", value}};
    return text_of({EventType::retr, Level::info, noon, 0, {}, {}, fields}, format);
}

struct Lines final : LogSink {
    std::string all;
    void write(std::string_view line) override { all += line; }
};

} // namespace

TEST_CASE("an event is one line with its type and its fields, in every log format") {
    const EventField fields[] = {{"ip", "::1"}, {"octets", 324}};
    const Event event{EventType::login, Level::info, noon, 17, "user1", "two words", fields};
    CHECK(text_of(event) ==
          "2026-02-03T12:04:05.067Z login level=info session=17 user=user1 ip=::1 octets=324 msg=\"two words\"");
    CHECK(text_of(event, LogFormat::json) == "{\"time\":\"2026-02-03T12:04:05.067Z\",\"type\":\"login\",\"level\":"
                                             "\"info\",\"session\":17,\"user\":\"user1\","
                                             "\"ip\":\"::1\",\"octets\":324,\"msg\":\"two words\"}");
    CHECK(text_of(event, LogFormat::syslog, {"mail.example.org", 99}) ==
          "<22>1 2026-02-03T12:04:05.067Z mail.example.org buzon 99 login "
          "[buzon@32473 session=\"17\" user=\"user1\" ip=\"::1\" octets=\"324\"] "
          "login level=info session=17 user=user1 ip=::1 octets=324 msg=\"two words\"");
    CHECK(text_of(event, LogFormat::journal) ==
          "<6>login level=info session=17 user=user1 ip=::1 octets=324 msg=\"two words\"");
    CHECK(text_of({EventType::log, Level::error, noon}, LogFormat::syslog) ==
          "<19>1 2026-02-03T12:04:05.067Z - buzon - log - log level=error");
}

TEST_CASE("no value can break out of its line or its quotes, or control a terminal") {
    const std::string head = "2026-02-03T12:04:05.067Z retr level=info k=";
    CHECK(with_value("") == head + "\"\"");
    CHECK(with_value("a=b") == head + "\"a=b\"");
    CHECK(with_value("a b") == head + "\"a b\"");
    CHECK(with_value("\"\\") == head + "\"\\\"\\\\\"");
    CHECK(with_value("a\r\nb\tc") == head + "\"a\\r\\nb\\tc\"");
    CHECK(with_value("\x1b[2J\x7f") == head + "\"\\x1B[2J\\x7F\"");
    CHECK(with_value(std::string_view{"\0", 1}) == head + "\"\\x00\"");
    CHECK(with_value("se\xC3\xB1or") == head + "\"se\xC3\xB1or\"");
    CHECK(with_value("\xC2\x9B") == head + "\"\\xC2\\x9B\"");          // U+009B, the terminal's CSI
    CHECK(with_value("\xC3") == head + "\"\\xC3\"");                   // cut
    CHECK(with_value("\xC0\xAF") == head + "\"\\xC0\\xAF\"");          // overlong
    CHECK(with_value("\xED\xA0\x80") == head + "\"\\xED\\xA0\\x80\""); // a surrogate
    CHECK(with_value("\xF4\x90\x80\x80") == head + "\"\\xF4\\x90\\x80\\x80\"");
    CHECK(with_value("\xF0\x9F\x93\xAC") == head + "\"\xF0\x9F\x93\xAC\"");
    for (int octet = 0; octet < 256; ++octet) {
        const std::string value{'x', static_cast<char>(octet), 'y'};
        for (const LogFormat format : {LogFormat::text, LogFormat::json, LogFormat::syslog, LogFormat::journal}) {
            for (const char c : with_value(value, format)) {
                CHECK(static_cast<unsigned char>(c) >= 0x20);
                CHECK(static_cast<unsigned char>(c) < 0x7F);
            }
        }
    }
    CHECK(with_value("a]\"\\", LogFormat::syslog).find(" k=\"a\\]\\\"\\\\\"] ") != std::string::npos);
    CHECK(with_value("\n\x80", LogFormat::json).ends_with("\"k\":\"\\u000A\\uFFFD\"}"));
}

TEST_CASE("a long value is cut, but never inside a character") {
    CHECK(with_value(std::string(512, 'a')).ends_with("k=" + std::string(512, 'a')));
    for (std::size_t before = 500; before < 520; ++before) {
        const std::string line = with_value(std::string(before, 'a') + "\xF0\x9F\x93\xAC" + std::string(600, 'b'));
        CHECK(line.size() < 600);
        CHECK(line.ends_with("...\""));
        CHECK(line.find("\\x") == std::string::npos);
    }
}

TEST_CASE("a word of a column has no blanks and is never empty") {
    const auto word = [](std::string_view text) {
        std::string out;
        append_word(text, out);
        return out;
    };
    CHECK(word("") == "-");
    CHECK(word("-") == "%2D");
    CHECK(word("--") == "--");
    CHECK(word("a b%\n\xFF") == "a%20b%25%0A%FF");
    CHECK(word("se\xC3\xB1or") == "se\xC3\xB1or");
}

TEST_CASE("times read back as they were written, and anything else is refused") {
    using namespace std::chrono;
    const sys_seconds when = sys_days{year{2024} / 2 / 29} + 23h + 59min + 1s;
    std::string out;
    append_time(when, out);
    CHECK(out == "2024-02-29T23:59:01Z");
    CHECK(parse_time(out) == when);
    CHECK(parse_time("2024-02-29") == sys_seconds{sys_days{year{2024} / 2 / 29}});
    for (const char* bad :
         {"", "2023-02-29", "2024-13-01", "2024-2-29", "2024/02/29", "2024-02-29T24:00:00Z", "2024-02-29T23:60:00Z",
          "2024-02-29T23:59:60Z", "2024-02-29T23:59:01", "2024-02-29 23:59:01Z", "2024-02-29T23:59:01+", "+024-02-29",
          "2024-00-10", "2024-02-29T23:59:01ZZ"})
        CHECK_FALSE(parse_time(bad).has_value());
    out.clear();
    append_time(system_clock::time_point{-1ms}, out);
    CHECK(out == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("the bus wants only events that somebody listens to, and a listener gets only its types") {
    Log log;
    EventBus bus{log};
    CHECK_FALSE(bus.wants(EventType::retr)); // debug, and the log is at info
    CHECK(bus.wants(EventType::login));
    log.set_level(Level::error);
    CHECK_FALSE(bus.wants(EventType::connect));
    CHECK(bus.wants(EventType::login)); // the diary wants it

    int wakes = 0;
    LineFeed::Subscription listener{bus.events(), mask_of(EventType::retr) | mask_of(EventType::dele), 0,
                                    [&] { ++wakes; }};
    std::string_view line;
    CHECK_FALSE(listener.next(line));
    CHECK(bus.wants(EventType::retr));
    bus.publish(EventType::login, noon, 1, "user1", {});
    CHECK(wakes == 0);
    bus.publish(EventType::retr, noon, 1, "user1", {{"octets", 5}});
    CHECK(wakes == 1);
    REQUIRE(listener.next(line));
    CHECK(line == "2026-02-03T12:04:05.067Z retr level=debug session=1 user=user1 octets=5");
    CHECK_FALSE(listener.next(line));
    std::string_view logged;
    LineFeed::Reader reader{log.lines(), 1, 100};
    CHECK_FALSE(reader.next(logged)); // level error: neither was logged
}

TEST_CASE("the log keeps and passes on only what its level allows, and writes it in its format") {
    Lines sink;
    Log log{&sink, {"h", 1}};
    EventBus bus{log};
    bus.log(Level::debug, noon, "too fine");
    bus.log(Level::warning, noon, "a\nb", 5, "user1");
    CHECK(sink.all == "2026-02-03T12:04:05.067Z log level=warning session=5 user=user1 msg=\"a\\nb\"\n");
    sink.all.clear();
    log.set_format(LogFormat::journal);
    log.set_level(Level::debug);
    bus.publish(EventType::connect, noon, 2, "", {});
    CHECK(sink.all == "<7>connect level=debug session=2\n");
    LineFeed::Reader reader{log.lines(), 1, 1};
    std::string_view line;
    REQUIRE(reader.next(line));
    CHECK(line == "2026-02-03T12:04:05.067Z connect level=debug session=2");
}

namespace {

// Publishes to a bus and reads its diary.
struct Written {
    Log log;
    EventBus bus{log};
    std::chrono::system_clock::time_point now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};

    void say(EventType type, std::uint64_t session, std::string_view user, std::initializer_list<EventField> fields) {
        bus.publish(type, now, session, user, fields);
        now += std::chrono::seconds{1};
    }
    std::vector<std::string> lines(std::string_view user) const { return bus.diary().read(user); }
};

} // namespace

TEST_CASE("the diary counts equal refusals in one line with the time of the first, whatever their why says") {
    Written written;
    written.say(EventType::auth_fail, 1, "ana", {{"ip", "192.0.2.7"}, {"reason", "wrong password"}});
    for (std::uint64_t i = 2; i < 30; ++i)
        written.say(EventType::refused, i, "ana", {{"reason", "in-use"}, {"why", std::to_string(i) + " seconds"}});
    written.say(EventType::auth_fail, 30, "ana", {{"ip", "192.0.2.8"}, {"reason", "wrong password"}});
    written.say(EventType::auth_fail, 31, "ana", {{"ip", "192.0.2.7"}, {"reason", "wrong password"}});
    CHECK(written.lines("ana") == std::vector<std::string>{"2026-11-23T00:00:28.000Z refused level=notice session=29 "
                                                           "user=ana reason=in-use why=\"29 seconds\" count=28 "
                                                           "first=2026-11-23T00:00:01.000Z",
                                                           "2026-11-23T00:00:29.000Z auth-fail level=notice session=30 "
                                                           "user=ana ip=192.0.2.8 reason=\"wrong password\"",
                                                           "2026-11-23T00:00:30.000Z auth-fail level=notice session=31 "
                                                           "user=ana ip=192.0.2.7 reason=\"wrong password\" "
                                                           "count=2 first=2026-11-23T00:00:00.000Z"});
}

TEST_CASE("the diary keeps the last twelve refusals and, apart from them, the last twelve sessions, one line each") {
    Written written;
    for (std::uint64_t i = 0; i < 15; ++i)
        written.say(EventType::auth_fail, i + 1, "ana", {{"ip", "192.0.2." + std::to_string(i)}});
    for (std::uint64_t i = 100; i < 115; ++i) {
        written.say(EventType::login, i, "ana", {{"ip", "::1"}});
        written.say(EventType::filter_fail, i, "ana", {{"cause", "exit"}});
        written.say(EventType::filter_fail, i, "ana", {{"cause", "exit"}});
        if (i < 114) written.say(EventType::logout, i, "ana", {{"reason", "quit"}, {"retr", 2}});
    }
    written.say(EventType::logout, 100, "ana", {{"reason", "late"}}); // of a session that is no longer kept
    const auto lines = written.lines("ana");
    REQUIRE(lines.size() == 2 * Diary::lines_each);
    CHECK(lines[0].ends_with("ip=192.0.2.3"));
    CHECK(lines[11].ends_with("ip=192.0.2.14"));
    CHECK(lines[12] == "2026-11-23T00:00:27.000Z login level=info session=103 user=ana ip=::1 "
                       "logout=2026-11-23T00:00:30.000Z reason=quit retr=2 filter-fail=2");
    CHECK(lines[23].ends_with("session=114 user=ana ip=::1 filter-fail=2")); // still logged in
}

TEST_CASE("the diary forgets the user it has not heard of for longest") {
    Written written;
    const auto say = [&](std::string_view user) { written.say(EventType::login, 1, user, {}); };
    say("user1");
    CHECK(written.lines("nobody").empty());
    say("");
    CHECK(written.lines("").empty());
    for (std::size_t i = 0; i < Diary::max_users - 1; ++i) say("u" + std::to_string(i));
    CHECK_FALSE(written.lines("user1").empty());
    say("user1"); // now u0 is the one not heard of for longest
    say("one more");
    CHECK_FALSE(written.lines("user1").empty());
    CHECK(written.lines("u0").empty());
    CHECK_FALSE(written.lines("u1").empty());
}
