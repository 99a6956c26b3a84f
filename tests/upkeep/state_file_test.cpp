// upkeep/state_file_test.cpp - the newest content stays, whatever the disk does.
#include "buzon/upkeep/state_file.h"

#include "support/catch.h"
#include "support/mail.h"
#include "support/pretended_workers.h"
#include "support/temp_directory.h"

using namespace buzon;

namespace {

class Sentences final : public state::LogSink {
public:
    void write(std::string_view line) override { text += line; }
    std::string text;
};

struct KeptFile {
    test::TempDirectory directory;
    event::EventLoop loop;
    test::PretendedWorkers disk{loop};
    Sentences sentences;
    state::Log log{&sentences};
    state::EventBus events{log};
    upkeep::StateFile file{disk, events, directory.path().string(), "numbers"};
    int ended = 0;

    [[nodiscard]] std::string content() const { return test::read_whole(file.path()); }
    [[nodiscard]] auto end() {
        return [this] { ++ended; };
    }
};

} // namespace

TEST_CASE("a state file is written by a worker") {
    KeptFile kept;
    kept.file.write("one", kept.end());
    CHECK(kept.file.writing());
    CHECK(kept.ended == 0);
    CHECK(kept.disk.work());
    CHECK(kept.ended == 1);
    CHECK_FALSE(kept.file.writing());
    CHECK(kept.content() == "one");
}

TEST_CASE("the last content of a state file is written after what is being written") {
    KeptFile kept;
    int earlier = 0;
    kept.file.write("one", [&] { ++earlier; });
    kept.file.write_last("two", kept.end());
    CHECK(kept.disk.waiting() == 1);
    CHECK(kept.disk.work());
    CHECK(kept.ended == 0);
    CHECK(kept.file.writing());
    CHECK(kept.disk.work());
    CHECK(kept.ended == 1);
    CHECK(earlier == 0);
    CHECK(kept.content() == "two");
}

TEST_CASE("the last content of a state file is written at once if nothing is being written") {
    KeptFile kept;
    kept.file.write_last("two", kept.end());
    CHECK(kept.disk.work());
    CHECK(kept.ended == 1);
    CHECK(kept.content() == "two");
}

TEST_CASE("a state file that cannot be written is reported once, and its callback is called all the same") {
    KeptFile kept;
    kept.disk.dead = true;
    kept.file.write("one", kept.end());
    CHECK(kept.disk.work());
    CHECK(kept.ended == 1);
    CHECK(kept.sentences.text.find("numbers: not saved; the old file is kept: ") != std::string::npos);
    kept.sentences.text.clear();
    kept.file.write_last("two", kept.end());
    CHECK(kept.disk.work());
    CHECK(kept.ended == 2);
    CHECK(kept.sentences.text.empty());
}

TEST_CASE("without --state no state file is kept") {
    KeptFile kept;
    CHECK(kept.file.kept());
    CHECK_FALSE(upkeep::StateFile{kept.disk, kept.events, "", "numbers"}.kept());
}
