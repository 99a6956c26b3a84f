// Every claim of docs/security.md names a test, and that test exists.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/programs.h"

using namespace buzon::test;

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The string literals after TEST_CASE(, concatenated as the compiler does.
std::set<std::string> names_of_tests() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_directory() + "/tests")) {
        if (!entry.path().string().ends_with("_test.cpp")) continue;
        const std::string text = text_of(entry.path());
        for (std::size_t at = text.find("TEST_CASE"); at != text.npos; at = text.find("TEST_CASE", at + 1)) {
            std::string name;
            for (std::size_t i = text.find('"', at); i < text.size() && text[i] != ')' && text[i] != ',';) {
                if (text[i++] != '"') continue;
                while (i < text.size() && text[i] != '"') name += text[i++];
                ++i;
            }
            names.insert(name);
        }
    }
    return names;
}

// The items that begin with "- ", each as one line, up to the section about limits.
std::vector<std::string> statements() {
    std::istringstream lines{text_of(source_directory() + "/docs/security.md")};
    std::vector<std::string> all;
    bool within = false;
    for (std::string line; std::getline(lines, line) && !line.starts_with("## 4");) {
        if (line.starts_with("- ")) {
            all.push_back(line);
            within = true;
        } else if (line.starts_with("  ") && within) {
            all.back() += ' ' + line.substr(2);
        } else {
            within = false;
        }
    }
    return all;
}

} // namespace

TEST_CASE("each statement of docs/security.md names tests, and all of them exist") {
    const std::set<std::string> names = names_of_tests();
    REQUIRE(names.size() > 1000);
    const std::vector<std::string> all = statements();
    REQUIRE(all.size() > 30);
    for (const std::string& one : all) {
        INFO(one);
        const std::size_t begin = one.find(" *");
        const std::size_t end = one.rfind('*');
        const bool named = begin != one.npos && end > begin + 2;
        CHECK(named);
        if (!named) continue;
        const std::string named_tests = one.substr(begin + 2, end - begin - 2);
        constexpr std::string_view between = "* · *";
        for (std::size_t from = 0; from <= named_tests.size();) {
            const std::size_t to = std::min(named_tests.find(between, from), named_tests.size());
            CHECK(names.count(named_tests.substr(from, to - from)) == 1);
            from = to + between.size();
        }
    }
}
