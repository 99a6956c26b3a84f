// serve/pop3_connection_test.cpp - what a connection owes its client, other clients and the maildrop.
#include "serving.h"

using namespace buzon;
using namespace buzon::upkeep;
using namespace buzon::login;
using namespace buzon::serve;
using state::CommandResult;
using state::Pop3Command;

TEST_CASE("every command before a half-close is answered, even if maildrop and message have to be read by a worker") {
    Serving serving;
    const std::string mail = "Subject: a\n\nb\n";
    (void)serving.maildir().deliver(base_name(0), mail);
    Guest guest{serving};
    guest.say("USER user1\r\nPASS pass1\r\nSTAT\r\nLIST\r\nRETR 1\r\nTOP 1 0\r\nUIDL 1\r\nNOOP\r\n");
    guest.say_no_more();
    serving.late(true);
    serving.hashes.late = false; // the password is checked
    serving.settle();            // the half-close has been seen, and the scan is under way
    serving.late(false);
    REQUIRE(serving.disk.work());
    serving.maildir().flag(base_name(0), "S"); // from here on, only a worker finds it
    const std::string all = guest.hear_all();
    CHECK(all.ends_with("+OK 1 " + base_name(0) + "\r\n+OK\r\n"));
    CHECK(all.find(test::octets_reply(mail) + "\r\n" + test::as_sent(mail)) != all.npos);
    CHECK(guest.ended());
    CHECK(guest.retired);
    CHECK(serving.maildir().has(base_name(0)));
}

TEST_CASE("a long listing waits for a slow client, and later sessions reuse it") {
    Serving serving;
    const int count = static_cast<int>(Listings::min_messages) + 100;
    for (int i = 0; i < count; ++i) serving.maildir().put_in_cur(base_name(i) + ":2,S", "a\n");
    std::string expected;
    for (int i = 0; i < count; ++i) expected += std::to_string(i + 1) + " " + base_name(i) + "\r\n";
    expected += ".\r\n";
    for (int session = 0; session < 3; ++session) {
        CAPTURE(session);
        Guest guest{serving};
        guest.log_in();
        guest.narrow();
        guest.say("UIDL\r\nNOOP\r\n");
        serving.settle();
        CHECK(guest.task() == "list");
        CHECK((serving.listings.octets() > 0) == (session > 0));
        if (session == 2) { // this one leaves in the middle of it
            guest.vanish();
            serving.settle();
            CHECK(guest.retired);
            continue;
        }
        const std::string all = guest.hear_all();
        CHECK(test::difference(all.substr(all.find("\r\n") + 2), expected + "+OK\r\n") == "");
        CHECK(guest.task() == "");
        CHECK(guest.ask("QUIT\r\n") == "+OK Goodbye\r\n");
    }
}

TEST_CASE("only QUIT removes messages") {
    enum class End { vanishes, says_no_more, kicked, server_ends, half_a_quit };
    for (const End end : {End::vanishes, End::says_no_more, End::kicked, End::server_ends, End::half_a_quit}) {
        CAPTURE(static_cast<int>(end));
        Serving serving;
        (void)serving.maildir().deliver(base_name(0), "Subject: a\n\nb\n");
        Guest guest{serving};
        guest.log_in();
        CHECK(guest.ask("DELE 1\r\n").starts_with("+OK"));
        if (end == End::half_a_quit) guest.say("QUIT");
        if (end == End::kicked) guest.connection().stop(Ending::kicked);
        if (end == End::server_ends) guest.connection().finish_up();
        if (end == End::says_no_more || end == End::half_a_quit) guest.say_no_more();
        if (end == End::vanishes) guest.vanish();
        serving.settle();
        CHECK(guest.retired);
        CHECK(guest.left == 1);
        CHECK(serving.maildir().has(base_name(0)));
        CHECK(serving.metrics.deletions == 0);
    }
}

TEST_CASE("the maildrop is unlocked before QUIT is answered") {
    Serving serving;
    (void)serving.maildir().deliver(base_name(0), "Subject: a\n\nb\n");
    for (const char* lines : {"QUIT\r\n", "DELE 1\r\nQUIT\r\n"}) {
        CAPTURE(lines);
        Guest guest{serving};
        guest.log_in();
        guest.narrow();
        std::string capabilities;
        for (int i = 0; i < 100; ++i) capabilities += "CAPA\r\n";
        guest.say(capabilities + lines);
        serving.settle();
        CHECK_FALSE(guest.retired); // it has not read the replies
        Guest{serving}.log_in();
        CHECK(guest.hear_all().ends_with("+OK Goodbye\r\n"));
    }
}

TEST_CASE("a client that pipelines many commands does not hold up the others") {
    Serving serving;
    Guest guest{serving};
    guest.log_in();
    Guest other{serving};
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "NOOP\r\n";
    guest.say(many);
    other.say("CAPA\r\n");
    serving.turn();
    const std::string first = guest.hear();
    CHECK(first.size() < 1000 * 5);
    CHECK(other.hear().starts_with("+OK"));
    CHECK((first + guest.hear_all()).size() == 1000 * 5);
    CHECK(serving.counted(Pop3Command::noop, CommandResult::ok) == 1000);
}

TEST_CASE("input that arrives while a session works on earlier input stays in the kernel") {
    Serving serving;
    Guest guest{serving};
    guest.log_in();
    std::string many;
    for (int i = 0; i < 2000; ++i) many += "NOOP\r\n";
    guest.say(many);
    serving.turn();
    guest.say(many);
    std::string all = guest.hear();
    for (int i = 0; i < 3; ++i) serving.turn();
    CHECK(serving.metrics.bytes < 2000 * 5);
    all += guest.hear_all();
    CHECK(all.size() == 4000 * 5);
}

TEST_CASE("a line may arrive in pieces, and an overlong one is refused once") {
    Serving serving;
    Guest guest{serving};
    for (const char c : std::string_view{"CAPA\r"}) CHECK(guest.ask(std::string_view{&c, 1}) == "");
    CHECK(guest.ask("\n").starts_with("+OK"));
    CHECK(guest.ask(std::string(300, 'x')).starts_with("-ERR"));
    CHECK(guest.ask(std::string(3000, 'x')) == "");
    CHECK(guest.ask("\r\nNOSUCH\r\n").starts_with("-ERR"));
    CHECK(serving.counted(Pop3Command::unknown, CommandResult::error) == 2);
}

TEST_CASE("an exchange of several lines counts as one command") {
    Serving serving;
    Guest guest{serving};
    CHECK(guest.ask("AUTH PLAIN\r\n") == "+ \r\n");
    CHECK(serving.counted(Pop3Command::auth, CommandResult::ok) == 0);
    CHECK(guest.ask("AHVzZXIxAHBhc3Mx\r\n") == "+OK Password accepted\r\n");
    CHECK(serving.counted(Pop3Command::auth, CommandResult::ok) == 1);
    CHECK(serving.counted(Pop3Command::unknown, CommandResult::error) == 0);
    CHECK(guest.came == 1);
}

TEST_CASE("too many bad lines end the connection, with a reply to each of them up to the limit") {
    Serving serving;
    Guest guest{serving};
    std::string nonsense;
    for (unsigned i = 0; i < 2 * pop3::Session::bad_line_limit; ++i) nonsense += "what?\r\n";
    const std::string all = guest.ask(nonsense);
    CHECK(std::count(all.begin(), all.end(), '\n') == pop3::Session::bad_line_limit);
    CHECK(guest.ended());
    CHECK(guest.retired);
}

TEST_CASE("a user cannot have more sessions than allowed") {
    Serving serving;
    serving.settings.max_per_user = 2;
    Guest guest{serving};
    guest.sessions = 2;
    CHECK(guest.ask("USER user1\r\nPASS pass1\r\n").find("-ERR [SYS/TEMP]") != std::string::npos);
    CHECK(guest.came == 0);
    guest.sessions = 1;
    guest.log_in();
    CHECK(guest.came == 1);
}

TEST_CASE("a session gives up its maildrop only if its client has left and no command or QUIT is pending") {
    Serving serving;
    (void)serving.maildir().deliver(base_name(0), "Subject: a\n\nb\n");
    Guest guest{serving};
    guest.log_in();
    CHECK_FALSE(guest.connection().give_way());
    SECTION("the client has left, and nobody has noticed yet") {
        guest.say_no_more();
        CHECK(guest.connection().give_way());
        CHECK(guest.retired);
    }
    SECTION("the client has left with a command still unanswered") {
        guest.say("NOOP\r\n");
        guest.say_no_more();
        CHECK_FALSE(guest.connection().give_way());
    }
    SECTION("QUIT is under way") {
        serving.late(true);
        guest.say("DELE 1\r\nQUIT\r\n");
        guest.say_no_more();
        serving.settle();
        CHECK_FALSE(guest.connection().give_way());
        guest.vanish();
        serving.settle();
        CHECK_FALSE(guest.connection().give_way());
    }
}

TEST_CASE("an idle session is small") {
    CHECK(sizeof(Pop3Connection) <= 496);
}

TEST_CASE("over TLS, the socket stays open until the last reply has been read, but the session has ended") {
    Serving serving;
    Guest guest{serving};
    guest.over_tls = true;
    guest.log_in();
    const bool stopping = GENERATE(false, true);
    CAPTURE(stopping);
    guest.say(stopping ? "NOOP\r\n" : "QUIT\r\n");
    serving.settle();
    if (stopping) guest.connection().finish_up();
    guest.connection().settings_changed();
    CHECK_FALSE(guest.retired);
    CHECK(guest.left == 1);
    Guest next{serving};
    next.log_in(); // the maildrop is free
    CHECK(guest.hear_until([](const std::string&) { return false; }) == (stopping ? "+OK\r\n" : "+OK Goodbye\r\n"));
    CHECK(guest.retired);
    CHECK(guest.left == 1);
}

TEST_CASE("over TLS, a last reply that is not read ends with the time limit, a kick, or the client's end") {
    enum class By { time, kick, client };
    for (const By by : {By::time, By::kick, By::client}) {
        CAPTURE(static_cast<int>(by));
        Serving serving;
        Guest guest{serving};
        guest.over_tls = true;
        guest.log_in();
        guest.say("QUIT\r\n");
        serving.settle();
        CHECK_FALSE(guest.retired);
        if (by == By::time) serving.settings.timeout = std::chrono::seconds{0};
        if (by == By::kick) guest.connection().stop(Ending::kicked);
        if (by == By::client) guest.vanish();
        serving.settle_until([&] { return guest.retired; });
        CHECK(guest.left == 1);
    }
}
