#include "../../src/client/history_file.h"

#include "support/catch.h"
#include "support/mail.h"
#include "support/temp_directory.h"

using namespace buzon;

TEST_CASE("of a history file that has become too large, the newest lines are kept") {
    const test::TempDirectory directory;
    std::string text;
    for (int i = 0; i < 500'000; ++i) text += "METR " + std::to_string(i) + '\n'; // more than 4 MiB
    const std::string path = directory.file("history", text, 0600);
    const std::vector<std::string> lines = client::read_history(path);
    REQUIRE(lines.size() == 500);
    CHECK(lines.front() == "METR 499500");
    CHECK(lines.back() == "METR 499999");
    CHECK((test::read_whole(path) == text.substr(text.find("METR 499500\n"))));
    client::append_history(path, "INFO *");
    CHECK(client::read_history(path).back() == "INFO *");
}

TEST_CASE("a history file of few but long lines is cut at the beginning of a line") {
    const test::TempDirectory directory;
    const std::string line(99'999, 'x');
    std::string text;
    for (int i = 0; i < 100; ++i) text += line + '\n';
    const std::vector<std::string> lines = client::read_history(directory.file("history", text, 0600));
    CHECK(lines.size() == 41);
    for (const std::string& one : lines) CHECK((one == line));
}
