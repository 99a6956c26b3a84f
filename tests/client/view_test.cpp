#include "../../src/client/view.h"

#include <sstream>

#include "../../src/client/fields.h"
#include "../../src/client/json.h"
#include "support/catch.h"

using namespace buzon::client;

namespace {

Reply reply(const char* text) {
    return {true, std::string{"+OK"} + (*text ? " " : "") + text, text, false, {}};
}

Reply reply_of(std::vector<std::string> lines) {
    return {true, "+OK", "", true, std::move(lines)};
}

const Reply refused{false, "-ERR [AUTH] \x1b[2J", "[AUTH] \x1b[2J", false, {}};

} // namespace

TEST_CASE("a person sees the four numbers with their names") {
    CHECK(show(Format::person, "metr", reply("41;123456;2;7")) == "messages      41\n"
                                                                  "bytes     123456\n"
                                                                  "online         2\n"
                                                                  "historic       7\n");
}

TEST_CASE("a METR that is not four numbers is shown as it came") {
    for (const char* text : {"1;2;3", "1;2;3;4;5", "1;2;x;4", "", "nothing"}) {
        const std::string shown = show(Format::person, "METR", reply(text));
        CHECK(shown == (*text ? std::string{text} + '\n' : "OK\n"));
    }
    CHECK(show(Format::person, "METR messages", reply("1;2;3;4")) == "1;2;3;4\n");
}

TEST_CASE("a base directory may hold semicolons") {
    CHECK(show(Format::person, "INFO", reply("h;/a;b;::")) == "host     h\nbasedir  /a;b\nip       ::\n");
}

TEST_CASE("settings and metrics stand in columns") {
    CHECK(show(Format::person, "CONF", reply_of({"timeout 600", "disable UIDL TOP", "host"})) ==
          "timeout  600\ndisable  UIDL TOP\nhost\n");
    CHECK(show(Format::person, "METR *", reply_of({"a{b=\"c d\"} 10", "messages 7"})) ==
          "a{b=\"c d\"}  10\nmessages     7\n");
}

TEST_CASE("sessions become a table, with whatever columns the server has") {
    CHECK(show(Format::person, "SESS",
               reply_of(
                   {"7 user1 ::1 transaction age=12 command=RETR", "12 - 10.0.0.1:9 authorization age=3 new=x odd"})) ==
          "ID  USER   ADDRESS     STATE          AGE  COMMAND  NEW  FIELD7\n"
          " 7  user1  ::1         transaction     12  RETR\n"
          "12  -      10.0.0.1:9  authorization    3           x    odd\n");
    CHECK(show(Format::person, "SESS", reply_of({})) == "no sessions\n");
}

TEST_CASE("the table of sessions leaves out lesser columns, and never cuts an id, a user or an address") {
    const Reply usual = reply_of(
        {"7 user1@example.org 192.0.2.77:40112 transaction age=12 idle=0 command=RETR sent=1048576 size=- "
         "backlog=65536 messages=120000 program=-",
         "1234 - 127.0.0.1:50001 authorization age=3 idle=3 command=- sent=0 size=- backlog=0 messages=0 program=-"});
    CHECK(show(Format::person, "SESS", usual, 80) ==
          "  ID  USER               ADDRESS           STATE     AGE  IDLE  COMMAND     SENT\n"
          "   7  user1@example.org  192.0.2.77:40112  transact   12     0  RETR     1048576\n"
          "1234  -                  127.0.0.1:50001   authoriz    3     3  -              0\n");
    CHECK(show(Format::person, "SESS", usual, 40) == "  ID  USER               ADDRESS\n"
                                                     "   7  user1@example.org  192.0.2.77:40112\n"
                                                     "1234  -                  127.0.0.1:50001\n");
    CHECK(show(Format::person, "SESS", usual, 400) == show(Format::person, "SESS", usual));
    CHECK(show(Format::raw, "SESS", usual, 10) == show(Format::raw, "SESS", usual));

    const std::string user = "a-user-with-a-very-long-name@example.org";
    const std::string address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:40000";
    const Reply long_names = reply_of({"18446744073709551615 " + user + ' ' + address +
                                           " transaction age=12 idle=0 command=RETR sent=1048576 size=- backlog=65536 "
                                           "messages=120000 program=/usr/bin/something tls",
                                       "12 - 10.0.0.1:9 authorization age=3 idle=3 command=- sent=0 size=-"});
    for (std::size_t room = 1; room <= 250; ++room) {
        CAPTURE(room);
        std::istringstream lines{show(Format::person, "SESS", long_names, room)};
        const std::string whole = "18446744073709551615  " + user + "  " + address;
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line); ++count) {
            CHECK(line.size() <= std::max(room, whole.size()));
            if (count == 1) CHECK(line.starts_with(whole));
        }
        CHECK(count == 3);
    }
}

TEST_CASE("the raw view is the lines of the wire") {
    CHECK(show(Format::raw, "LOGG", reply_of({".", "..a", "b"})) == "+OK\n..\n...a\nb\n.\n");
    CHECK(show(Format::raw, "SESS", reply_of({})) == "+OK\n.\n");
    CHECK(show(Format::raw, "METR", reply("1;2;3;4")) == "+OK 1;2;3;4\n");
    CHECK(show(Format::raw, "LOGG", refused) == "-ERR [AUTH] \x1b[2J\n");
}

TEST_CASE("control characters of the server never reach a person's terminal") {
    CHECK(show(Format::person, "LOGG", refused) == "-ERR [AUTH] \\x1b[2J\n");
    CHECK(show(Format::person, "LOGG", reply_of({"\x1b]0;x\a"})) == "\\x1b]0;x\\x07\n");
    CHECK(show(Format::person, "CONF", reply_of({"host \x1b[2J"})) == "host  \\x1b[2J\n");
    CHECK(show_live_line(Format::person, "EVNT", "\x9b") == "\xEF\xBF\xBD\n");
}

TEST_CASE("JSON has numbers where the protocol has numbers") {
    CHECK(show(Format::json, "METR", reply("41;18446744073709551615;2;7")) ==
          R"({"status":"+OK","text":"41;18446744073709551615;2;7",)"
          R"("values":{"messages":41,"bytes":18446744073709551615,"online":2,"historic":7}})"
          "\n");
    CHECK(show(Format::json, "METR *", reply_of({"messages 7", "odd x"})) ==
          R"({"status":"+OK","text":"","values":{"messages":7,"odd":"x"},"lines":["messages 7","odd x"]})"
          "\n");
    CHECK(show(Format::json, "CONF", reply_of({"timeout 600"})) ==
          R"({"status":"+OK","text":"","values":{"timeout":"600"},"lines":["timeout 600"]})"
          "\n");
    CHECK(show(Format::json, "HIST bytes hour", reply_of({"2026-11-23T15:00:00Z 12"})) ==
          R"({"status":"+OK","text":"","points":[{"time":"2026-11-23T15:00:00Z","value":12}],)"
          R"("lines":["2026-11-23T15:00:00Z 12"]})"
          "\n");
    CHECK(show(Format::json, "NOOP", refused) == R"({"status":"-ERR","text":"[AUTH] \u001b[2J"})"
                                                 "\n");
    CHECK(show(Format::json, "SESS", reply_of({})) == R"({"status":"+OK","text":"","sessions":[],"lines":[]})"
                                                      "\n");
}

TEST_CASE("JSON is UTF-8 without control characters, whatever the server sent") {
    CHECK(json_string(std::string_view{"\"\\\n\r\t\0\x1f\x7f", 8}) == R"("\"\\\n\r\t\u0000\u001f\u007f")");
    CHECK(json_string("\xC2\x9B") == R"("\u009b")");
    CHECK(json_string("a\xFFz\xC3") == "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
    CHECK(json_string("\xC3\xB1\xF0\x9F\x93\xAB") == "\"\xC3\xB1\xF0\x9F\x93\xAB\"");
}

TEST_CASE("a name that comes twice loses no value in JSON") {
    JsonObject object;
    object.add("a", "1").add("b", "2").add("a", "3");
    CHECK(object.text() == R"({"a":[1,3],"b":2})");
}

TEST_CASE("an event is a JSON document of its own") {
    CHECK(show_live_line(Format::json, "EVNT",
                         R"(2026-11-23T15:14:34.123Z login user="a \"b\"\x41" ip=::1 more words)") ==
          R"j({"time":"2026-11-23T15:14:34.123Z","type":"login","user":"a \"b\"A","ip":"::1","text":"more words",)j"
          R"j("line":"2026-11-23T15:14:34.123Z login user=\"a \\\"b\\\"\\x41\" ip=::1 more words"})j"
          "\n");
    CHECK(show_live_line(Format::json, "LOGG FOLLOW", "x=1") == R"({"line":"x=1"})"
                                                                "\n");
    CHECK(show_live_line(Format::raw, "EVNT", ".x") == "..x\n");
}

TEST_CASE("columns of a session are decoded, and a user called a=b stays one") {
    const auto fields = session_fields("7  a=b%20c%25 ::1 transaction p=%2 q=");
    CHECK(value_of(fields, "user") == "a=b c%");
    CHECK(value_of(fields, "p") == "%2");
    CHECK(value_of(fields, "q").empty());
    CHECK(value_of(fields, "none").empty());
}
