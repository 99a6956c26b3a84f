// Listings that are longer than what fits into a buffer.
#include "conversation.h"
#include "support/catch.h"

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
        REQUIRE(std::holds_alternative<Produce>(session.line(command, whole)));
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

TEST_CASE("a million messages are listed in pieces, and exactly") {
    const Settings settings;
    Session session = logged_in(settings, numbered(1'000'000));
    std::string out;
    REQUIRE(std::holds_alternative<Produce>(session.line("LIST", out)));
    CHECK(out == "+OK 1000000 messages (500000500000 octets)\r\n");
    std::size_t lines = 0;
    for (bool finished = false; !finished;) {
        out.clear();
        finished = session.produce(out, 16384);
        CHECK(out.size() < 16384 + 92);
        lines += static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
    }
    CHECK(lines == 1'000'001);
    CHECK(out.ends_with("1000000 1000000\r\n.\r\n"));
}

TEST_CASE("a session waiting for commands is small") {
    CHECK(sizeof(Session) <= 200);
    CHECK(sizeof(Action) <= 112);
}
