// Listings that are longer than a buffer.
#include "conversation.h"
#include "support/catch.h"
#include "support/sanitized.h"

using namespace buzon::pop3;

namespace {

Session logged_in(const Settings& settings, std::vector<Message> messages) {
    Session session{settings, Channel::open, +[] { return std::string{"1"}; }};
    std::string out;
    (void)session.line("USER user1", out);
    (void)session.line("PASS pass1", out);
    session.login_succeeded(make_maildrop(messages), out);
    return session;
}

std::vector<Message> numbered(std::uint32_t count) {
    std::vector<Message> messages;
    for (std::uint32_t i = 1; i <= count; ++i) messages.push_back({i, "id" + std::to_string(i), ""});
    return messages;
}

} // namespace

TEST_CASE("a listing is the same in pieces of any size") {
    const Settings settings;
    Session session = logged_in(settings, numbered(40));
    std::string out;
    for (const char* gone : {"DELE 1", "DELE 7", "DELE 8", "DELE 40"}) (void)session.line(gone, out);
    for (const char* command : {"LIST", "UIDL"}) {
        std::string whole;
        REQUIRE(std::holds_alternative<Produce>(session.line(command, whole).action));
        REQUIRE(session.produce(whole, 1'000'000));
        CHECK(std::count(whole.begin(), whole.end(), '\n') == 38);
        for (std::size_t room = 1; room < 40; ++room) {
            std::string pieces;
            (void)session.line(command, pieces);
            for (bool finished = false; !finished;) {
                std::string piece;
                finished = session.produce(piece, room);
                CHECK((finished || piece.size() >= room));
                CHECK(piece.size() < room + 92);
                pieces += piece;
            }
            CHECK(pieces == whole);
        }
    }
}

TEST_CASE("very many messages are listed completely and in small pieces") {
    constexpr std::uint32_t many = 1'000'000 / buzon::test::endurance_divisor; // the n-th has n octets
    const std::string count = std::to_string(many);
    const Settings settings;
    Session session = logged_in(settings, numbered(many));
    std::string out;
    REQUIRE(std::holds_alternative<Produce>(session.line("LIST", out).action));
    CHECK(out ==
          "+OK " + count + " messages (" + std::to_string(std::uint64_t{many} * (many + 1) / 2) + " octets)\r\n");
    std::size_t lines = 0;
    for (bool finished = false; !finished;) {
        out.clear();
        finished = session.produce(out, 16384);
        CHECK(out.size() < 16384 + 92);
        lines += static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
    }
    CHECK(lines == many + 1);
    CHECK(out.ends_with(count + " " + count + "\r\n.\r\n"));
}

TEST_CASE("a session waiting for commands is small") {
    CHECK(sizeof(Session) <= 200);
    CHECK(sizeof(Action) <= 112);
}

TEST_CASE("SEARCH passes its criteria on and lists the numbers and sizes of what was found") {
    Conversation conversation;
    CHECK(conversation.command("SEARCH SUBJECT x").find("-ERR Log in first\r\n") != std::string::npos);
    conversation.log_in();
    conversation.world.found = std::vector<std::uint32_t>{1, 2};
    conversation.replay(R"(
        C: search Subject "dos palabras" not LARGER 5
        S: +OK Matching messages follow
        S: 1 120
        S: 2 200
        S: .
        C: SEARCH
        S: -ERR Wrong number of arguments
        C: SEARCH SUBJECT
        S: -ERR Invalid search criteria
        C: SEARCH LARGER x
        S: -ERR Invalid search criteria
        C: SEARCH TO "x
        S: -ERR Invalid search criteria
    )");
    CHECK(conversation.asked.back() == "search Subject \"dos palabras\" not LARGER 5");
    conversation.world.found = std::nullopt;
    CHECK(conversation.command("SEARCH TO x") == "-ERR [SYS/TEMP] The messages cannot be searched at the moment\r\n");
    CHECK(conversation.command("NOOP") == "+OK\r\n");
}

TEST_CASE("REPORT asks for thirty days unless it is given a number") {
    Conversation conversation;
    CHECK(conversation.command("REPORT").find("-ERR Log in first\r\n") != std::string::npos);
    conversation.log_in();
    conversation.world.report = "2026-11-27T23:50:28Z idle from=192.0.2.7 times=1 until=2026-11-27T23:50:28Z\r\n";
    CHECK(conversation.command("REPORT") ==
          "+OK Report of earlier sessions follows\r\n" + *conversation.world.report + ".\r\n");
    CHECK(conversation.asked.back() == "report 30");
    CHECK(conversation.command("REPORT 3650").substr(0, 3) == "+OK");
    CHECK(conversation.asked.back() == "report 3650");
    for (const char* bad : {"REPORT 0", "REPORT x", "REPORT 3651", "REPORT -1", "REPORT 4294967297"})
        CHECK(conversation.command(bad) == "-ERR Not a valid number\r\n");
    CHECK(conversation.command("REPORT 1 2") == "-ERR Wrong number of arguments\r\n");
    conversation.world.report = std::nullopt;
    CHECK(conversation.command("REPORT") == "-ERR [SYS/TEMP] The report cannot be read at the moment\r\n");
}
