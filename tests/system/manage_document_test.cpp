// system/manage_document_test.cpp - what docs/management-protocol.md promises, tested by a Python client written from
// the document alone, and by its examples that read --json.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/manage_server.h"

using namespace buzon;
using namespace buzon::test;

namespace {

std::string document() {
    return source_directory() + "/docs/management-protocol.md";
}

std::string text_of_document() {
    std::ifstream file{document()};
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
}

// The document's first example in this language.
std::string example(const std::string& language) {
    const std::string text = text_of_document(), fence = "\n```" + language + '\n';
    const std::size_t begin = text.find(fence);
    REQUIRE(begin != std::string::npos);
    return text.substr(begin + fence.size(), text.find("\n```", begin + 1) + 1 - begin - fence.size());
}

} // namespace

TEST_CASE("a sixty-line client written from the document alone can use every command") {
    const TempDirectory files;
    const std::string users = files / "users", config = files / "config";
    std::ofstream{users} << "user1:{PLAIN}pass1\nuser2:{PLAIN}pass2\n";
    std::ofstream{config} << "timeout = 700\n";
    Server server{0, {"-a", "root:s3cr3t", "--users", users, "--config", config, "-T", "/bin/cat"}};
    Pop3Client kicked = server.client(), last = server.client();
    kicked.login("user1", "pass1");
    last.login("user2", "pass2");
    const Finished drive = run({"python3", source_directory() + "/tests/system/manage_client.py", "127.0.0.1",
                                std::to_string(server.management_port()), document(), server.root()});
    INFO(drive.out + drive.err);
    CHECK(drive.code == 0);
    CHECK(drive.out.find("WRONG") == std::string::npos);
    std::string row;
    int forms = 0;
    for (std::istringstream lines{text_of_document()}; std::getline(lines, row);) {
        const std::size_t end = row.find("` | ");
        const bool form =
            row.starts_with("| `") &&
            (row.find("` | free | ") == end || row.find("` | served | ") == end || row.find("` | guarded | ") == end);
        if (!form || end == std::string::npos) continue;
        std::string words = row.substr(3, end - 3);
        for (std::size_t at = words.find("\\|"); at != std::string::npos; at = words.find("\\|")) words.erase(at, 1);
        CAPTURE(words);
        CHECK(("\n" + drive.out).find("\n" + words + " ") != std::string::npos);
        ++forms;
    }
    CHECK(forms > 40);
    last.quit();
    CHECK(server.process().wait() == 0); // DRAIN was the second to last command
    server.expect_no_clean_end();
}

TEST_CASE("the document's examples that read --json work as printed") {
    const TempDirectory bin;
    std::filesystem::create_symlink(client_program(), bin / "buzonctl");
    const Server server{1};
    Pop3Client idle = server.session(1);
    const std::string path = std::string{bin / ""} + ":/usr/bin:/bin";
    const std::string name = "BUZON_SERVER=127.0.0.1:" + std::to_string(server.management_port());
    const auto tried = [&](const Words& program, std::string text) {
        const std::size_t limit = text.find("> 300");
        REQUIRE(limit != std::string::npos);
        text.replace(limit, 5, ">= 0"); // the test does not want to wait
        Words words{"env", name, "PATH=" + path};
        words.insert(words.end(), program.begin(), program.end());
        words.push_back(text);
        const Finished end = run(words);
        INFO(text + end.out + end.err);
        CHECK(end.code == 0);
        CHECK(end.err.empty());
        CHECK(end.out.find(" user1\n") != std::string::npos);
    };
    tried({"python3", "-c"}, example("python"));
    tried({"sh", "-c"}, example("sh"));
}
