#include "buzon/serve/fetched_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include "serving.h"

using namespace buzon;
using namespace buzon::serve;

namespace {

posix::UniqueFd some_file() {
    return posix::UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

using Indices = std::vector<std::uint32_t>;

Indices from_to(std::uint32_t first, std::uint32_t last) {
    Indices all;
    for (std::uint32_t i = first; i <= last; ++i) all.push_back(i);
    return all;
}

// A maildrop of `count` messages that belong to another user.
struct OthersMail {
    static constexpr int count = 40;
    Serving serving;
    OthersMail() {
        for (int number = 0; number < count; ++number) (void)serving.maildir().deliver(base_name(number), text(number));
        serving.maildrops.touch_none();
    }
    static std::string text(int number) { return "Subject: " + std::to_string(number) + "\n\ntext\n"; }
    static std::string reply(int number) {
        return test::octets_reply(text(number)) + "\r\n" + test::as_sent(text(number));
    }
};

} // namespace

TEST_CASE("a client that reads messages in order gets more and more of them opened ahead") {
    event::EventLoop loop;
    FetchedAhead ahead{loop, 100};
    CHECK(ahead.wanted_with(1, 0, 1000) == from_to(0, 3));
    CHECK(ahead.wanted_with(1, 1, 1000) == from_to(1, 13)); // none of the first batch has been opened
    for (std::uint32_t i = 2; i <= 13; ++i) ahead.keep(1, i, some_file());
    CHECK(ahead.files() == 12);
    for (std::uint32_t i = 2; i <= 13; ++i) CHECK(ahead.take(1, i));
    CHECK_FALSE(ahead.take(1, 13));
    CHECK(ahead.files() == 0);
    CHECK(ahead.wanted_with(1, 14, 1000) == from_to(14, 29));
    CHECK(ahead.wanted_with(1, 15, 17) == from_to(15, 16)); // there are no more
}

TEST_CASE("reading backwards is followed too, and a client that jumps about gets only what it asks for") {
    event::EventLoop loop;
    FetchedAhead ahead{loop, 100};
    CHECK(ahead.wanted_with(1, 9, 10) == from_to(9, 9));
    CHECK(ahead.wanted_with(1, 8, 10) == Indices{8, 7, 6, 5, 4, 3, 2, 1, 0});
    ahead.keep(1, 7, some_file());
    CHECK(ahead.wanted_with(1, 2, 10) == Indices{2});
    CHECK(ahead.files() == 0); // the wrong guess is closed
    CHECK(ahead.wanted_with(1, 5, 10) == Indices{5});
    CHECK(ahead.wanted_with(1, 6, 100) == from_to(6, 10));
}

TEST_CASE("all sessions together stay within the file limit, and none gets another session's file") {
    event::EventLoop loop;
    FetchedAhead ahead{loop, 4};
    for (const std::uint64_t session : {1U, 2U}) {
        (void)ahead.wanted_with(session, 0, 100);
        for (const std::uint32_t i : {1U, 2U, 3U}) ahead.keep(session, i, some_file());
    }
    CHECK(ahead.files() == 3); // those of the first session are closed
    CHECK_FALSE(ahead.take(1, 1));
    CHECK_FALSE(ahead.take(3, 1));
    CHECK(ahead.take(2, 1));
    CHECK(ahead.wanted_with(2, 50, 100) == from_to(50, 50));
    CHECK(ahead.wanted_with(2, 51, 100).size() == 5); // as many as there is room for
    ahead.let_go();
    CHECK(ahead.files() == 0);
    ahead.keep(2, 52, some_file()); // a late answer
    CHECK(ahead.files() == 0);
}

TEST_CASE("messages that belong to another user are opened by a worker, several at a time") {
    OthersMail mail;
    Guest guest{mail.serving};
    guest.log_in();
    mail.serving.disk.late = true;
    for (int number = 0; number < mail.count; ++number) {
        CAPTURE(number);
        const std::size_t jobs = mail.serving.disk.done;
        guest.say("RETR " + std::to_string(number + 1) + "\r\n");
        mail.serving.settle();
        const bool asked = mail.serving.disk.waiting() > 0;
        CHECK(asked == (number == 0 || number == 4 || number == 17 || number == 33));
        mail.serving.disk.late = false;
        CHECK(guest.hear_all() == mail.reply(number));
        mail.serving.disk.late = true;
        CHECK(mail.serving.disk.done == jobs + (asked ? 1 : 0));
    }
}

TEST_CASE("a message that is moved or removed, before or after it is opened ahead, is answered correctly") {
    OthersMail mail;
    Guest guest{mail.serving};
    guest.log_in();
    mail.serving.maildir().flag(base_name(2), "S"); // no longer where it was listed
    mail.serving.maildir().remove(base_name(3));
    CHECK(guest.ask("RETR 1\r\n") == mail.reply(0)); // opens message 2 as well
    mail.serving.maildir().remove(base_name(1));
    CHECK(guest.ask("RETR 2\r\n") == mail.reply(1));
    CHECK(guest.ask("RETR 3\r\n") == mail.reply(2));
    CHECK(guest.ask("RETR 4\r\n").starts_with("-ERR [SYS/TEMP]"));
    CHECK(guest.ask("RETR 5\r\n") == mail.reply(4));
}

TEST_CASE("with few descriptors left, another user's message is opened without any others") {
    OthersMail mail;
    Guest guest{mail.serving};
    guest.log_in();
    mail.serving.disk.spoil = [](worker::Answer& answer) { answer = {worker::Fate::no_descriptor, {}, {}}; };
    guest.say("RETR 1\r\n");
    mail.serving.settle();
    mail.serving.disk.spoil = nullptr;
    mail.serving.settle_until([&] { return mail.serving.disk.waiting() > 0; }); // it tries again
    CHECK(guest.hear_all() == mail.reply(0));
    CHECK(mail.serving.ahead.files() == 0);
}
