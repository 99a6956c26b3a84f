// system/framing_test.cpp - how commands arrive: cut, joined, too long, with octets that do not belong there.
#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string framing_text = "Subject: corte\n\n.uno\ndos\n";

// The commands of a session, cut in two. replies_to() sends the pieces with all its connections in step.
struct Cut {
    std::string first, second;
};

std::vector<std::string> replies_to(const Server& server, const std::vector<Cut>& cuts) {
    std::vector<Pop3Client> clients;
    for (std::size_t i = 0; i < cuts.size(); ++i) clients.push_back(server.client());
    for (std::size_t i = 0; i < cuts.size(); ++i) clients[i].send(cuts[i].first);
    for (const Pop3Client& client : clients) client.wait_until_read();
    std::vector<std::string> replies;
    for (std::size_t i = 0; i < cuts.size(); ++i) clients[i].send(cuts[i].second);
    for (Pop3Client& client : clients) replies.push_back(client.rest());
    return replies;
}

std::vector<Cut> every_cut(const std::string& text) {
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at <= text.size(); ++at) cuts.push_back({text.substr(0, at), text.substr(at)});
    return cuts;
}

std::string session_replies() {
    const std::string size = std::to_string(as_received(framing_text).size());
    return "+OK User accepted, password needed\r\n+OK Password accepted\r\n+OK 1 " + size + "\r\n+OK 1 messages (" +
           size + " octets)\r\n1 " + size + "\r\n.\r\n+OK " + size + " octets\r\n" + as_sent(framing_text) +
           "+OK Goodbye\r\n";
}

} // namespace

TEST_CASE("a session's commands may be cut in two at any octet") {
    Server server{1, {"--sessions", "shared"}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", framing_text);
    const std::string ends = GENERATE(as<std::string>{}, "\r\n", "\n");
    std::string session;
    for (const char* command : {"USER user1", "PASS pass1", "STAT", "LIST", "RETR 1", "QUIT"})
        session += command + ends;
    const std::vector<Cut> cuts = every_cut(session);
    const std::vector<std::string> replies = replies_to(server, cuts);
    for (std::size_t at = 0; at < cuts.size(); ++at) {
        CAPTURE(at);
        CHECK(replies[at] == session_replies());
    }
}

TEST_CASE("a session's commands may arrive octet by octet") {
    Server server;
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", framing_text);
    Pop3Client client = server.client();
    for (const char octet : std::string("USER user1\r\nPASS pass1\r\nSTAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n")) {
        client.send({&octet, 1});
        client.wait_until_read();
    }
    CHECK(client.rest() == session_replies());
}

TEST_CASE("a whole session sent at once is answered in order") {
    Server server;
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", framing_text);
    Pop3Client client = server.client();
    client.send("USER user1\r\nPASS pass1\r\nSTAT\r\nLIST\r\nRETR 1\r\nQUIT\r\n");
    CHECK(client.rest() == session_replies());
}

TEST_CASE("commands sent before the greeting are answered after it") {
    Server server;
    Wire wire{"127.0.0.1", server.port()};
    wire.send("user user1\npass pass1\nstat\nquit\n");
    const std::string all = wire.rest();
    CHECK(all.starts_with("+OK POP3 server ready"));
    CHECK(
        all.ends_with("\r\n+OK User accepted, password needed\r\n+OK Password accepted\r\n+OK 0 0\r\n+OK Goodbye\r\n"));
}

TEST_CASE("ten thousand pipelined commands get ten thousand replies") {
    Server server;
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", framing_text);
    Pop3Client client = server.session();
    constexpr int rounds = 5000;
    std::string commands, expected;
    for (int i = 0; i < rounds; ++i) {
        commands += "NOOP\r\nRETR 1\r\n";
    }
    commands += "QUIT\r\n";
    // Send and read in turns: the server reads only as much as it can answer, so a client that sent everything before
    // reading would block.
    std::size_t sent = 0, retrieved = 0, oks = 0;
    while (oks < 2 * rounds + 1) {
        if (sent < commands.size()) sent += client.send_some(std::string_view(commands).substr(sent, 4096));
        while (sent == commands.size() || !client.silent_for(Seconds{0})) {
            const std::string reply = client.line();
            REQUIRE(reply.starts_with("+OK"));
            ++oks;
            if (reply.ends_with("octets")) {
                REQUIRE(client.body() == as_received(framing_text));
                ++retrieved;
            }
            if (oks == 2 * rounds + 1) break;
        }
    }
    CHECK(retrieved == rounds);
    CHECK(client.ended());
}

TEST_CASE("commands after QUIT are not answered") {
    Server server;
    Pop3Client client = server.session();
    client.send("QUIT\r\nNOOP\r\nSTAT\r\n");
    CHECK(client.rest(true) == "+OK Goodbye\r\n");
}

TEST_CASE("verbs are accepted in any case and never abbreviated") {
    Server server;
    Pop3Client client = server.client();
    CHECK(client.command("uSeR user1").starts_with("+OK"));
    CHECK(client.command("pAsS pass1").starts_with("+OK"));
    CHECK(client.command("stat").starts_with("+OK"));
    for (const char* command :
         {"STATxyz", "STA", "ST", "S", "STATS", "RETRIEVE 1", "QUITE", "", " ", " STAT", "\tSTAT"}) {
        CAPTURE(command);
        CHECK(client.command(command).starts_with("-ERR"));
    }
    CHECK(client.command("NOOP").starts_with("+OK"));
}

TEST_CASE("a line of up to 255 octets with its CRLF is accepted and a longer one is refused") {
    Server server;
    for (const std::size_t octets : {253U, 254U, 255U}) {
        Pop3Client client = server.client();
        CHECK(client.command("USER " + std::string(octets - 7, 'u')) == "+OK User accepted, password needed");
    }
    for (const std::size_t octets : {256U, 257U, 512U, 4096U, 65536U, 1000000U}) {
        CAPTURE(octets);
        Pop3Client client = server.session();
        CHECK(client.command("USER " + std::string(octets - 7, 'u')).starts_with("-ERR"));
        CHECK(client.command("NOOP").starts_with("+OK")); // exactly one reply, and the session goes on
        client.quit();
    }
}

TEST_CASE("the rest of an overlong line is never taken as a command") {
    Server server;
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", framing_text);
    const std::string filler(300, 'x');
    for (const std::string& line : {filler + " DELE 1", filler + "\rDELE 1", std::string(255, ' ') + "DELE 1"}) {
        Pop3Client client = server.session();
        client.send(line.substr(0, 256));
        client.wait_until_read();
        client.send(line.substr(256) + "\r\n");
        CHECK(client.line().starts_with("-ERR"));
        CHECK(client.command("STAT").starts_with("+OK 1 "));
        client.quit();
    }
}

TEST_CASE("a NUL anywhere in a line makes it invalid") {
    Server server;
    const std::string commands[] = {std::string("\0STAT", 5),  std::string("ST\0AT", 5), std::string("STAT\0", 5),
                                    std::string("STAT \0", 6), std::string("\0", 1),     std::string("QUIT\0", 5)};
    Pop3Client client = server.session();
    for (const std::string& command : commands) {
        CHECK(client.command(command).starts_with("-ERR"));
        CHECK(client.command("NOOP").starts_with("+OK"));
    }
    // The right password with a NUL behind it is not the right password.
    Pop3Client other = server.client();
    CHECK(other.command("USER user1").starts_with("+OK"));
    CHECK(other.command(std::string("PASS pass1\0", 11)).starts_with("-ERR"));
}

TEST_CASE("fifty bad lines in a row close the connection") {
    Server server;
    Pop3Client client = server.session();
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 49; ++i) CHECK(client.command(i % 2 ? "XYZZY" : std::string(300, 'x')).starts_with("-ERR"));
        CHECK(client.command("NOOP").starts_with("+OK")); // a good line restarts the count
    }
    for (int i = 0; i < 50; ++i) CHECK(client.command("XYZZY").starts_with("-ERR"));
    CHECK(client.ended());
    CHECK(server.session().command("NOOP").starts_with("+OK")); // the maildrop is free again
}

TEST_CASE("bad arguments do not count as invalid lines") {
    Server server;
    Pop3Client client = server.session();
    for (int i = 0; i < 60; ++i)
        for (const char* command : {"RETR 99", "DELE 0", "LIST x", "TOP 1"})
            CHECK(client.command(command).starts_with("-ERR"));
    CHECK(client.command("NOOP").starts_with("+OK"));
    client.quit();
}

TEST_CASE("a reply never repeats what a client sent") {
    Server server;
    Pop3Client client = server.session();
    for (const char* command : {"XYZZY \x1b[31mred", "RETR \x1b[31mred", "\x1b[31mred", "LIST \xff\xfe"})
        CHECK(client.command(command).find_first_of("\x1b\xff\xfe") == std::string::npos);
}

TEST_CASE("invalid message numbers and the wrong number of arguments are refused") {
    Server server;
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", framing_text);
    Pop3Client client = server.session();
    for (const char* verb : {"LIST", "RETR", "DELE", "UIDL"})
        for (const char* argument : {"0", "2", "-1", "+1", "1abc", "0x1", "1.5", "1 1", "99999999999999999999",
                                     "4294967297", "18446744073709551617", "1e0", "\xd9\xa1"}) {
            CAPTURE(verb, argument);
            CHECK(client.command(std::string(verb) + " " + argument).starts_with("-ERR"));
        }
    for (const char* command :
         {"RETR", "DELE", "TOP", "TOP 1", "TOP 1 -1", "TOP 1 x", "TOP 1 1 1", "STAT 1", "NOOP 1", "RSET 1", "QUIT 1"}) {
        CAPTURE(command);
        CHECK(client.command(command).starts_with("-ERR"));
    }
    CHECK(client.command("STAT").starts_with("+OK 1 "));
    client.quit();
}
