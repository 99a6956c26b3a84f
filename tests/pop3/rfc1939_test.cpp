// The examples of RFC 1939, with this server's words, and each of its rules.
#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;

TEST_CASE("a session with a wrong password, STAT, LIST and RETR runs as printed") {
    World world;
    world.messages = {{324, "uno", "Subject: Asunto del Correo\r\n\r\nhola\r\n"}};
    world.settings.plain_secrets_known = true;
    Conversation{world}.replay(R"(
        S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
        C: USER user1
        S: +OK User accepted, password needed
        C: PASS pass
        S: -ERR [AUTH] Password incorrect
        C: USER user1
        S: +OK User accepted, password needed
        C: PASS pass1
        S: +OK Password accepted
        C: STAT
        S: +OK 1 324
        C: LIST
        S: +OK 1 messages (324 octets)
        S: 1 324
        S: .
        C: LIST 1
        S: +OK 1 324
        C: RETR 1
        S: +OK 324 octets
        S: Subject: Asunto del Correo
        S: 
        S: hola
        S: .
        C: QUIT
        S: +OK Goodbye
    )");
}

TEST_CASE("the example session of RFC 1939 section 10") {
    World world;
    world.settings.plain_secrets_known = true;
    world.digests["mrose"] = "c4c9334bac560ecc979e58001b3e22fb";
    Conversation conversation{world};
    conversation.replay(R"(
        S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
        C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
        S: +OK Password accepted
        C: STAT
        S: +OK 2 320
        C: LIST
        S: +OK 2 messages (320 octets)
        S: 1 120
        S: 2 200
        S: .
        C: RETR 1
        S: +OK 120 octets
        S: Subject: x
        S: 
        S: body
        S: .
        C: DELE 1
        S: +OK Message 1 deleted
        C: RETR 2
        S: +OK 200 octets
        S: Subject: x
        S: 
        S: body
        S: .
        C: DELE 2
        S: +OK Message 2 deleted
        C: QUIT
        S: +OK Goodbye
    )");
    CHECK(conversation.closed);
    CHECK(conversation.asked.back() == "update");
}

TEST_CASE("the examples of sections 5 and 7: STAT, LIST, DELE, RSET, UIDL, TOP") {
    Conversation{}.replay(R"(
        S: +OK POP3 server ready
        C: USER mrose
        S: +OK User accepted, password needed
        C: PASS secret
        S: +OK Password accepted
        C: LIST 2
        S: +OK 2 200
        C: LIST 3
        S: -ERR No such message
        C: DELE 1
        S: +OK Message 1 deleted
        C: DELE 1
        S: -ERR Message 1 is already deleted
        C: LIST 1
        S: -ERR Message 1 is already deleted
        C: RETR 1
        S: -ERR Message 1 is already deleted
        C: UIDL 1
        S: -ERR Message 1 is already deleted
        C: TOP 1 0
        S: -ERR Message 1 is already deleted
        C: STAT
        S: +OK 1 200
        C: LIST
        S: +OK 1 messages (200 octets)
        S: 2 200
        S: .
        C: UIDL
        S: +OK Unique-id listing follows
        S: 2 QhdPYR:00WBw1Ph7x7
        S: .
        C: RSET
        S: +OK Maildrop has 2 messages (320 octets)
        C: UIDL
        S: +OK Unique-id listing follows
        S: 1 whqtswO00WBw418f9t5JxYwZ
        S: 2 QhdPYR:00WBw1Ph7x7
        S: .
        C: UIDL 2
        S: +OK 2 QhdPYR:00WBw1Ph7x7
        C: UIDL 3
        S: -ERR No such message
        C: TOP 1 10
        S: +OK
        S: Subject: x
        S: 
        S: body
        S: .
        C: TOP 100 3
        S: -ERR No such message
        C: NOOP
        S: +OK
        C: QUIT
        S: +OK Goodbye
    )");
}

TEST_CASE("an empty maildrop is listed as empty") {
    World world;
    world.messages.clear();
    Conversation conversation{world};
    conversation.log_in();
    CHECK(conversation.command("STAT") == "+OK 0 0\r\n");
    CHECK(conversation.command("LIST") == "+OK 0 messages (0 octets)\r\n.\r\n");
    CHECK(conversation.command("UIDL") == "+OK Unique-id listing follows\r\n.\r\n");
    CHECK(conversation.command("RETR 1") == "-ERR No such message\r\n");
}

TEST_CASE("DELE and RSET do not change message numbers") {
    Conversation conversation;
    conversation.log_in();
    conversation.command("DELE 1");
    CHECK(conversation.command("LIST 2") == "+OK 2 200\r\n");
    CHECK(conversation.command("UIDL 2") == "+OK 2 QhdPYR:00WBw1Ph7x7\r\n");
    conversation.command("RSET");
    CHECK(conversation.command("LIST 1") == "+OK 1 120\r\n");
    CHECK(conversation.command("LIST 2") == "+OK 2 200\r\n");
}

TEST_CASE("totals are counted in 64 bits") {
    World world;
    world.messages = {{4294967295, "a"}, {4294967296, "b"}, {9000000000000000000, "c"}};
    Conversation conversation{world};
    conversation.log_in();
    CHECK(conversation.command("STAT") == "+OK 3 9000000008589934591\r\n");
    CHECK(conversation.command("LIST 3") == "+OK 3 9000000000000000000\r\n");
    CHECK(conversation.command("LIST").find("+OK 3 messages (9000000008589934591 octets)\r\n") == 0);
}

TEST_CASE("QUIT before login closes the connection without an update") {
    Conversation conversation;
    conversation.replay(R"(
        S: +OK POP3 server ready
        C: QUIT
        S: +OK Goodbye
    )");
    CHECK(conversation.closed);
    CHECK(conversation.asked == std::vector<std::string>{"close after quit"});
    CHECK(conversation.session.maildrop() == nullptr);
}

TEST_CASE("QUIT after login is not answered until the update is done") {
    World world;
    Session session{world.settings, Channel::open, world.fresh_text};
    std::string out;
    (void)session.line("USER user1", out);
    CHECK(std::holds_alternative<CheckPassword>(session.line("PASS pass1", out).action));
    session.login_succeeded(make_maildrop(world.messages), out);
    (void)session.line("DELE 2", out);
    CHECK(session.state() == Session::State::transaction);
    out.clear();
    CHECK(std::holds_alternative<Update>(session.line("QUIT", out).action));
    CHECK(out.empty());
    CHECK(session.state() == Session::State::update);
    CHECK(session.maildrop()->deleted(MessageNumber{2}));
    CHECK_FALSE(session.maildrop()->deleted(MessageNumber{1}));
    session.updated(0, out);
    CHECK(out == "+OK Goodbye\r\n");
}

TEST_CASE("QUIT reports how many messages could not be removed") {
    World world;
    world.not_removed = 1;
    Conversation conversation{world};
    conversation.log_in();
    conversation.command("DELE 1");
    conversation.command("DELE 2");
    CHECK(conversation.command("QUIT") == "-ERR [SYS/TEMP] 1 of 2 deleted messages not removed\r\n");
    CHECK(conversation.closed);
}

TEST_CASE("commands of the other state are refused and the session goes on") {
    Conversation conversation;
    conversation.send("");
    for (const char* command : {"STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 1", "UIDL"}) {
        CHECK(conversation.command(command) == "-ERR Log in first\r\n");
    }
    conversation.log_in();
    for (const char* command : {"USER user1", "PASS pass1", "APOP user1 x", "AUTH", "AUTH PLAIN", "UTF8"}) {
        CHECK(conversation.command(command) == "-ERR Only before login\r\n");
    }
    CHECK(conversation.command("STAT") == "+OK 2 320\r\n");
    CHECK(conversation.session.user() == "user1");
}

TEST_CASE("verbs are accepted in any case, but only as whole words") {
    Conversation conversation;
    conversation.log_in();
    CHECK(conversation.command("stat") == "+OK 2 320\r\n");
    CHECK(conversation.command("rEtR 9") == "-ERR No such message\r\n");
    for (const char* unknown : {"STA", "STATX", "STATxyz", "ST", "S", "", " STAT", "STAT\t", "XSTAT", "RETR1", "TO 1 1",
                                "TOPS 1 1", "STATSTAT", "STATSTATS", "EHLO x", "\xC3\x93", "GET / HTTP/1.1"}) {
        CHECK(conversation.command(unknown) == "-ERR Unknown command\r\n");
    }
}

TEST_CASE("numbers are decimal digits from 1 on, and everything else is refused") {
    Conversation conversation;
    conversation.log_in();
    for (const char* verb : {"RETR", "DELE", "LIST", "UIDL", "TOP"}) {
        for (const char* number : {"0", "00", "-1", "+1", "1abc", "0x2", "1.5", "1,", "one", "4294967296", "4294967297",
                                   "18446744073709551617", "99999999999999999999999999", "\xD9\xA1", "1\t", "1\r"}) {
            const std::string tail = std::string{verb} == "TOP" ? " 0" : "";
            CHECK(conversation.command(std::string{verb} + " " + number + tail) == "-ERR Not a valid number\r\n");
        }
        const std::string tail = std::string{verb} == "TOP" ? " 0" : "";
        CHECK(conversation.command(std::string{verb} + " 3" + tail) == "-ERR No such message\r\n");
        CHECK(conversation.command(std::string{verb} + " 4294967295" + tail) == "-ERR No such message\r\n");
    }
    for (const char* lines : {"-1", "+1", "1abc", "0x2", "1.5", "4294967296"}) {
        CHECK(conversation.command(std::string{"TOP 1 "} + lines) == "-ERR Not a valid number\r\n");
    }
    CHECK(conversation.asked.size() == 1);
    CHECK(conversation.command("STAT") == "+OK 2 320\r\n");
}

TEST_CASE("TOP accepts from zero to 4294967295 lines") {
    Conversation conversation;
    conversation.log_in();
    conversation.command("TOP 1 0");
    CHECK(conversation.asked.back() == "deliver 1 top 0");
    conversation.command("TOP 2 4294967295");
    CHECK(conversation.asked.back() == "deliver 2 top 4294967295");
}

TEST_CASE("too few or too many arguments are refused, but extra spaces are not") {
    Conversation conversation;
    conversation.send("");
    for (const char* command : {"USER", "USER ", "PASS", "CAPA x", "QUIT now", "UTF8 x", "APOP", "APOP a", "APOP a b c",
                                "AUTH PLAIN a b", "LANG a b", "STLS x"}) {
        CHECK(conversation.command(command) == "-ERR Wrong number of arguments\r\n");
    }
    conversation.log_in();
    for (const char* command : {"STAT 1", "LIST 1 2", "RETR", "RETR 1 2", "RETR  ", "DELE", "NOOP x", "RSET x", "TOP",
                                "TOP 1", "TOP 1 2 3", "UIDL 1 2", "QUIT x"}) {
        CHECK(conversation.command(command) == "-ERR Wrong number of arguments\r\n");
    }
    CHECK(conversation.command("STAT ") == "+OK 2 320\r\n");
    CHECK(conversation.command("LIST  2 ") == "+OK 2 200\r\n");
    CHECK(conversation.command("UIDL  2 ") == "+OK 2 QhdPYR:00WBw1Ph7x7\r\n");
    CHECK(conversation.command("LIST ").find("+OK 2 messages") == 0);
    CHECK_FALSE(conversation.closed);
}

TEST_CASE("a refused delivery gets a single reply, and the session goes on") {
    struct Case {
        DeliveryRefusal why;
        std::string reply;
    };
    for (const Case& given :
         {Case{DeliveryRefusal::gone, "-ERR [SYS/TEMP] The message no longer exists\r\n"},
          Case{DeliveryRefusal::unreadable, "-ERR [SYS/TEMP] The message cannot be read at the moment\r\n"},
          Case{DeliveryRefusal::filter_failed, "-ERR [SYS/TEMP] The message could not be transformed\r\n"},
          Case{DeliveryRefusal::too_large, "-ERR [SYS/PERM] The message exceeds this server's size limit\r\n"},
          Case{DeliveryRefusal::needs_utf8,
               "-ERR [UTF8] The message has a UTF-8 header; send UTF8 before logging in\r\n"}}) {
        World world;
        world.delivery_refusal = given.why;
        Conversation conversation{world};
        conversation.log_in();
        CHECK(conversation.command("RETR 1") == given.reply);
        CHECK(conversation.command("TOP 1 1") == given.reply);
        CHECK_FALSE(conversation.session.maildrop()->retrieved(MessageNumber{1}));
        CHECK(conversation.command("STAT") == "+OK 2 320\r\n");
    }
}

TEST_CASE("RETR marks a message as retrieved, and TOP does not") {
    Conversation conversation;
    conversation.log_in();
    conversation.command("TOP 1 99999999");
    CHECK_FALSE(conversation.session.maildrop()->retrieved(MessageNumber{1}));
    conversation.command("RETR 2");
    CHECK(conversation.session.maildrop()->retrieved(MessageNumber{2}));
    CHECK_FALSE(conversation.session.maildrop()->retrieved(MessageNumber{1}));
    conversation.command("RSET");
    CHECK(conversation.session.maildrop()->retrieved(MessageNumber{2}));
}

TEST_CASE("an unknown length is not announced") {
    World world;
    world.octets_known = false;
    Conversation conversation{world};
    conversation.log_in();
    CHECK(conversation.command("RETR 1").find("+OK message follows\r\nSubject") == 0);
}

TEST_CASE("messages over the operator's limit are listed but not delivered") {
    World world;
    world.settings.max_message_size = 120;
    Conversation conversation{world};
    conversation.log_in();
    CHECK(conversation.command("STAT") == "+OK 2 320\r\n");
    CHECK(conversation.command("RETR 1").find("+OK 120 octets\r\n") == 0);
    CHECK(conversation.command("RETR 2").find("-ERR [SYS/PERM] ") == 0);
    CHECK(conversation.command("TOP 2 1").find("-ERR [SYS/PERM] ") == 0);
    conversation.world.settings.max_message_size = 0;
    CHECK(conversation.command("RETR 2").find("+OK 200 octets\r\n") == 0);
}
