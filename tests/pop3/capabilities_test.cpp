// CAPA (RFC 2449) lists what works and nothing else.
#include <set>

#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;

namespace {

std::set<std::string> tags(Conversation& conversation) {
    const std::string reply = conversation.command("CAPA");
    REQUIRE(reply.ends_with("\r\n.\r\n"));
    REQUIRE(reply.find("+OK Capability list follows\r\n") != std::string::npos);
    std::set<std::string> found;
    std::string_view rest = std::string_view{reply}.substr(reply.find("follows\r\n") + 9);
    for (;;) {
        const std::string_view line = rest.substr(0, rest.find("\r\n"));
        if (line == ".") return found;
        CHECK(found.emplace(line).second);
        rest.remove_prefix(line.size() + 2);
    }
}

bool has(const std::set<std::string>& all, const std::string& tag) {
    return all.count(tag) != 0;
}

} // namespace

TEST_CASE("CAPA lists the capabilities of RFC 2449, 3206, 5034 and 6856") {
    Conversation conversation;
    conversation.replay(R"(
        S: +OK POP3 server ready
        C: CAPA
        S: +OK Capability list follows
        S: TOP
        S: UIDL
        S: USER
        S: SASL SCRAM-SHA-256 PLAIN LOGIN
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: EXPIRE NEVER
        S: UTF8 USER
        S: LANG
        S: SEARCH SUBJECT FROM TO TEXT SINCE BEFORE LARGER SMALLER NOT
        S: REPORT
        S: IMPLEMENTATION buzon-)" BUZON_VERSION R"(
        S: .
    )");
}

TEST_CASE("CAPA lists the same before and after login") {
    for (const bool strict : {false, true}) {
        World world;
        world.settings.login_delay = 30;
        world.settings.cram_md5 = true;
        world.settings.plain_secrets_known = true;
        world.settings.require_secure_channel = strict;
        Conversation conversation{world};
        const auto before = tags(conversation);
        conversation.world.settings.require_secure_channel = false;
        conversation.log_in();
        conversation.world.settings.require_secure_channel = strict;
        CHECK(tags(conversation) == before);
        CHECK(has(before, "LOGIN-DELAY 30"));
        CHECK_FALSE(has(before, "STLS"));
    }
}

TEST_CASE("a disabled command is unknown and missing from CAPA, before and after login") {
    struct Case {
        std::string name, tag, command;
        bool after_login;
    };
    for (const Case& given :
         {Case{"TOP", "TOP", "TOP 1 1", true}, Case{"UIDL", "UIDL", "UIDL", true},
          Case{"USER", "USER", "USER user1", false}, Case{"PASS", "USER", "PASS x", false},
          Case{"AUTH", "SASL SCRAM-SHA-256 PLAIN LOGIN", "AUTH PLAIN", false}, Case{"APOP", "", "APOP a b", false},
          Case{"UTF8", "UTF8 USER", "UTF8", false}, Case{"LANG", "LANG", "LANG en", false},
          Case{"LANG", "LANG", "LANG", true},
          Case{"SEARCH", "SEARCH SUBJECT FROM TO TEXT SINCE BEFORE LARGER SMALLER NOT", "SEARCH TO x", true},
          Case{"REPORT", "REPORT", "REPORT", true}}) {
        Conversation conversation;
        if (given.after_login) conversation.log_in();
        conversation.send("");
        if (!given.tag.empty()) CHECK(has(tags(conversation), given.tag));
        CHECK(conversation.command(given.command) != "-ERR Unknown command\r\n");
        conversation.command("*"); // ends the exchange that AUTH started
        conversation.world.settings.disabled = buzon::state::parse_command_set(given.name).value();
        if (!given.tag.empty()) CHECK_FALSE(has(tags(conversation), given.tag));
        CHECK(conversation.command(given.command) == "-ERR Unknown command\r\n");
        conversation.world.settings.disabled = {};
        if (!given.tag.empty()) CHECK(has(tags(conversation), given.tag));
    }
}

TEST_CASE("CAPA itself can be disabled") {
    World world;
    world.settings.disabled = {buzon::state::Pop3Command::capa};
    Conversation conversation{world};
    conversation.send("");
    CHECK(conversation.command("CAPA") == "-ERR Unknown command\r\n");
}

TEST_CASE("no clear-text mechanism is offered or accepted without the secure channel that is required") {
    World world;
    world.settings.require_secure_channel = true;
    Conversation conversation{world};
    const auto offered = tags(conversation);
    CHECK_FALSE(has(offered, "USER"));
    CHECK(has(offered, "SASL SCRAM-SHA-256"));
    CHECK(conversation.command("AUTH") == "+OK Mechanisms follow\r\nSCRAM-SHA-256\r\n.\r\n");
    CHECK(conversation.command("USER user1").find("-ERR [AUTH] Clear-text login") == 0);
    CHECK(conversation.command("PASS pass1").find("-ERR ") == 0);
    CHECK(conversation.command("AUTH PLAIN AHVzZXIxAHBhc3Mx").find("-ERR [AUTH] Clear-text login") == 0);
    CHECK(conversation.command("AUTH LOGIN").find("-ERR [AUTH] Clear-text login") == 0);
    CHECK(conversation.command("AUTH NTLM") == "-ERR Unknown authentication mechanism\r\n");
    CHECK(conversation.asked ==
          std::vector<std::string>{"no clear text user1 PASS", "no clear text user1 PLAIN", "no clear text  LOGIN"});

    world.channel = Channel::secure;
    Conversation safe{world};
    CHECK(has(tags(safe), "USER"));
    CHECK(has(tags(safe), "SASL SCRAM-SHA-256 PLAIN LOGIN"));
    safe.log_in();
}

TEST_CASE("a secure channel that becomes required between USER and PASS is required for PASS") {
    Conversation conversation;
    conversation.send("");
    conversation.command("USER user1");
    conversation.world.settings.require_secure_channel = true;
    CHECK(conversation.command("PASS pass1").find("-ERR [AUTH] Clear-text login") == 0);
    CHECK(conversation.asked == std::vector<std::string>{"no clear text user1 PASS"});
}

TEST_CASE("CAPA has no SASL tag if no mechanism works") {
    World world;
    world.settings.require_secure_channel = true;
    world.settings.scram_sha_256 = false;
    Conversation conversation{world};
    for (const std::string& tag : tags(conversation)) CHECK(tag.find("SASL") != 0);
    CHECK(conversation.command("AUTH") == "+OK Mechanisms follow\r\n.\r\n");
}

TEST_CASE("channel binding works only over TLS with a known certificate, whether it is announced or not") {
    for (const Channel channel : {Channel::open, Channel::secure, Channel::tls}) {
        World world;
        world.channel = channel;
        world.settings.announces_binding = true;
        if (channel == Channel::tls) world.certificate_hash = std::string(32, 'h');
        Conversation conversation{world};
        const auto offered = tags(conversation);
        const bool binds = std::find(offered.begin(), offered.end(),
                                     "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN") != offered.end();
        CHECK(binds == (channel == Channel::tls));
        CHECK(conversation.command("AUTH SCRAM-SHA-256-PLUS").starts_with(binds ? "+ " : "-ERR"));
        world.settings.announces_binding = false;
        Conversation silent{world};
        CHECK(has(tags(silent), "SASL SCRAM-SHA-256 PLAIN LOGIN"));
        CHECK(silent.command("AUTH SCRAM-SHA-256-PLUS").starts_with(binds ? "+ " : "-ERR"));
    }
}

TEST_CASE("CRAM-MD5 is not offered until plain secrets are known, even if it is enabled") {
    World world;
    world.settings.cram_md5 = true;
    Conversation conversation{world};
    CHECK(has(tags(conversation), "SASL SCRAM-SHA-256 PLAIN LOGIN"));
    conversation.world.settings.plain_secrets_known = true;
    CHECK(has(tags(conversation), "SASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN"));
}

TEST_CASE("APOP is accepted only if the greeting announced it") {
    World world;
    world.digests["user1"] = "digest";
    {
        Conversation conversation{world};
        CHECK(conversation.send("") == "+OK POP3 server ready\r\n");
        CHECK(conversation.command("APOP user1 digest") == "-ERR APOP is not available\r\n");
        CHECK(conversation.asked.empty());
    }
    world.settings.plain_secrets_known = true;
    {
        Conversation conversation{world};
        CHECK(conversation.send("") == "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n");
        CHECK(conversation.command("APOP user1 wrong") == "-ERR [AUTH] Password incorrect\r\n");
        CHECK(conversation.command("APOP user1 digest") == "+OK Password accepted\r\n");
        CHECK(conversation.asked.back() == "apop user1 digest <1896.697170952@dbc.mtview.ca.us>");
    }
    world.settings.disabled = {buzon::state::Pop3Command::apop};
    {
        Conversation conversation{world};
        CHECK(conversation.send("") == "+OK POP3 server ready\r\n");
        CHECK(conversation.command("APOP user1 digest") == "-ERR Unknown command\r\n");
    }
}

TEST_CASE("STLS is refused in every state, and the line after it is still read as a command") {
    Conversation conversation;
    conversation.send("");
    CHECK(conversation.send("STLS\r\nCAPA\r\n").find("-ERR STLS is not supported\r\n+OK ") == 0);
    conversation.log_in();
    CHECK(conversation.command("stls").find("-ERR ") == 0);
}
