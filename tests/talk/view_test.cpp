#include "buzon/talk/view.h"

#include <sstream>

#include "buzon/talk/fields.h"
#include "buzon/talk/json.h"
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

TEST_CASE("METR shows its four numbers with their names") {
    CHECK(show(Format::person, "metr", reply("41;123456;2;7")) == "messages      41\n"
                                                                  "bytes     123456\n"
                                                                  "online         2\n"
                                                                  "historic       7\n");
}

TEST_CASE("a reply to METR without four numbers is shown unchanged") {
    for (const char* text : {"1;2;3", "1;2;3;4;5", "1;2;x;4", "", "nothing"}) {
        const std::string shown = show(Format::person, "METR", reply(text));
        CHECK(shown == (*text ? std::string{text} + '\n' : "OK\n"));
    }
    CHECK(show(Format::person, "METR messages", reply("1;2;3;4")) == "1;2;3;4\n");
}

TEST_CASE("a base directory may contain semicolons") {
    CHECK(show(Format::person, "INFO", reply("h;/a;b;::")) == "host     h\nbasedir  /a;b\nip       ::\n");
}

TEST_CASE("settings and metrics are shown in columns") {
    CHECK(show(Format::person, "CONF", reply_of({"timeout 600", "disable UIDL TOP", "host"})) ==
          "timeout  600\ndisable  UIDL TOP\nhost\n");
    CHECK(show(Format::person, "METR *", reply_of({"a{b=\"c d\"} 10", "messages 7"})) ==
          "a{b=\"c d\"}  10\nmessages     7\n");
}

TEST_CASE("sessions are shown as a table, with whatever columns the server sends") {
    CHECK(show(Format::person, "SESS",
               reply_of(
                   {"7 user1 ::1 transaction age=12 command=RETR", "12 - 10.0.0.1:9 authorization age=3 new=x odd"})) ==
          "ID  USER   ADDRESS     STATE          AGE  COMMAND  NEW  FIELD7\n"
          " 7  user1  ::1         transaction     12  RETR\n"
          "12  -      10.0.0.1:9  authorization    3           x    odd\n");
    CHECK(show(Format::person, "SESS", reply_of({})) == "no sessions\n");
}

TEST_CASE("the table of sessions drops lesser columns, and never cuts an id, a user or an address") {
    const Reply usual = reply_of(
        {"7 user1@example.org 192.0.2.77:40112 transaction age=12 idle=0 command=RETR sent=1048576 size=- "
         "backlog=65536 messages=120000 program=-",
         "1234 - 127.0.0.1:50001 authorization age=3 idle=3 command=- sent=0 size=- backlog=0 messages=0 program=-"});
    CHECK(show(Format::person, "SESS", usual, 80) ==
          "  ID  USER               ADDRESS           STATE     AGE  IDLE  COMMAND  SENT >\n"
          "   7  user1@example.org  192.0.2.77:40112  transac>  12s    0s  RETR     1.0M\n"
          "1234  -                  127.0.0.1:50001   authori>   3s    3s  -           0\n");
    CHECK(show(Format::person, "SESS", usual, 40) == "  ID  USER               ADDRESS >\n"
                                                     "   7  user1@example.org  192.0.2.77:40112\n"
                                                     "1234  -                  127.0.0.1:50001\n");
    CHECK(show(Format::person, "SESS", usual, 400).find("  1.0M     -      64k   120,000        -\n") !=
          std::string::npos);
    CHECK(show(Format::person, "SESS", usual).find("  1048576     -    65536    120000        -\n") !=
          std::string::npos);
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

TEST_CASE("numbers have units at a terminal, and are unchanged elsewhere") {
    const auto both = [](std::string_view command, const Reply& said, std::string_view person, std::string_view pipe) {
        CAPTURE(command);
        CHECK(show(Format::person, command, said, 80) == person);
        CHECK(show(Format::person, command, said) == pipe);
    };
    both("METR", reply("12345;40213;2;9"), "messages  12,345\nbytes        39k\nonline         2\nhistoric       9\n",
         "messages  12345\nbytes     40213\nonline        2\nhistoric      9\n");
    both("METR  ALL", reply_of({"scan-time-p99 2500", "loop-busy 12", "process-cpu-seconds 7200"}),
         "scan-time-p99        2.5ms\nloop-busy              12%\nprocess-cpu-seconds     2h\n",
         "scan-time-p99        2500\nloop-busy              12\nprocess-cpu-seconds  7200\n");
    both("METR bytes", reply("1048576"), "1.0M\n", "1048576\n");
    both(
        "CONF", reply_of({"timeout 600", "login-timeout 61", "max-message-size 1048576", "max-per-ip 4000"}),
        "timeout            10m\nlogin-timeout      61s\nmax-message-size    1M\nmax-per-ip        4000\n",
        "timeout               600\nlogin-timeout          61\nmax-message-size  1048576\nmax-per-ip           4000\n");
    both("CONF timeout", reply("86400"), "1d\n", "86400\n");
    both("CONF changed", reply_of({"timeout 900 unsaved"}), "timeout  15m unsaved\n", "timeout  900 unsaved\n");
    both("INFO *", reply_of({"host a", "uptime 7300", "port 1110"}), "host    a\nuptime  2h\nport    1110\n",
         "host    a\nuptime  7300\nport    1110\n");
    both("HIST bytes hour", reply_of({"2026-11-23T14:00:00Z 40213"}), "2026-11-23T14:00:00Z  39k\n",
         "2026-11-23T14:00:00Z  40213\n");
    both("HIST retr-time hour", reply_of({"2026-11-23T14:00:00Z 2500:3 more:1"}),
         "2026-11-23T14:00:00Z  2.5ms:3  more:1\n", "2026-11-23T14:00:00Z  2500:3 more:1\n");
    both("PORT", reply("1110"), "1110\n", "1110\n");
}

TEST_CASE("the raw view shows the lines as they are on the wire") {
    CHECK(show(Format::raw, "LOGG", reply_of({".", "..a", "b"})) == "+OK\n..\n...a\nb\n.\n");
    CHECK(show(Format::raw, "SESS", reply_of({})) == "+OK\n.\n");
    CHECK(show(Format::raw, "METR", reply("1;2;3;4")) == "+OK 1;2;3;4\n");
    CHECK(show(Format::raw, "LOGG", refused) == "-ERR [AUTH] \x1b[2J\n");
}

TEST_CASE("control characters from the server never reach a person's terminal") {
    CHECK(show(Format::person, "LOGG", refused) == "-ERR [AUTH] \\x1b[2J\n");
    CHECK(show(Format::person, "LOGG", reply_of({"\x1b]0;x\a"})) == "\\x1b]0;x\\x07\n");
    CHECK(show(Format::person, "CONF", reply_of({"host \x1b[2J"})) == "host  \\x1b[2J\n");
    CHECK(show_live_line(Format::person, "\x9b") == "\xEF\xBF\xBD\n");
}

TEST_CASE("JSON has numbers where the protocol has numbers") {
    const auto shown = [](std::string_view command, std::vector<std::string> lines, const std::string& expected) {
        CAPTURE(std::string{command});
        std::string quoted;
        for (const std::string& line : lines) quoted += (quoted.empty() ? "" : ",") + json_string(line);
        CHECK(show(Format::json, command, reply_of(lines)) ==
              R"({"status":"+OK","text":"",)" + expected + R"(,"lines":[)" + quoted + "]}\n");
    };
    CHECK(show(Format::json, "METR", reply("41;18446744073709551615;2;7")) ==
          R"({"status":"+OK","text":"41;18446744073709551615;2;7",)"
          R"("values":{"messages":41,"bytes":18446744073709551615,"online":2,"historic":7},)"
          R"("metrics":{"messages":41,"bytes":18446744073709551615,"online":2,"historic":7}})"
          "\n");
    for (const char* all : {"METR *", "METR  all"})
        shown(all, {"messages 7", "odd x"}, R"("values":{"messages":7,"odd":"x"},"metrics":{"messages":7,"odd":"x"})");
    shown("METR ? online", {"online gauge - Users logged in now.", "bytes counter octets Octets sent."},
          R"("metrics":[{"name":"online","type":"gauge","unit":null,"meaning":"Users logged in now."},)"
          R"({"name":"bytes","type":"counter","unit":"octets","meaning":"Octets sent."}])");
    const std::string settings = R"({"timeout":600,"verbose":true,"host":"4","new":"7"})";
    shown("CONF", {"timeout 600", "verbose on", "host 4", "new 7"},
          "\"values\":" + settings + ",\"settings\":" + settings);
    shown("CONF changed", {"timeout 900 unsaved", "host h"},
          R"("values":{"timeout":900,"host":"h"},"settings":{"timeout":900,"host":"h"},"unsaved":["timeout"])");
    shown("USER LIST", {"4", "ana", "eve locked unknown scheme {X}"},
          R"("users":["4","ana","eve"],"locked":{"eve":"unknown scheme {X}"})");
    shown("INFO *", {"host 4", "port 110", "metrics a:1", "metrics b:2"},
          R"("values":{"host":"4","port":110,"metrics":["a:1","b:2"]})");
    shown("HIST bytes hour", {"2026-11-23T15:00:00Z 12"}, R"("points":[{"time":"2026-11-23T15:00:00Z","value":12}])");
    shown(
        "SESS", {"7 4 ::1:9 transaction age=1 sent=2 size=- command=RETR tls", "8 - a:1 authorization size=9"},
        R"("sessions":[{"id":7,"user":"4","address":"::1:9","state":"transaction","age":1,"sent":2,"size":null,)"
        R"("command":"RETR","tls":true},{"id":8,"user":"-","address":"a:1","state":"authorization","size":9,"tls":false}])");
    for (const char* command : {"WHYY 4", "LOGG 1"})
        shown(
            command, {"2026-11-23T15:14:34.123Z login level=info session=7 user=4 msg=12"},
            R"("events":[{"time":"2026-11-23T15:14:34.123Z","type":"login","level":"info","session":7,"user":"4","msg":"12"}])");
    for (const auto& [command, text, value] : {std::tuple{"METR online", "3", "3"},
                                               {"CONF timeout", "600", "600"},
                                               {"CONF verbose off", "off", "false"},
                                               {"CONF host", "4", "\"4\""},
                                               {"KICK ana", "2", "2"},
                                               {"PORT", "110", "110"},
                                               {"HOST", "4", "\"4\""},
                                               {"TRAN", "off", "\"off\""}})
        CHECK(show(Format::json, command, reply(text)) ==
              std::string{R"({"status":"+OK","text":")"} + text + R"(","value":)" + value + "}\n");
    CHECK(show(Format::json, "NOOP", reply("done")) == "{\"status\":\"+OK\",\"text\":\"done\"}\n");
    CHECK(show(Format::json, "NOOP", refused) == R"({"status":"-ERR","text":"[AUTH] \u001b[2J"})"
                                                 "\n");
    shown("SESS", {}, R"("sessions":[])");
}

TEST_CASE("JSON is UTF-8 without control characters, whatever the server sent") {
    CHECK(json_string(std::string_view{"\"\\\n\r\t\0\x1f\x7f", 8}) == R"("\"\\\n\r\t\u0000\u001f\u007f")");
    CHECK(json_string("\xC2\x9B") == R"("\u009b")");
    CHECK(json_string("a\xFFz\xC3") == "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
    CHECK(json_string("\xC3\xB1\xF0\x9F\x93\xAB") == "\"\xC3\xB1\xF0\x9F\x93\xAB\"");
}

TEST_CASE("a name that occurs twice loses no value in JSON") {
    JsonObject object;
    object.add("a", "1").add("b", "2").add("a", "3");
    CHECK(object.text() == R"({"a":[1,3],"b":2})");
}

TEST_CASE("an event is a JSON document of its own") {
    CHECK(
        show_live_line(Format::json, R"(2026-11-23T15:14:34.123Z login user="a \"b\"\x41" ip=::1 more words)") ==
        R"j({"status":"+OK","text":"",)j"
        R"j("events":[{"time":"2026-11-23T15:14:34.123Z","type":"login","user":"a \"b\"A","ip":"::1","words":"more words"}],)j"
        R"j("time":"2026-11-23T15:14:34.123Z","type":"login","user":"a \"b\"A","ip":"::1","words":"more words",)j"
        R"j("line":"2026-11-23T15:14:34.123Z login user=\"a \\\"b\\\"\\x41\" ip=::1 more words"})j"
        "\n");
    CHECK(show_live_line(Format::json, "x=1") ==
          R"({"status":"+OK","text":"","events":[{"time":"x=1"}],"time":"x=1","line":"x=1"})"
          "\n");
    CHECK(show_live_line(Format::raw, ".x") == "..x\n");
}

TEST_CASE("columns of a session are decoded, and a user called a=b is not split") {
    const auto fields = session_fields("7  a=b%20c%25 ::1 transaction p=%2 q=");
    CHECK(value_of(fields, "user") == "a=b c%");
    CHECK(value_of(fields, "p") == "%2");
    CHECK(value_of(fields, "q").empty());
    CHECK(value_of(fields, "none").empty());
}
