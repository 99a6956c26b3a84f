// AUTH (RFC 5034) with PLAIN (RFC 4616), SCRAM-SHA-256 (RFC 7677), CRAM-MD5 (RFC 2195) and LOGIN.
#include "buzon/auth/scram_credentials.h"
#include "buzon/digest/base64.h"
#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;
using buzon::digest::decode_base64;
using buzon::digest::encode_base64;
using namespace std::string_literals;

namespace {

std::string plain(const std::string& user, const std::string& password, const std::string& acts_for = "") {
    return encode_base64(acts_for + "\0"s + user + "\0"s + password);
}

// The world of the example in RFC 7677 section 3.
World scram_world() {
    World world;
    world.fresh_text = +[] { return std::string{"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"}; };
    world.scram = buzon::auth::derive_scram("pencil", decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value(), 4096);
    return world;
}

const std::string client_first = encode_base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
const std::string server_first = encode_base64("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                               "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
const std::string client_final = encode_base64("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                               "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
const std::string server_final = encode_base64("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");

const std::string bad_answer = "-ERR Invalid response, authentication aborted\r\n";

Conversation& greeted(Conversation& conversation) {
    conversation.send("");
    return conversation;
}

} // namespace

TEST_CASE("the PLAIN examples of RFC 5034, with and without an initial response") {
    World world;
    world.users["test"] = "test";
    Conversation{world}.replay(R"(
        S: +OK POP3 server ready
        C: AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=
        S: +OK Password accepted
    )");
    Conversation{world}.replay("S: +OK POP3 server ready\nC: AUTH PLAIN\nS: + \nC: dGVzdAB0ZXN0AHRlc3Q=\n"
                               "S: +OK Password accepted\nC: STAT\nS: +OK 2 320\n");
}

TEST_CASE("PLAIN carries any password, and the names of mechanisms are case-insensitive") {
    World world;
    world.users["josé"] = "  sp ace: ñ ";
    Conversation conversation{world};
    greeted(conversation);
    CHECK(conversation.command("auth pLaIn " + plain("josé", "  sp ace: ñ ")) == "+OK Password accepted\r\n");
    CHECK(conversation.asked.back() == "password josé   sp ace: ñ  PLAIN");
    CHECK(conversation.session.user() == "josé");
}

TEST_CASE("PLAIN on behalf of another user is refused like a wrong password, without checking the password") {
    Conversation conversation;
    greeted(conversation);
    CHECK(conversation.command("AUTH PLAIN " + plain("user1", "pass1", "mrose")) ==
          "-ERR [AUTH] Password incorrect\r\n");
    CHECK(conversation.asked.back().find("not authenticated") == 0);
    CHECK(conversation.command("AUTH PLAIN " + plain("user1", "pass1", "user1")) == "+OK Password accepted\r\n");
}

TEST_CASE("a bare AUTH lists the mechanisms, as Outlook expects") {
    for (const char* question : {"AUTH", "AUTH ", "auth"}) {
        Conversation conversation;
        greeted(conversation);
        CHECK(conversation.command(question) == "+OK Mechanisms follow\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\n.\r\n");
    }
}

TEST_CASE("LOGIN asks for user and password") {
    Conversation conversation;
    conversation.replay(R"(
        S: +OK POP3 server ready
        C: AUTH LOGIN
        S: + VXNlcm5hbWU6
        C: dXNlcjE=
        S: + UGFzc3dvcmQ6
        C: d3Jvbmc=
        S: -ERR [AUTH] Password incorrect
        C: AUTH LOGIN dXNlcjE=
        S: + UGFzc3dvcmQ6
        C: cGFzczE=
        S: +OK Password accepted
    )");
    CHECK(conversation.asked.back() == "password user1 pass1 LOGIN");
}

TEST_CASE("the SCRAM-SHA-256 example of RFC 7677") {
    Conversation conversation{scram_world()};
    greeted(conversation);
    CHECK(conversation.command("AUTH SCRAM-SHA-256 " + client_first) == "+ " + server_first + "\r\n");
    CHECK(conversation.command(client_final) == "+ " + server_final + "\r\n");
    CHECK(conversation.session.state() == Session::State::authorization);
    CHECK(conversation.command("") == "+OK Password accepted\r\n");
    CHECK(conversation.asked ==
          std::vector<std::string>{"scram user", "proof waits user SCRAM-SHA-256", "authenticated user SCRAM-SHA-256"});
    CHECK(conversation.session.user() == "user");
    CHECK(conversation.command("STAT") == "+OK 2 320\r\n");
}

TEST_CASE("SCRAM without an initial response begins with an empty challenge") {
    Conversation conversation{scram_world()};
    greeted(conversation);
    CHECK(conversation.command("AUTH SCRAM-SHA-256") == "+ \r\n");
    CHECK(conversation.command(client_first) == "+ " + server_first + "\r\n");
    CHECK(conversation.command(client_final) == "+ " + server_final + "\r\n");
    CHECK(conversation.command("") == "+OK Password accepted\r\n");
}

TEST_CASE("SCRAM with a wrong proof or for an unknown user fails like a wrong password") {
    for (const bool genuine : {true, false}) {
        World world = scram_world();
        world.scram_genuine = genuine;
        if (genuine) world.scram = buzon::auth::derive_scram("other", world.scram.salt, 4096);
        Conversation conversation{world};
        greeted(conversation);
        CHECK(conversation.command("AUTH SCRAM-SHA-256 " + client_first) == "+ " + server_first + "\r\n");
        CHECK(conversation.command(client_final) == "-ERR [AUTH] Password incorrect\r\n");
        CHECK(conversation.asked.back() == "not authenticated user SCRAM-SHA-256");
        CHECK(conversation.session.maildrop() == nullptr);
        CHECK(conversation.command("USER user1") == "+OK User accepted, password needed\r\n");
    }
}

TEST_CASE("SCRAM with channel binding is refused, and so is a response after the end of the exchange") {
    Conversation conversation{scram_world()};
    greeted(conversation);
    CHECK(conversation.command("AUTH SCRAM-SHA-256 " + encode_base64("p=tls-unique,,n=user,r=abc")) ==
          "-ERR [AUTH] Password incorrect\r\n");
    CHECK(conversation.command("AUTH SCRAM-SHA-256-PLUS") == "-ERR Unknown authentication mechanism\r\n");
    conversation.command("AUTH SCRAM-SHA-256 " + client_first);
    conversation.command(client_final);
    CHECK(conversation.command("eA==") == bad_answer);
    CHECK(conversation.session.maildrop() == nullptr);
}

TEST_CASE("SCRAM ends with SYS/TEMP when the credentials cannot be read") {
    const Settings settings;
    Session session{settings, Channel::open, scram_world().fresh_text};
    std::string out;
    const Action action = session.line("AUTH SCRAM-SHA-256 " + client_first, out).action;
    REQUIRE(std::holds_alternative<GetScram>(action));
    CHECK(std::get<GetScram>(action).user == "user");
    session.login_refused(Refusal::temporary, out);
    CHECK(out.find("-ERR [SYS/TEMP] ") == 0);
    CHECK(session.line_limit() == Session::command_limit);
    out.clear();
    (void)session.line("CAPA", out);
    CHECK(out.find("+OK ") == 0);
}

TEST_CASE("a right SCRAM proof is answered only when the connection says so, or refused like any other attempt") {
    const Settings settings;
    for (const bool has_turn : {true, false}) {
        const World world = scram_world();
        Session session{settings, Channel::open, world.fresh_text};
        std::string out;
        (void)session.line("AUTH SCRAM-SHA-256 " + client_first, out);
        session.scram_credentials(world.scram, true, out, "account");
        out.clear();
        const Action action = session.line(client_final, out).action;
        REQUIRE(std::holds_alternative<ProofWaits>(action));
        CHECK(std::get<ProofWaits>(action).user == "user");
        CHECK(std::get<ProofWaits>(action).mechanism == Mechanism::scram_sha_256);
        CHECK(out.empty());
        if (has_turn) {
            session.proof_accepted(out);
            CHECK(out == "+ " + server_final + "\r\n");
            const Action last = session.line("", out).action;
            REQUIRE(std::holds_alternative<Authenticated>(last));
            CHECK(std::get<Authenticated>(last).user == "user");
            CHECK(std::get<Authenticated>(last).account == "account");
        } else {
            session.login_refused(Refusal::throttled, out);
            CHECK(out.starts_with("-ERR [SYS/TEMP] "));
            CHECK(session.line_limit() == Session::command_limit); // the exchange is over
        }
    }
}

TEST_CASE("the CRAM-MD5 example of RFC 2195") {
    World world;
    world.settings.cram_md5 = world.settings.plain_secrets_known = true;
    world.digests["tim"] = "b913a602c7eda7a495b4e6e7334d3890";
    Conversation conversation{world};
    greeted(conversation);
    CHECK(conversation.command("AUTH CRAM-MD5") == "+ " + encode_base64("<1896.697170952@dbc.mtview.ca.us>") + "\r\n");
    CHECK(conversation.command("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw") == "+OK Password accepted\r\n");
    CHECK(conversation.asked.back() == "cram tim b913a602c7eda7a495b4e6e7334d3890 <1896.697170952@dbc.mtview.ca.us>");
}

TEST_CASE("CRAM-MD5 is unknown unless it is enabled") {
    Conversation conversation;
    greeted(conversation);
    CHECK(conversation.command("AUTH CRAM-MD5") == "-ERR Unknown authentication mechanism\r\n");
}

TEST_CASE("a star cancels the exchange at any point") {
    Conversation conversation{scram_world()};
    greeted(conversation);
    for (const std::string& begin : {"AUTH PLAIN"s, "AUTH LOGIN"s, "AUTH LOGIN dXNlcjE="s,
                                     "AUTH SCRAM-SHA-256 " + client_first, "AUTH SCRAM-SHA-256"s}) {
        CHECK(conversation.command(begin).find("+ ") == 0);
        CHECK(conversation.command("*") == "-ERR Authentication cancelled\r\n");
        CHECK(conversation.command("*") == "-ERR Unknown command\r\n");
    }
    conversation.command("AUTH SCRAM-SHA-256 " + client_first);
    conversation.command(client_final);
    CHECK(conversation.command("*") == "-ERR Authentication cancelled\r\n");
    CHECK(conversation.session.maildrop() == nullptr);
}

TEST_CASE("a malformed response ends the exchange without counting as a failed login") {
    Conversation conversation;
    greeted(conversation);
    for (const std::string& answer :
         {"$"s, "dGVzdAB0ZXN0AHRlc3Q"s, "dGVzd AB0ZXN0AHRlc3Q="s, "="s, " *"s, "* "s, "dGVzdAB0ZXN0AHRlc3Q= "s,
          "dGVzdAB0ZXN0AHRlc3Q=x"s, ""s, "dXNlcjE="s, encode_base64("\0user1"s), encode_base64("\0\0pass1"s),
          encode_base64("\0user1\0"s), encode_base64("\0user1\0pa\0ss1"s), encode_base64("\0jos\xE9\0x"s)}) {
        CHECK(conversation.command("AUTH PLAIN") == "+ \r\n");
        CHECK(conversation.command(answer) == bad_answer);
        if (answer.empty() || answer.find(' ') != std::string::npos) continue;
        CHECK(conversation.command("AUTH PLAIN " + answer) == bad_answer);
    }
    CHECK(conversation.command("AUTH PLAIN =") == bad_answer);
    CHECK(conversation.asked.empty());
    CHECK(conversation.command("AUTH PLAIN " + plain("user1", "pass1")) == "+OK Password accepted\r\n");
}

TEST_CASE("unknown mechanisms are refused, even if they begin like a known one") {
    Conversation conversation;
    greeted(conversation);
    for (const char* name : {"PLAI", "PLAINX", "GSSAPI", "DIGEST-MD5", "SCRAM-SHA-1", "PASS", "APOP", "=", "*", "+"}) {
        CHECK(conversation.command(std::string{"AUTH "} + name) == "-ERR Unknown authentication mechanism\r\n");
        CHECK(conversation.command("PASS x") == "-ERR Give the user name first\r\n");
    }
}

TEST_CASE("a response may have 12,288 octets, but the AUTH line only 255") {
    World world;
    const std::string password(9150, 'p');
    world.users["user1"] = password;
    Conversation conversation{world};
    greeted(conversation);
    const std::string answer = plain("user1", password);
    REQUIRE(answer.size() > 12000);
    CHECK(conversation.command("AUTH PLAIN " + answer) == "-ERR Line too long\r\n");
    CHECK(conversation.command("AUTH PLAIN") == "+ \r\n");
    CHECK(conversation.session.line_limit() == 12288);
    CHECK(conversation.command(std::string(12287, 'A')) == "-ERR Line too long\r\n");
    CHECK(conversation.session.line_limit() == 255);
    CHECK(conversation.command(answer) == "-ERR Line too long\r\n");
    CHECK(conversation.command("AUTH PLAIN") == "+ \r\n");
    CHECK(conversation.command(std::string(12286, 'A')) == bad_answer);
    CHECK(conversation.command("AUTH PLAIN") == "+ \r\n");
    CHECK(conversation.command(answer) == "+OK Password accepted\r\n");
    CHECK(conversation.session.line_limit() == 255);
}

TEST_CASE("a NUL in a response ends the exchange") {
    Conversation conversation;
    greeted(conversation);
    conversation.command("AUTH LOGIN");
    CHECK(conversation.command("dXN\0lcjE="s) == "-ERR Invalid line\r\n");
    CHECK(conversation.command("dXNlcjE=") == "-ERR Unknown command\r\n");
}

TEST_CASE("a line during an exchange is a response and never a command") {
    Conversation conversation;
    greeted(conversation);
    conversation.command("AUTH PLAIN");
    CHECK(conversation.command("QUIT;") == bad_answer);
    CHECK_FALSE(conversation.closed);
    conversation.command("AUTH PLAIN");
    CHECK(conversation.command("STAT") == bad_answer);
}

TEST_CASE("replies to pipelined exchanges and commands are the same wherever the input is cut") {
    const std::string wire = "AUTH PLAIN\r\n*\r\nCAPA\r\nAUTH LOGIN\r\ndXNlcjE=\r\neA==\r\nAUTH SCRAM-SHA-256\r\n" +
                             client_first + "\r\n" + client_final + "\r\n\r\nSTAT\r\nQUIT\r\n";
    Conversation whole{scram_world()};
    const std::string answers = whole.send(wire);
    REQUIRE(answers.ends_with("+ " + server_final + "\r\n+OK Password accepted\r\n+OK 2 320\r\n+OK Goodbye\r\n"));
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        Conversation pieces{scram_world()};
        std::string got = pieces.send(wire.substr(0, cut));
        got += pieces.send(wire.substr(cut));
        REQUIRE(got == answers);
    }
}

TEST_CASE("a cancelled exchange leaves no user name for PASS") {
    Conversation conversation;
    greeted(conversation);
    conversation.command("USER user1");
    conversation.command("AUTH LOGIN bXJvc2U=");
    conversation.command("*");
    CHECK(conversation.command("PASS pass1") == "-ERR Give the user name first\r\n");
    conversation.log_in();
    CHECK(conversation.session.user() == "user1");
}

TEST_CASE("every CRAM-MD5 exchange has a new challenge") {
    World world;
    world.settings.cram_md5 = world.settings.plain_secrets_known = true;
    world.fresh_text = +[] {
        static int next = 0;
        return "fresh" + std::to_string(next++);
    };
    Conversation conversation{world};
    const std::string greeting = conversation.send("");
    const std::string first = conversation.command("AUTH CRAM-MD5");
    conversation.command("*");
    const std::string second = conversation.command("AUTH CRAM-MD5");
    CHECK(first != second);
    CHECK(greeting.find(decode_base64(second.substr(2, second.size() - 4)).value()) == std::string::npos);
}

TEST_CASE("OAUTHBEARER and XOAUTH2 log in with a token, and a wrong one gets an error challenge first") {
    World world;
    world.settings.tokens = true;
    world.tokens = {{"vF9dft4qmT", "user@example.com"}};
    const std::string json = R"({"status":"invalid_token","schemes":"bearer","scope":"mail"})";
    struct Case {
        std::string name, message;
        bool right;
    };
    for (const auto& [name, message, right] : {
             // The example of RFC 7628 section 4.1.
             Case{"OAUTHBEARER", "n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer vF9dft4qmT\1\1",
                  true},
             Case{"OAUTHBEARER", "n,a=user@example.com,\1auth=bearer vF9dft4qmT\1\1", true},
             Case{"OAUTHBEARER", "y,a=other@example.com,\1auth=Bearer vF9dft4qmT\1\1", false},
             Case{"OAUTHBEARER", "n,a=user@example.com,\1auth=Bearer stolen\1\1", false},
             Case{"XOAUTH2", "user=user@example.com\1auth=Bearer vF9dft4qmT\1\1", true},
             Case{"XOAUTH2", "user=user@example.com\1auth=Bearer stolen\1\1", false},
         }) {
        CAPTURE(name, message);
        for (const bool initial : {true, false}) {
            Conversation client{world};
            (void)client.send("");
            std::string reply = client.command("AUTH " + name + (initial ? ' ' + encode_base64(message) : ""));
            if (!initial) {
                CHECK(reply == "+ \r\n");
                reply = client.command(encode_base64(message));
            }
            if (right) {
                CHECK(reply == "+OK Password accepted\r\n");
                continue;
            }
            CHECK(reply == "+ " + encode_base64(json) + "\r\n");
            CHECK(client.command(name == "XOAUTH2" ? "" : "AQ==") == "-ERR [AUTH] Password incorrect\r\n");
            CHECK(client.command("NOOP").starts_with("-ERR")); // the exchange is over
        }
    }
}

TEST_CASE("a malformed bearer token does not count as a guess, and tokens are refused where they are not offered") {
    World world;
    world.settings.tokens = true;
    for (const std::string message :
         {"", "n", "n,,\1auth=Bearer x\1\1", "n,a=u", "n,a=u,auth=Bearer x\1\1", "n,a=u,\1auth=Bearer x\1",
          "n,a=u,\1auth=Bearer x", "n,a=u,\1auth=Basic x\1\1", "n,a=u,\1auth=Bearer \1\1",
          "n,a=u,\1auth=Bearer a b\1\1", "n,a=u,\1auth\1\1", "p=tls-unique,a=u,\1auth=Bearer x\1\1",
          "n,a=,\1auth=Bearer x\1\1", "n,a=u,\1auth=Bearer x\1\1more", "n,a=u=,\1auth=Bearer x\1\1"}) {
        CAPTURE(message);
        Conversation client{world};
        (void)client.send("");
        CHECK(client.command("AUTH OAUTHBEARER " + (message.empty() ? "=" : encode_base64(message)))
                  .starts_with("-ERR "));
        CHECK(client.asked.empty());
    }
    Conversation without;
    (void)without.send("");
    CHECK(without.command("AUTH OAUTHBEARER").starts_with("-ERR"));
    CHECK(without.command("CAPA").find("OAUTHBEARER") == std::string::npos);
    world.settings.require_secure_channel = true; // a token that is overheard is as good as a password
    Conversation open{world};
    (void)open.send("");
    CHECK(open.command("CAPA").find("OAUTH") == std::string::npos);
    CHECK(open.command("AUTH XOAUTH2").starts_with("-ERR"));
}

TEST_CASE("wrong tokens are counted like wrong passwords, and the tenth is refused without a challenge") {
    World world;
    world.settings.tokens = true;
    Conversation client{world};
    (void)client.send("");
    const std::string guess = "AUTH XOAUTH2 " + encode_base64("user=ana\1auth=Bearer x\1\1");
    for (unsigned i = 1; i < Session::wrong_login_limit; ++i) {
        CHECK(client.command(guess).starts_with("+ "));
        CHECK(client.command(i % 2 ? "" : "*").starts_with("-ERR"));
    }
    CHECK(client.command(guess) == "-ERR [AUTH] Password incorrect\r\n");
    CHECK(client.session.out_of_tries());
}

TEST_CASE("a program's words about a token cannot break the JSON of the challenge") {
    CHECK(buzon::auth::token_error("invalid\"},{\\", "a\tb\xc3\xa4 c") ==
          R"({"status":"invalid},{","schemes":"bearer","scope":"ab c"})");
    CHECK(buzon::auth::token_error("invalid_token", "") == R"({"status":"invalid_token","schemes":"bearer"})");
}
