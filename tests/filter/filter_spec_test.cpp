#include "buzon/filter/filter_spec.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "filter_support.h"
#include "support/catch.h"

using namespace buzon::filter;

namespace {

using Words = std::vector<std::string>;

// The members as lists of words, starting with the path.
std::vector<Words> chain(const FilterSpec& spec) {
    std::vector<Words> result;
    for (const FilterMember& member : spec.members()) {
        Words words{member.path};
        words.insert(words.end(), member.arguments.begin(), member.arguments.end());
        result.push_back(words);
    }
    return result;
}

std::vector<Words> chain(std::string_view text) {
    const ParsedSpec parsed = FilterSpec::parse(text);
    INFO(text << ": " << parsed.problem);
    CHECK(parsed.ok());
    return chain(parsed.spec);
}

} // namespace

TEST_CASE("a SPEC is a path, a path with one argument, or a command line") {
    struct Row {
        std::string text;
        Words words;
    };
    const Row row = GENERATE(values<Row>({
        {"/bin/cat", {"/bin/cat"}},
        {"  /bin/cat\t ", {"/bin/cat"}},
        {"/usr/bin/sed:s/e/x/g", {"/usr/bin/sed", "s/e/x/g"}},
        {"/bin/a:b:c d", {"/bin/a", "b:c d"}},
        {"/bin/a:", {"/bin/a", ""}},
        {"/bin/a: b ", {"/bin/a", " b "}},
        {"/bin/a:'b'", {"/bin/a", "'b'"}},
        {"/bin/a:b\\", {"/bin/a", "b\\"}},
        {"/bin/sed -e s:a:b:", {"/bin/sed", "-e", "s:a:b:"}},
        {"/bin/tr  a\tb", {"/bin/tr", "a", "b"}},
        {"/bin/sed 's/a b/c/'", {"/bin/sed", "s/a b/c/"}},
        {"/bin/sed's/a/b/'", {"/bin/sed", "s/a/b/"}},
        {"/bin/echo ''", {"/bin/echo", ""}},
        {"/bin/echo \"\" x", {"/bin/echo", "", "x"}},
        {R"(/bin/echo a'b c'd"e f"\ g)", {"/bin/echo", "ab cde f g"}},
        {R"(/bin/echo "\"\\\$\`\a'")", {"/bin/echo", R"("\$`\a')"}},
        {R"(/bin/echo '\"$x')", {"/bin/echo", R"(\"$x)"}},
        {R"(/bin/echo \'a\" \\)", {"/bin/echo", R"('a")", "\\"}},
        {"/bin/echo $HOME *.c ~ ; > < & #x `y`", {"/bin/echo", "$HOME", "*.c", "~", ";", ">", "<", "&", "#x", "`y`"}},
        {"/opt/ñandú á", {"/opt/ñandú", "á"}},
    }));
    CHECK(chain(row.text) == std::vector<Words>{row.words});
}

TEST_CASE("a bar joins programs only with white space around it and a path after it") {
    struct Row {
        std::string text;
        std::vector<Words> members;
    };
    const Row row = GENERATE(values<Row>({
        {"/bin/a | /bin/b", {{"/bin/a"}, {"/bin/b"}}},
        {"/bin/a x\t|  /bin/b y | /bin/c:z", {{"/bin/a", "x"}, {"/bin/b", "y"}, {"/bin/c", "z"}}},
        {"/bin/a:x | /bin/b:y z | /bin/c", {{"/bin/a", "x"}, {"/bin/b", "y z"}, {"/bin/c"}}},
        {"/bin/a: | /bin/b", {{"/bin/a", ""}, {"/bin/b"}}},
        {"/bin/sed:s|a|b|", {{"/bin/sed", "s|a|b|"}}},
        {"/bin/sed s|a|b|", {{"/bin/sed", "s|a|b|"}}},
        {"/bin/sed:s | a | b |", {{"/bin/sed", "s | a | b |"}}},
        {"/bin/sed:s|/a|/b|", {{"/bin/sed", "s|/a|/b|"}}},
        {"/bin/sed:s |/a|/b|", {{"/bin/sed", "s |/a|/b|"}}},
        {"/bin/sed:s| /a| /b|", {{"/bin/sed", "s| /a| /b|"}}},
        {"/bin/sed 's | /a | /b |'", {{"/bin/sed", "s | /a | /b |"}}},
        {"/bin/sed \"x | /a\" | /bin/b", {{"/bin/sed", "x | /a"}, {"/bin/b"}}},
        {"/bin/tr '|' \\| \"|\"", {{"/bin/tr", "|", "|", "|"}}},
        {"/bin/echo a; b | c > d & $HOME |", {{"/bin/echo", "a;", "b", "|", "c", ">", "d", "&", "$HOME", "|"}}},
        {"/bin/cat |/bin/tr", {{"/bin/cat", "|/bin/tr"}}},
        {"/bin/cat | | /bin/b", {{"/bin/cat", "|"}, {"/bin/b"}}},
        {"/bin/cat 'a'| /bin/b |", {{"/bin/cat", "a|", "/bin/b", "|"}}},
        {"/bin/a:b | /bin/c | d", {{"/bin/a", "b"}, {"/bin/c", "|", "d"}}},
        {"/bin/a|/bin/b", {{"/bin/a|/bin/b"}}},
    }));
    CHECK(chain(row.text) == row.members);
}

TEST_CASE("process: before a path makes a program long-running, alone or in a chain") {
    struct Row {
        std::string text;
        std::vector<Words> members; // the first word is "+" if it is long-running, else "-"
    };
    const Row row = GENERATE(values<Row>({
        {"process:/bin/a", {{"+", "/bin/a"}}},
        {"  process:/bin/a x 'y z'", {{"+", "/bin/a", "x", "y z"}}},
        {"process:/bin/a:b c", {{"+", "/bin/a", "b c"}}},
        {"process:/bin/a:process:/bin/b", {{"+", "/bin/a", "process:/bin/b"}}},
        {"process:/bin/a | /bin/b | process:/bin/c:d", {{"+", "/bin/a"}, {"-", "/bin/b"}, {"+", "/bin/c", "d"}}},
        {"/bin/a:x | process:/bin/b", {{"-", "/bin/a", "x"}, {"+", "/bin/b"}}},
        {"/bin/a x | process:b", {{"-", "/bin/a", "x", "|", "process:b"}}},
        {"/bin/a x |process:/b", {{"-", "/bin/a", "x", "|process:/b"}}},
        {"/bin/a 'x | process:/b'", {{"-", "/bin/a", "x | process:/b"}}},
    }));
    const ParsedSpec parsed = FilterSpec::parse(row.text);
    REQUIRE(parsed.ok());
    std::vector<Words> members = chain(parsed.spec);
    for (std::size_t i = 0; i < members.size(); ++i)
        members[i].insert(members[i].begin(), parsed.spec.members()[i].lives_on ? "+" : "-");
    CHECK(members == row.members);
    CHECK(FilterSpec::parse(parsed.spec.text()).spec == parsed.spec);
    CHECK_FALSE(FilterSpec::parse("process:/bin/a").spec == FilterSpec::parse("/bin/a").spec);
}

TEST_CASE("an invalid SPEC is refused with a reason") {
    const std::string text = GENERATE(values<std::string>({
        "",
        "   ",
        "cat",
        "./cat",
        "bin/cat x",
        "'/bin/cat' x",
        ":x",
        "| /bin/cat",
        "process:",
        "process:cat",
        "process: /bin/cat",
        "process:process:/bin/cat",
        "Process:/bin/cat",
        "/bin/cat 'x",
        "/bin/cat \"x",
        "/bin/cat \"x\\\"",
        "/bin/cat x\\",
        "/bin/cat\na",
        "/bin/cat:a\rb",
        "/bin/sed:'s | /a | /b |'",
        std::string{"/bin/cat a\0b", 12},
    }));
    const ParsedSpec parsed = FilterSpec::parse(text);
    INFO(text);
    CHECK_FALSE(parsed.ok());
    CHECK(parsed.spec.empty());
    CHECK(parsed.problem.find('\n') == std::string::npos);
}

TEST_CASE("the length of a chain is limited") {
    std::string text = "/bin/cat";
    for (std::size_t i = 1; i < FilterSpec::max_members; ++i) text += " | /bin/cat";
    ParsedSpec longest = FilterSpec::parse(text);
    REQUIRE(longest.ok());
    CHECK(longest.spec.members().size() == FilterSpec::max_members);
    CHECK_FALSE(longest.spec.append(FilterSpec::parse("/bin/tr").spec));
    CHECK(longest.spec.members().size() == FilterSpec::max_members);
    CHECK_FALSE(FilterSpec::parse(text + " | /bin/cat").ok());
}

TEST_CASE("a SPEC is shown as it was written, and parses to the same SPEC") {
    const std::string text = GENERATE(values<std::string>({
        "/bin/cat",
        "/usr/bin/sed:s/e/x/g",
        "/usr/bin/sed 's/e/x/g'",
        "/bin/a:b  c ",
        "/bin/a: ",
        "/bin/a:",
        "/bin/tr a b | /bin/sed:s|a|b|",
        "process:/bin/a",
        "process:/bin/a:b ",
        "/bin/a:b | process:/bin/c x",
        "/bin/a x\\ | /bin/b",
        "/bin/a \"x | /y\" | /bin/b:' | /bin/c '' \"\"",
    }));
    const ParsedSpec parsed = FilterSpec::parse(text);
    REQUIRE(parsed.ok());
    CHECK(parsed.spec.text() == text);
    CHECK(FilterSpec::parse("  " + text).spec.text() == text);
    const std::string line = parsed.spec.text_for_a_file();
    CHECK(line.find_last_not_of(" \t") + 1 == line.size());
    CHECK(FilterSpec::parse(line).spec == parsed.spec);
}

TEST_CASE("SPECs appended to each other parse to the same chain") {
    const std::vector<std::string> texts{"process:/bin/a:b ",  "/bin/a",      "/bin/a:",         "/bin/a: ",
                                         "/bin/a:b ",          "/bin/a:|",    "/bin/a: |",       "/bin/a:' | /'",
                                         "/bin/a 'x | /y' ''", "/bin/a b\\ ", "/bin/a \"'\" |x|"};
    for (const std::string& first : texts) {
        for (const std::string& second : texts) {
            ParsedSpec both = FilterSpec::parse(first);
            const ParsedSpec next = FilterSpec::parse(second);
            if (!both.ok() || !next.ok()) continue;
            REQUIRE(both.spec.append(next.spec));
            const ParsedSpec again = FilterSpec::parse(both.spec.text());
            INFO(first << " ++ " << second << " = " << both.spec.text());
            REQUIRE(again.ok());
            CHECK(again.spec == both.spec);
        }
    }
}

TEST_CASE("the canonical form preserves any argument") {
    // White space at the end of an ARG forces the canonical form if a program follows.
    for (const std::string argument : {"x ", "'", "it's | /x ", "a\\ ", "\"$(rm) ", "\t", "ñ ", "-n ", "* "}) {
        const std::string ended = argument.back() == ' ' || argument.back() == '\t' ? argument : argument + " ";
        ParsedSpec one = FilterSpec::parse("/bin/a:" + ended);
        if (one.spec.members().size() != 1) continue;
        REQUIRE(one.spec.append(FilterSpec::parse("/bin/b").spec));
        CHECK(chain(one.spec.text()) == std::vector<Words>{{"/bin/a", ended}, {"/bin/b"}});
    }
}
