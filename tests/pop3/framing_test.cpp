// From bytes to replies: input cut anywhere, pipelined, overlong, with NULs, and how many bad lines are tolerated.
#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;
using namespace std::string_literals;

namespace {

World apop_world() {
    World world;
    world.settings.plain_secrets_known = true;
    world.digests["mrose"] = "c4c9334bac560ecc979e58001b3e22fb";
    return world;
}

const std::string script = "CAPA\r\nUSER nobody\r\nPASS x y\r\nLANG es\r\nLANG *\nNOSUCH\r\n" + std::string(300, 'x') +
                           "\r\nUS\0ER a\r\nUSER user1\r\nPASS pass1\r\nSTAT\nLIST\r\nUIDL\r\nDELE 1\r\nRETR 2\r\n"s
                           "TOP 2 1\r\nLIST 1\r\nRSET\r\nNOOP\r\nQUIT\r\nSTAT\r\n";

std::string whole_answer() {
    Conversation conversation{apop_world()};
    return conversation.send(script);
}

} // namespace

TEST_CASE("the answers are the same wherever the input is cut") {
    const std::string whole = whole_answer();
    REQUIRE(whole.ends_with("+OK\r\n+OK Goodbye\r\n"));
    for (std::size_t cut = 0; cut <= script.size(); ++cut) {
        Conversation conversation{apop_world()};
        std::string got = conversation.send(script.substr(0, cut));
        got += conversation.send(script.substr(cut));
        REQUIRE(got == whole);
    }
}

TEST_CASE("the answers are the same when every octet arrives alone") {
    Conversation conversation{apop_world()};
    std::string got;
    for (const char octet : script) got += conversation.send({&octet, 1});
    CHECK(got == whole_answer());
}

TEST_CASE("pipelined commands get one answer each, in order") {
    Conversation conversation;
    conversation.log_in();
    std::string commands;
    std::string answers;
    for (int i = 0; i < 50; ++i) {
        commands += "STAT\r\nDELE 1\r\nRSET\r\nLIST 2\r\n";
        answers += "+OK 2 320\r\n+OK Message 1 deleted\r\n+OK Maildrop has 2 messages (320 octets)\r\n+OK 2 200\r\n";
    }
    CHECK(conversation.send(commands) == answers);
}

TEST_CASE("commands pipelined after a right password are not lost") {
    Conversation conversation;
    CHECK(conversation.send("USER user1\r\nPASS pass1\r\nSTAT\r\nQUIT\r\n") ==
          "+OK POP3 server ready\r\n+OK User accepted, password needed\r\n+OK Password accepted\r\n+OK 2 320\r\n"
          "+OK Goodbye\r\n");
}

TEST_CASE("an overlong line gets one -ERR, its rest is not taken as a command, and the session goes on") {
    Conversation conversation;
    conversation.log_in();
    CHECK(conversation.send(std::string(500, 'x') + " DELE 1\r\nSTAT\r\n") == "-ERR Line too long\r\n+OK 2 320\r\n");
    const std::string spaces(249, ' ');
    CHECK(conversation.send("STAT" + spaces + "\r\n") == "+OK 2 320\r\n");           // 255 octets
    CHECK(conversation.send("STAT" + spaces + " \r\n") == "-ERR Line too long\r\n"); // 256 octets
}

TEST_CASE("a NUL makes its line invalid, whatever else the line says") {
    Conversation conversation;
    conversation.log_in();
    CHECK(conversation.send("DELE 1\0\r\n\0\r\nQU\0IT\r\nSTAT\r\n"s) ==
          "-ERR Invalid line\r\n-ERR Invalid line\r\n-ERR Invalid line\r\n+OK 2 320\r\n");
}

TEST_CASE("the fiftieth bad line in a row ends the connection without an update") {
    Conversation conversation;
    conversation.log_in();
    conversation.command("DELE 1");
    for (int i = 1; i < 50; ++i) {
        const std::string line = i % 3 == 0 ? std::string(300, 'x') : i % 3 == 1 ? "\0"s : "HELP"s;
        CHECK(conversation.command(line).find("-ERR ") == 0);
        REQUIRE_FALSE(conversation.closed);
    }
    CHECK(conversation.command("HELP") == "-ERR Too many invalid commands, goodbye\r\n");
    CHECK(conversation.closed);
    CHECK(conversation.asked.size() == 2);
    CHECK(conversation.asked.back() == "close after bad lines");
}

TEST_CASE("a good command in between resets the count of bad lines") {
    Conversation conversation;
    conversation.log_in();
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 49; ++i) conversation.command("FOO");
        CHECK(conversation.command("NOOP") == "+OK\r\n");
    }
    CHECK_FALSE(conversation.closed);
}

TEST_CASE("a known command that is refused neither counts as a bad line nor resets the count") {
    Conversation conversation;
    conversation.log_in();
    for (int i = 0; i < 200; ++i) conversation.command(i % 2 == 0 ? "RETR 99" : "DELE 0");
    for (int i = 0; i < 200; ++i) conversation.command("STLS");
    CHECK_FALSE(conversation.closed);
    for (int i = 0; i < 49; ++i) conversation.command("FOO");
    conversation.command("RETR 99");
    CHECK_FALSE(conversation.closed);
    conversation.command("FOO");
    CHECK(conversation.closed);
}

TEST_CASE("replies never repeat what the client sent") {
    Conversation conversation;
    conversation.send("");
    std::string all;
    for (const char* line : {"KILROY", "USER kilroy", "PASS kilroy", "LIST kilroy", "AUTH KILROY", "LANG kilroy",
                             "APOP kilroy kilroy", "KILROY\x1B[31m"}) {
        all += conversation.command(line);
    }
    conversation.log_in();
    for (const char* line : {"RETR kilroy", "TOP 1 kilroy", "kilroy", "UIDL kilroy", "STAT kilroy", "LANG kilroy"}) {
        all += conversation.command(line);
    }
    CHECK(all.find("kilroy") == std::string::npos);
    CHECK(all.find("KILROY") == std::string::npos);
    CHECK(all.find('\x1B') == std::string::npos);
}
