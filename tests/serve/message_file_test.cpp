// serve/message_file_test.cpp - messages that are not in memory: a worker reads them, while other deliveries use the
// shared buffer.
#include "../../src/serve/message_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "buzon/message/dot_stuffer.h"
#include "serving.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::serve;
using posix::Moved;

namespace {

// A message that has been opened.
struct Opened {
    explicit Opened(std::string octets) : text{std::move(octets)} {
        (void)serving.maildir().deliver(base_name(0), text);
        REQUIRE(file.open() == Delivery::Step::wait);
        REQUIRE(serving.disk.work());
        REQUIRE(file.open() == Delivery::Step::ready);
        REQUIRE(file.look());
    }
    [[nodiscard]] test::Picture picture() const {
        message::OctetCounter counter;
        counter.feed(text);
        message::SnapshotBuilder builder;
        const std::string name = base_name(0);
        builder.add({.file_name = name, .in_new = true, .octets = counter.finish(), .stored_size = text.size()});
        return test::snapshot_of(builder);
    }
    [[nodiscard]] std::string read(std::uint64_t offset, Moved expected) {
        std::string_view octets;
        CHECK(file.read(offset, octets).what == expected);
        return std::string{octets};
    }

    Serving serving;
    std::string text;
    std::string maildir = serving.maildir().path();
    std::string user = "user1";
    std::shared_ptr<const message::Snapshot> snapshot = picture().value();
    DeliveryOrder order{*snapshot,    0,    maildir, {}, false, false, user, *net::Ip::parse("127.0.0.1"), 1,
                        std::nullopt, false};
    MessageFile file{serving.needs.delivery, order, [] {}};
};

// As long as it exists, nothing can be read from this descriptor: what a message that is not in memory looks like.
class Cold {
public:
    explicit Cold(int file) : file_{file}, kept_{::fcntl(file, F_DUPFD_CLOEXEC, 0)} {
        const posix::UniqueFd blind{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
        REQUIRE(kept_);
        REQUIRE(::dup3(blind.get(), file_, O_CLOEXEC) == file_);
    }
    Cold(const Cold&) = delete;
    Cold& operator=(const Cold&) = delete;
    ~Cold() { ::dup3(kept_.get(), file_, O_CLOEXEC); }

private:
    int file_;
    posix::UniqueFd kept_;
};

std::string numbered_lines() {
    std::string text;
    for (int i = 0; text.size() < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
}

} // namespace

TEST_CASE("what another delivery has left in the shared buffer is never sent as this message") {
    Opened mail{"Subject: mine\n\nmy text\n"};
    const std::unique_ptr<Delivery> delivery = deliver_opened(mail.order, mail.file, OpenedFile::stored);
    REQUIRE(delivery->begin() == Delivery::Step::ready);
    REQUIRE(delivery->octets());
    const int other = 0;
    std::fill_n(mail.serving.file_room.of(&other), FileRoom::size, 'X');
    std::string out;
    {
        const Cold cold{mail.file.get()};
        CHECK(delivery->pull(out, 1000) == Delivery::Step::wait);
        CHECK(delivery->pull(out, 1000) == Delivery::Step::wait);
    }
    CHECK(out.empty());
    REQUIRE(mail.serving.disk.work());
    CHECK(delivery->pull(out, 1000) == Delivery::Step::done);
    CHECK(out == test::as_sent(mail.text));
}

TEST_CASE("a worker's answer for one offset is not taken for another") {
    Opened mail{numbered_lines()};
    std::optional<Cold> cold{std::in_place, mail.file.get()};
    (void)mail.read(FileRoom::size, Moved::would_block);
    (void)mail.read(0, Moved::would_block); // a program died and begins again
    cold.reset();
    SECTION("it has octets") {
        REQUIRE(mail.serving.disk.work());
    }
    SECTION("it is an error") {
        mail.serving.disk.dead = true;
        REQUIRE(mail.serving.disk.work());
        mail.serving.disk.dead = false;
    }
    cold.emplace(mail.file.get());
    (void)mail.read(0, Moved::would_block);
    CHECK(mail.serving.disk.waiting() == 1);
    cold.reset();
    REQUIRE(mail.serving.disk.work());
    CHECK(mail.read(0, Moved::some) == mail.text.substr(0, FileRoom::size));
}

TEST_CASE("a worker's answer for the stored message is not taken for what programs have made of it") {
    Opened mail{numbered_lines()};
    const bool answered = GENERATE(false, true);
    {
        const Cold cold{mail.file.get()};
        (void)mail.read(0, Moved::would_block);
    }
    if (answered) REQUIRE(mail.serving.disk.work());
    posix::UniqueFd made = message::seal_in_memfd("made\n", "made").value();
    mail.file.replace(std::move(made));
    REQUIRE(mail.file.look());
    CHECK_FALSE(mail.file.busy());
    CHECK(mail.read(0, Moved::some) == "made\n");
}
