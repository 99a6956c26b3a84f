#include "buzon/state/config_text.h"

#include "support/catch.h"

using namespace buzon::state;

namespace {

std::string show(std::string_view text) {
    const auto parsed = parse_config(text);
    if (const auto* wrong = std::get_if<std::size_t>(&parsed)) return "line " + std::to_string(*wrong);
    std::string shown;
    for (const ConfigLine& line : std::get<0>(parsed))
        shown.append(std::to_string(line.number) + ":")
            .append(line.name)
            .append(line.has_value ? "=" : "")
            .append(line.value) += ';';
    return shown;
}

std::string edit(std::string_view text, std::string_view name, std::vector<std::string> values) {
    return edit_config(text, name, values);
}

} // namespace

TEST_CASE("a config file is names, values, comments and nothing else") {
    CHECK(show("") == "");
    CHECK(show("# a\n\n  \t\n  # b = c\n") == "");
    CHECK(show("a=1\nb = 2 \r\n\tc  =  3 4\t\nd\ne=\n") == "1:a=1;2:b=2;3:c=3 4;4:d;5:e=;");
    CHECK(show("user = ana:a#b=c") == "1:user=ana:a#b=c;");
    CHECK(show("a=1\n=2\n") == "line 2");
    CHECK(show("a b = 1\n") == "line 1");
    CHECK(show(std::string_view{"a=\0\n", 4}) == "line 1");
}

TEST_CASE("an edit changes one value and no other octet") {
    const std::string text = "# timeouts\r\n\ttimeout  =  600  \r\n#timeout = 1\r\nhost=a";
    CHECK(edit(text, "timeout", {"700"}) == "# timeouts\r\n\ttimeout  =  700  \r\n#timeout = 1\r\nhost=a");
    CHECK(edit(text, "host", {"b"}) == "# timeouts\r\n\ttimeout  =  600  \r\n#timeout = 1\r\nhost=b");
    CHECK(edit(text, "max-per-ip", {"5"}) == text + "\r\nmax-per-ip = 5\r\n");
    CHECK(edit(text, "host", {}) == "# timeouts\r\n\ttimeout  =  600  \r\n#timeout = 1\r\n");
    CHECK(edit(text, "host", {"a"}) == text);
    CHECK(edit("", "host", {"a"}) == "host = a\n");
    CHECK(edit("verbose\n", "verbose", {"off"}) == "verbose = off\n");
    CHECK(edit("disable =\n", "disable", {"TOP"}) == "disable = TOP\n");
    CHECK(edit("x = 1\n", "x", {"1"}) == "x = 1\n");
}

TEST_CASE("a repeated option gets one line per value, in place of its old lines") {
    const std::string text = "ip = a\n# between\nip = b\nport = 1\n";
    CHECK(edit(text, "ip", {"c", "d"}) == "ip = c\n# between\nip = d\nport = 1\n");
    CHECK(edit(text, "ip", {"c"}) == "ip = c\n# between\nport = 1\n");
    CHECK(edit(text, "ip", {"c", "d", "e"}) == "ip = c\n# between\nip = d\nip = e\nport = 1\n");
    CHECK(edit("port = 1\nip = a", "ip", {"b", "c"}) == "port = 1\nip = b\nip = c\n");
}

TEST_CASE("edited values read back as they were given") {
    for (const char* text : {"", "\n", "# x", "a = 1", "a", "a =", " a=1\n b=2\n a=3\r\n", "b = 2\n#a = 1\n\n"}) {
        for (const std::vector<std::string>& values : {std::vector<std::string>{}, {"1"}, {"x y"}, {"#", "=", "1"}}) {
            const std::string edited = edit(text, "a", values);
            CAPTURE(text, edited);
            const auto parsed = parse_config(edited);
            REQUIRE(parsed.index() == 0);
            std::vector<std::string> found;
            for (const ConfigLine& line : std::get<0>(parsed))
                if (line.name == "a") found.emplace_back(line.value);
            CHECK(found == values);
            CHECK(edit(edited, "a", values) == edited);
        }
    }
}
