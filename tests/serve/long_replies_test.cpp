// serve/long_replies_test.cpp - replies that a slow client reads in pieces, and what happens to their tasks when the
// client reads them, half-closes, vanishes or is kicked midway, or when their source ends early.
#include "serving.h"

using namespace buzon;
using namespace buzon::upkeep;
using namespace buzon::login;
using namespace buzon::serve;
using state::CommandResult;
using state::Pop3Command;

namespace {

// Enough that their UIDL listing does not fit into a stream's buffer, and that a SEARCH takes several slices.
constexpr int mails_of_list = 950;
constexpr int deletions = 2100; // more than fit into one message to a worker: removed in two slices
constexpr const char* final_line = "\r\n.\r\n";

std::string large_mail() {
    std::string text = "Subject: large\n\n";
    for (int i = 0; text.size() < 700'000; ++i) text += "line " + std::to_string(i) + " of a large mail\n";
    return text;
}

// A name as long as a UIDL may be.
std::string long_name(int number) {
    const std::string name = base_name(number);
    return name + std::string(70 - name.size(), 'h');
}

// Small messages: many names of one file, as creating and removing thousands of files takes seconds.
void deliver_crowd(const test::Maildir& maildir, int mails, auto&& name) {
    const std::filesystem::path first = maildir.put_in_cur(name(0) + ":2,S", "a\n");
    for (int i = 1; i < mails; ++i) std::filesystem::create_hard_link(first, first.parent_path() / (name(i) + ":2,S"));
}

// A listing of all messages: their numbers, each followed by what `behind` returns.
std::string list_of_all(auto&& behind) {
    std::string lines;
    for (int i = 0; i < mails_of_list; ++i) lines += std::to_string(i + 1) + behind(i) + "\r\n";
    return lines + ".\r\n";
}

// Whether the reply to NOOP has arrived after it.
bool is_whole(const std::string& heard) {
    return heard.ends_with("\r\n.\r\n+OK\r\n");
}
bool never(const std::string&) {
    return false;
}

struct LongReply {
    std::string title;
    std::string line;
    std::string task;       // as SESS names it
    std::string first_line; // of the reply
    std::string rest;
    Pop3Command command;
    std::string program = {};
    int mails = 1; // one large message, or many small ones
};

const std::vector<LongReply>& long_replies() {
    static const std::vector<LongReply> all = {
        {.title = "RETR",
         .line = "RETR 1\r\n",
         .task = "RETR",
         .first_line = test::octets_reply(large_mail()),
         .rest = test::as_sent(large_mail()),
         .command = Pop3Command::retr},
        {.title = "TOP",
         .line = "TOP 1 1000000\r\n",
         .task = "TOP",
         .first_line = "+OK",
         .rest = test::as_sent(large_mail()),
         .command = Pop3Command::top},
        {.title = "RETR through a program",
         .line = "RETR 1\r\n",
         .task = "RETR",
         .first_line = "+OK",
         .rest = test::as_sent(large_mail()),
         .command = Pop3Command::retr,
         .program = "exec cat"},
        {"UIDL", "UIDL\r\n", "list", "+OK", list_of_all([](int i) { return " " + long_name(i); }), Pop3Command::uidl,
         "", mails_of_list},
        {"SEARCH", "SEARCH SMALLER 1000\r\n", "SEARCH", "+OK", list_of_all([](int) { return " 3"; }),
         Pop3Command::search, "", mails_of_list},
    };
    return all;
}

// A guest whose reply is being sent, before it has read any of it.
struct During {
    Serving serving;
    Guest guest{serving};
    const LongReply& kind;

    explicit During(const LongReply& of) : kind{of} {
        if (kind.mails == 1)
            (void)serving.maildir().deliver(base_name(0), large_mail());
        else
            deliver_crowd(serving.maildir(), kind.mails, long_name);
        if (!kind.program.empty()) serving.transform(kind.program);
        guest.log_in();
        guest.narrow();
        serving.programs_end(false); // they have to wait for the client
        guest.say(kind.line + "NOOP\r\n");
        serving.settle_until([this] { return guest.connection().backlog() > 0; });
        CHECK(guest.task() == kind.task);
        CHECK(serving.counted(kind.command, CommandResult::ok) == 1);
        CHECK(guest.connection().backlog() < 300'000); // not all of the reply is buffered
    }
    [[nodiscard]] bool is_message() const { return kind.mails == 1; }
    [[nodiscard]] std::uint64_t handed_over() const { return serving.metrics.messages + serving.metrics.top_replies; }
    // Empty if `all` is the whole reply followed by `behind`.
    [[nodiscard]] std::string different(const std::string& all, const std::string& behind) const {
        const std::size_t first = std::min(all.find("\r\n"), all.size());
        if (!all.starts_with(kind.first_line)) return "the first line is " + all.substr(0, first);
        return test::difference(all.substr(std::min(all.size(), first + 2)), kind.rest + behind);
    }
};

} // namespace

TEST_CASE("a slow client gets the whole of a long reply, and the reply to its next command") {
    for (const LongReply& kind : long_replies()) {
        CAPTURE(kind.title);
        During now{kind};
        CHECK(now.handed_over() == 0);
        const std::string all = now.guest.hear_until(is_whole);
        CHECK(now.different(all, "+OK\r\n") == "");
        CHECK(now.handed_over() == (now.is_message() ? 1 : 0)); // counted once its last octet has left
        CHECK(now.serving.metrics.retr_bytes + now.serving.metrics.top_bytes ==
              (now.is_message() ? all.size() - 5 : 0));
        CHECK(now.guest.connection().retrieved() == now.serving.metrics.messages);
        CHECK(now.guest.task() == "");
        CHECK_FALSE(now.guest.retired);
    }
}

TEST_CASE("a slow client that has half-closed gets the whole of a long reply, then the connection is closed") {
    for (const LongReply& kind : long_replies()) {
        CAPTURE(kind.title);
        During now{kind};
        now.guest.say_no_more();
        CHECK(now.different(now.guest.hear_until(is_whole), "+OK\r\n") == "");
        (void)now.guest.hear_all();
        CHECK(now.guest.ended());
        CHECK(now.guest.retired);
        CHECK(now.handed_over() == (now.is_message() ? 1 : 0));
    }
}

TEST_CASE("a server that shuts down first finishes a long reply, and sends nothing after it") {
    for (const LongReply& kind : long_replies()) {
        CAPTURE(kind.title);
        During now{kind};
        now.guest.connection().finish_up();
        CHECK_FALSE(now.guest.retired);
        CHECK(now.different(now.guest.hear_until(never), "") == "");
        CHECK(now.guest.retired);
        CHECK(now.handed_over() == (now.is_message() ? 1 : 0));
    }
}

TEST_CASE("if a client vanishes or is kicked during a long reply, its session ends at once and counts no message") {
    for (const LongReply& kind : long_replies()) {
        for (const bool kicked : {false, true}) {
            CAPTURE(kind.title, kicked);
            During now{kind};
            if (kicked) {
                now.guest.connection().stop(Ending::kicked);
                CHECK(now.guest.hear().find(final_line) == std::string::npos);
                CHECK(now.guest.ended());
            } else {
                now.guest.vanish();
                now.serving.settle();
            }
            CHECK(now.guest.retired);
            CHECK(now.guest.connection().backlog() == 0);
            CHECK(now.handed_over() == 0);
            CHECK(now.serving.waiting() == 0);
            Guest other{now.serving};
            other.log_in(); // the maildrop is unlocked
        }
    }
}

TEST_CASE("a program that dies mid-output ends the connection: a partial message must not pass for a whole one") {
    Serving serving;
    (void)serving.maildir().deliver(base_name(0), large_mail());
    serving.transform("head -c 300000\nread -r word <\"${0%/*}/gate\"\nkill -9 $$");
    Guest guest{serving};
    guest.log_in();
    guest.narrow();
    serving.programs_end(false);
    guest.say("RETR 1\r\nNOOP\r\n");
    serving.settle_until([&] { return guest.connection().backlog() > 0; });
    SECTION("while the client waits") {}
    SECTION("after the client has half-closed") {
        guest.say_no_more();
    }
    SECTION("while the server shuts down") {
        guest.connection().finish_up();
    }
    serving.let_one_through();
    const std::string all = guest.hear_until(never);
    CHECK(all.find("\r\nSubject: large\r\n") != all.npos);
    CHECK(all.find(final_line) == all.npos);
    CHECK(guest.ended());
    CHECK(guest.retired);
    CHECK(serving.metrics.messages == 0);
    CHECK(serving.metrics.filters_running == 0);
}

TEST_CASE("a worker that dies mid-SEARCH ends the connection: a partial result must not pass for a whole one") {
    Serving serving;
    for (int i = 0; i < 600; ++i) serving.maildir().put_in_cur(base_name(i) + ":2,S", "Subject: word\n\n");
    Guest guest{serving};
    guest.log_in();
    guest.say("SEARCH SUBJECT word\r\nNOOP\r\n");
    serving.settle_until([&] { return serving.disk.waiting() == 1; });
    REQUIRE(serving.disk.work());
    serving.dead(true);
    const std::string all = guest.hear_all();
    CHECK(all.starts_with("+OK"));
    CHECK(all.find("\r\n1 17\r\n") != all.npos);
    CHECK(all.find(final_line) == all.npos);
    CHECK(guest.ended());
    CHECK(guest.retired);
}

TEST_CASE(
    "a QUIT with many deletions runs in slices to its end, even if the client vanishes or the server shuts down") {
    enum class End { none, vanishes, server_ends };
    for (const End end : {End::none, End::vanishes, End::server_ends}) {
        CAPTURE(static_cast<int>(end));
        Serving serving;
        deliver_crowd(serving.maildir(), deletions, long_name);
        Guest guest{serving};
        guest.log_in();
        std::string lines;
        for (int i = 1; i <= deletions; ++i) lines += "DELE " + std::to_string(i) + "\r\n";
        (void)guest.ask(lines);
        guest.say("QUIT\r\n");
        serving.settle_until([&] { return guest.task() == "QUIT"; });
        if (end == End::vanishes) guest.vanish();
        if (end == End::server_ends) guest.connection().finish_up();
        if (end == End::vanishes)
            serving.settle();
        else
            CHECK(guest.hear_all() == "+OK Goodbye\r\n");
        CHECK(guest.retired);
        CHECK(serving.metrics.deletions == deletions);
        CHECK(serving.maildir().messages().empty());
    }
}

TEST_CASE("a message waits its turn for a program, unless its client vanishes or is kicked") {
    enum class End { none, vanishes, says_no_more, kicked, server_ends };
    for (const End end : {End::none, End::vanishes, End::says_no_more, End::kicked, End::server_ends}) {
        CAPTURE(static_cast<int>(end));
        Serving serving;
        serving.settings.max_transforms = 1;
        serving.transforms.refresh();
        serving.transform("exec cat");
        const std::string mail = "Subject: a\n\nb\n";
        (void)serving.maildir("user1").deliver(base_name(0), mail);
        (void)serving.maildir("user2").deliver(base_name(0), mail);
        Guest first{serving}, second{serving};
        first.log_in();
        second.log_in("user2", "pass2");
        serving.late(true);
        first.say("RETR 1\r\n");
        serving.settle();
        second.say("RETR 1\r\nNOOP\r\n");
        serving.settle();
        CHECK(second.task() == "RETR");
        CHECK(serving.metrics.filters_started == 1);
        if (end == End::vanishes) second.vanish();
        if (end == End::says_no_more) second.say_no_more();
        if (end == End::kicked) second.connection().stop(Ending::kicked);
        if (end == End::server_ends) second.connection().finish_up();
        serving.settle();
        const bool gone = end == End::vanishes || end == End::kicked;
        CHECK(second.retired == gone);
        CHECK(serving.transforms.queue().waiting() == (gone ? 0 : 1));
        serving.late(false);
        const std::string reply = test::octets_reply(mail) + "\r\n" + test::as_sent(mail);
        CHECK(first.hear_all() == reply);
        CHECK(serving.metrics.filters_started == (gone ? 1 : 2));
        if (!gone) CHECK(second.hear_all() == reply + (end == End::server_ends ? "" : "+OK\r\n"));
        CHECK(second.retired == (end != End::none));
    }
}
