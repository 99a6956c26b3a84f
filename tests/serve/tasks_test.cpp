// serve/tasks_test.cpp - every task of a connection, and what happens to it when its worker is late or dead, or
// when its client is slow, vanishes, half-closes or is kicked.
#include "serving.h"

using namespace buzon;
using namespace buzon::upkeep;
using namespace buzon::login;
using namespace buzon::serve;
using state::CommandResult;
using state::Pop3Command;

namespace {

const std::string mail = "Subject: a word\n\ntext\n";

const std::string change = "exec sed 's/^text/other text/'";
const std::string changed_mail = "Subject: a word\n\nother text\n";

// A task that waits for a worker, or for a program.
struct Kind {
    std::string title;
    bool logged_in = true;        // before
    std::string lines;            // the lines that start it
    std::string task;             // as SESS shows it
    std::string good;             // the beginning of its reply
    Pop3Command command;          // the command that is counted
    bool finishes = false;        // even if its client has gone
    std::string program = {};     // through which the message passes
    bool at_hand = false;         // no worker is needed to open the message
    bool earlier_session = false; // one has just ended
    std::size_t goes_on = 0;      // jobs that still run after the client has gone
    // The line after the task, its reply, and with which result the task's command has been counted by then.
    std::string behind = "NOOP\r\n";
    std::string behind_reply = "+OK\r\n";
    CommandResult result = CommandResult::ok;
};

const std::string refused = "-ERR [SYS/TEMP] ";
const std::string accepted = "+OK Password accepted\r\n";
const std::string retrieved = test::octets_reply(mail) + "\r\n" + test::as_sent(mail);
const std::string retrieved_changed = test::octets_reply(changed_mail) + "\r\n" + test::as_sent(changed_mail);

const std::vector<Kind> kinds = {
    {"a login with a cold maildrop", false, "USER user1\r\nPASS pass1\r\n", "login", accepted, Pop3Command::pass},
    {"a login with a slow hash", false, "USER slow\r\nPASS pass1\r\n", "login", accepted, Pop3Command::pass},
    {.title = "SCRAM with credentials that a worker derives",
     .logged_in = false,
     .lines = "AUTH SCRAM-SHA-256 biwsbj11c2VyMSxyPXJPcHJOR2Z3\r\n", // n,,n=user1,r=rOprNGfw
     .task = "login",
     .good = "+ ",
     .command = Pop3Command::auth,
     .behind = "*\r\n",
     .behind_reply = "-ERR Authentication cancelled\r\n",
     .result = CommandResult::error},
    {"RETR of a message that is not at hand", true, "RETR 1\r\n", "RETR", retrieved, Pop3Command::retr},
    {"TOP of a message that is not at hand", true, "TOP 1 0\r\n", "TOP", "+OK\r\nSubject: a word\r\n\r\n.\r\n",
     Pop3Command::top},
    {.title = "RETR through a program",
     .lines = "RETR 1\r\n",
     .task = "RETR",
     .good = retrieved_changed,
     .command = Pop3Command::retr,
     .program = change,
     .at_hand = true},
    {.title = "RETR through a program, of a message that is not at hand",
     .lines = "RETR 1\r\n",
     .task = "RETR",
     .good = retrieved_changed,
     .command = Pop3Command::retr,
     .program = change},
    {.title = "TOP through a program",
     .lines = "TOP 1 1\r\n",
     .task = "TOP",
     .good = "+OK\r\n" + test::as_sent(changed_mail),
     .command = Pop3Command::top,
     .program = change,
     .at_hand = true},
    {"SEARCH in headers", true, "SEARCH SUBJECT word\r\n", "SEARCH", "+OK", Pop3Command::search},
    {"REPORT", true, "REPORT\r\n", "REPORT", "+OK", Pop3Command::report},
    {.title = "REPORT behind what an earlier session has to have written",
     .lines = "REPORT\r\n",
     .task = "REPORT",
     .good = "+OK",
     .command = Pop3Command::report,
     .earlier_session = true,
     .goes_on = 1},
    {.title = "QUIT that removes something",
     .lines = "DELE 1\r\nQUIT\r\n",
     .task = "QUIT",
     .good = "+OK Goodbye\r\n",
     .command = Pop3Command::quit,
     .finishes = true,
     .goes_on = 1},
};

// A server with one message, and a guest right before the task.
struct Before {
    Serving serving;
    Guest guest{serving};
    const Kind& kind;
    std::size_t replies_before; // octets

    explicit Before(const Kind& of) : kind{of} {
        (void)owners().deliver(base_name(0), mail);
        if (kind.earlier_session) {
            Guest earlier{serving};
            earlier.log_in();
            CHECK(earlier.ask("RETR 1\r\nQUIT\r\n").ends_with("+OK Goodbye\r\n"));
        }
        if (!kind.program.empty()) serving.transform(kind.program);
        if (kind.logged_in) guest.log_in();
        // Under another name, only a worker finds it.
        if (kind.logged_in && !kind.at_hand) owners().flag(base_name(0), "S");
        serving.late(true);
    }
    [[nodiscard]] std::string owner() const { return kind.lines.find("slow") == std::string::npos ? "user1" : "slow"; }
    [[nodiscard]] test::Maildir owners() const { return serving.maildir(owner()); }
    [[nodiscard]] bool mail_is_there() const { return owners().has(base_name(0)); }
    // `replies` without the reply to the line before the one that starts the task, if there is one.
    [[nodiscard]] std::string without_first(std::string replies) const {
        const bool two = kind.lines.find("\r\n") + 2 < kind.lines.size();
        return two ? replies.substr(std::min(replies.size(), replies.find("\r\n") + 2)) : replies;
    }
    // Whether another session of the same user would be refused.
    [[nodiscard]] bool locked() {
        serving.late(false);
        Guest other{serving};
        const std::string reply = other.ask("USER " + owner() + "\r\nPASS pass1\r\nQUIT\r\n");
        return reply.find("-ERR [IN-USE]") != reply.npos;
    }
};

} // namespace

TEST_CASE("a task whose worker is late stays under way, and later replies keep their order") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        const std::string early = now.guest.ask(kind.lines + kind.behind);
        CHECK(now.without_first(early) == "");
        CHECK(now.guest.task() == kind.task);
        CHECK(now.serving.waiting() == 1);
        Guest other{now.serving};
        CHECK(other.ask("CAPA\r\n").starts_with("+OK")); // nobody else has to wait
        now.serving.late(false);
        const std::string reply = now.guest.hear_all();
        CHECK(reply.starts_with(kind.good));
        CHECK(now.guest.ended() == kind.finishes);
        if (!kind.finishes) CHECK(reply.ends_with(kind.behind_reply));
        CHECK(now.guest.task() == "");
        CHECK(now.serving.counted(kind.command, kind.result) == 1);
    }
}

TEST_CASE("if a worker dies, its task is answered with an error and the session goes on") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.serving.late(false);
        now.serving.dead(true);
        const std::string reply = now.without_first(now.guest.ask(kind.lines));
        CHECK(reply.starts_with(refused));
        CHECK(now.serving.counted(kind.command, CommandResult::error) == 1);
        CHECK(now.guest.ended() == kind.finishes);
        now.serving.dead(false);
        if (!kind.finishes) {
            CHECK(now.guest.task() == "");
            CHECK(now.guest.ask(kind.lines).find(kind.good) != std::string::npos); // the next attempt succeeds
        }
        CHECK(now.serving.metrics.deletions == 0);
    }
}

TEST_CASE("a vanished client's task is cancelled, unless it is a QUIT, which is completed") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.say(kind.lines);
        now.serving.settle();
        now.guest.vanish();
        now.serving.settle();
        CHECK(now.guest.retired == !kind.finishes);
        CHECK(now.serving.waiting() == kind.goes_on);
        CHECK(now.guest.came == now.guest.left + (kind.finishes ? 1 : 0));
        if (kind.finishes) {
            CHECK(now.serving.disk.waiting() == 1);
            now.serving.settle();
            CHECK(now.mail_is_there());
            now.serving.late(false);
            now.serving.settle();
            CHECK(now.guest.retired);
            CHECK(now.serving.metrics.deletions == 1);
        }
        CHECK(now.mail_is_there() == !kind.finishes);
        CHECK_FALSE(now.locked());
    }
}

TEST_CASE("the maildrop stays locked until the update is done, whether or not the client waits for it") {
    Before now{kinds.back()};
    now.guest.say(now.kind.lines);
    now.serving.settle();
    if (GENERATE(true, false)) now.guest.vanish();
    now.serving.settle();
    Guest other{now.serving};
    CHECK(other.ask("USER user1\r\nPASS pass1\r\n").find("-ERR [IN-USE]") != std::string::npos);
    now.serving.late(false);
    now.serving.settle();
    CHECK(other.ask("USER user1\r\nPASS pass1\r\nSTAT\r\n").find("+OK 0 0\r\n") != std::string::npos);
}

TEST_CASE("a client that half-closes still gets all replies, then the connection is closed") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.say(kind.lines + kind.behind + "CAPA\r\n");
        now.guest.say_no_more();
        now.serving.settle();
        CHECK(now.without_first(now.guest.hear()) == "");
        CHECK_FALSE(now.guest.retired);
        now.serving.late(false);
        const std::string reply = now.guest.hear_all();
        CHECK(reply.starts_with(kind.good));
        if (!kind.finishes)
            CHECK(reply.find(kind.behind_reply + "+OK Capability list follows\r\n") != std::string::npos);
        if (!kind.finishes) CHECK(reply.ends_with("\r\n.\r\n"));
        CHECK(now.guest.ended());
        CHECK(now.guest.retired);
        CHECK(now.mail_is_there() == !kind.finishes);
    }
}

TEST_CASE("a client that half-closes during a task is not dropped before it has got the reply") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.say(kind.lines);
        now.serving.settle();
        now.guest.say_no_more();
        now.serving.settle();
        CHECK_FALSE(now.guest.retired);
        now.serving.late(false);
        const std::string reply = now.guest.hear_all();
        CAPTURE(reply);
        CHECK(reply.find(kind.good) != std::string::npos);
        CHECK(now.guest.ended());
    }
}

TEST_CASE("a kicked client hears nothing more, and removes nothing unless QUIT had begun") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.say(kind.lines);
        now.serving.settle();
        (void)now.guest.hear();
        now.guest.connection().stop(Ending::kicked);
        CHECK(now.guest.hear() == "");
        CHECK(now.guest.ended());
        CHECK(now.guest.retired == !kind.finishes);
        now.serving.late(false);
        now.serving.settle();
        CHECK(now.guest.retired);
        CHECK(now.mail_is_there() == !kind.finishes);
        CHECK_FALSE(now.locked());
    }
}

TEST_CASE("a server that shuts down finishes the task, sends its reply and takes no further line") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.say(kind.lines + kind.behind);
        now.serving.settle();
        (void)now.guest.hear();
        now.guest.connection().finish_up();
        now.serving.settle();
        CHECK_FALSE(now.guest.retired);
        now.serving.late(false);
        const std::string reply = now.guest.hear_all();
        CHECK(reply.starts_with(kind.good));
        CHECK_FALSE(reply.ends_with(kind.behind_reply));
        CHECK(now.guest.ended());
        CHECK(now.guest.retired);
        CHECK(now.mail_is_there() == !kind.finishes);
    }
}

TEST_CASE(
    "a slow client's task runs as far as it can without the client, and the reply arrives when the client reads") {
    for (const Kind& kind : kinds) {
        CAPTURE(kind.title);
        Before now{kind};
        now.guest.narrow();
        std::string capabilities;
        for (int i = 0; i < 100; ++i) capabilities += "CAPA\r\n";
        now.guest.say(capabilities + kind.lines + kind.behind);
        now.serving.settle();
        CHECK(now.guest.connection().backlog() > 0);
        now.serving.programs_end(false); // not before the client reads their output
        now.serving.late(false);
        now.serving.settle();
        CHECK(now.guest.connection().backlog() > 0);
        CHECK_FALSE(now.guest.retired);
        CHECK(now.mail_is_there() == !kind.finishes); // an update does not wait for the client
        const std::string all = now.guest.hear_until([&](const std::string& heard) {
            const std::size_t last_of_before = heard.rfind("\r\nIMPLEMENTATION buzon-");
            if (last_of_before == heard.npos || heard.find(kind.good, last_of_before) == heard.npos) return false;
            return kind.finishes || heard.ends_with(kind.behind_reply);
        });
        (void)now.guest.hear_all();
        CHECK(now.guest.ended() == kind.finishes);
    }
}

TEST_CASE("a slow client that vanishes or is kicked during a task leaves nothing behind") {
    for (const Kind& kind : kinds) {
        for (const bool kicked : {false, true}) {
            CAPTURE(kind.title, kicked);
            Before now{kind};
            now.guest.narrow();
            std::string capabilities;
            for (int i = 0; i < 100; ++i) capabilities += "CAPA\r\n";
            now.guest.say(capabilities + kind.lines);
            now.serving.settle();
            REQUIRE(now.guest.connection().backlog() > 0);
            if (kicked)
                now.guest.connection().stop(Ending::kicked);
            else
                now.guest.vanish();
            now.serving.late(false);
            now.serving.settle();
            CHECK(now.guest.retired);
            CHECK(now.guest.connection().backlog() == 0);
            CHECK(now.mail_is_there() == !kind.finishes);
            CHECK_FALSE(now.locked());
        }
    }
}
