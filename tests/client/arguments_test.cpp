#include "../../src/client/arguments.h"

#include "support/catch.h"

using namespace buzon::client;
using What = Invocation::What;

namespace {

std::variant<Invocation, std::string> parse(std::vector<std::string_view> arguments, std::string_view server = {}) {
    return parse_arguments(arguments, server);
}

Invocation good(std::vector<std::string_view> arguments, std::string_view server = {}) {
    auto parsed = parse(std::move(arguments), server);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) FAIL(*wrong);
    return std::get<Invocation>(std::move(parsed));
}

bool refused(std::vector<std::string_view> arguments) {
    const auto parsed = parse(std::move(arguments));
    return std::holds_alternative<std::string>(parsed) && !std::get<std::string>(parsed).empty();
}

} // namespace

TEST_CASE("an address and a port alone start a conversation") {
    const Invocation talk = good({"::1", "1111"});
    CHECK(talk.what == What::talk);
    CHECK(talk.target.address.host == "::1");
    CHECK(talk.target.address.text() == "[::1]:1111");
    CHECK(good({"[::1]", "1111"}).target.address.host == "::1");
    CHECK(good({"mail.example", "1111"}).target.address.text() == "mail.example:1111");
    const Invocation local = good({"unix:/run/buzon"});
    CHECK(local.target.address.unix_path == "/run/buzon");
    CHECK(local.target.address.text() == "unix:/run/buzon");
}

TEST_CASE("an address without a port means port 1111, and only digits are a port") {
    CHECK(good({"::1"}).target.address.text() == "[::1]:1111");
    CHECK(good({"::1"}).what == What::talk);
    const Invocation one = good({"::1", "METR", "1112"});
    CHECK(one.target.address.text() == "[::1]:1111");
    CHECK(one.command == "METR 1112");
    CHECK(good({"mail.example", "1112", "METR"}).target.address.text() == "mail.example:1112");
    CHECK(good({"::1", "top"}).what == What::top);
    CHECK(good({"::1", "plot", "bytes"}).operands == std::vector<std::string>{"bytes"});
    CHECK(good({"--auth", "root", "localhost", "SESS"}).command == "SESS");
}

TEST_CASE("all words after the address are the command, even if they look like options") {
    CHECK(good({"::1", "1111", "METR", "*"}).command == "METR *");
    CHECK(good({"unix:/s", "TRAN", "/bin/sed", "-e", "--json"}).command == "TRAN /bin/sed -e --json");
    CHECK(good({"--", "::1", "1111", "CONF x"}).command == "CONF x");
}

TEST_CASE("options come before the address") {
    CHECK(good({"--raw", "::1", "1"}).format == Format::raw);
    CHECK(good({"--json", "--auth", "root", "::1", "1"}).admin == "root");
    CHECK(good({"--auth=a=b", "::1", "1"}).admin == "a=b");
    CHECK(good({"--help"}).what == What::help);
    CHECK(good({"--json", "-h", "x"}).what == What::help);
    CHECK(good({"-v"}).what == What::version);
}

TEST_CASE("top, plot and hash are the client's own commands") {
    CHECK(good({"::1", "1", "top"}).what == What::top);
    const Invocation plot = good({"::1", "1", "plot", "bytes", "hour"});
    CHECK(plot.what == What::plot);
    CHECK(plot.operands == std::vector<std::string>{"bytes", "hour"});
    CHECK(good({"hash"}).what == What::hash);
    CHECK(good({"hash", "SHA512-CRYPT"}).operands == std::vector<std::string>{"SHA512-CRYPT"});
    CHECK(good({"hash", "1111"}).target.address.host == "hash"); // a host with that name
}

TEST_CASE("invalid arguments are refused, never guessed") {
    CHECK(refused({}));
    CHECK(refused({"", "1"}));
    for (const char* port : {"", "0", "65536", "-1", "+1", "1x", "99999999999999999999", "--raw"}) {
        CHECK(refused({"::1", port}));
    }
    CHECK(refused({"unix:"}));
    const std::string long_path = "unix:" + std::string(108, 'x');
    CHECK(refused({long_path}));
    CHECK(refused({"--nonsense", "::1", "1"}));
    CHECK(refused({"-x", "::1", "1"}));
    CHECK(refused({"--auth"}));
    CHECK(refused({"--auth", "", "::1", "1"}));
    CHECK(refused({"--auth", "a b", "::1", "1"}));
    CHECK(refused({"--auth=a\n", "::1", "1"}));
    CHECK(refused({"--raw", "--json", "::1", "1"}));
    CHECK(refused({"--raw=1", "::1", "1"}));
    CHECK(refused({"::1", "1", ""}));
    CHECK(refused({"::1", "1", "  "}));
    CHECK(refused({"::1", "1", "top", "--x"}));
    CHECK(refused({"--json", "::1", "1", "top"}));
    CHECK(good({"--json", "::1", "1", "top", "--once"}).top.once);
    CHECK(good({"::1", "top", "--record", "f"}).top.record == "f");
    CHECK(good({"top", "f"}).top.replay == "f");
    CHECK(good({"::1", "1", "top", "f"}).top.replay == "f");
    CHECK(refused({"::1", "1", "top", "f", "g"}));
    CHECK(refused({"::1", "1", "top", "--record"}));
    CHECK(refused({"::1", "1", "top", "--record", "f", "--once"}));
    CHECK(refused({"::1", "1", "plot"}));
    CHECK(refused({"::1", "1", "plot", "a", "b", "c", "d"}));
    CHECK(refused({"hash", "a", "b"}));
}

TEST_CASE("an argument that contains a line end or a NUL is refused") {
    CHECK(refused({"::1", "1", "METR\nQUIT"}));
    CHECK(refused({"::1", "1", "METR", "x\r"}));
    CHECK(refused({"::1", "1", "METR", std::string_view{"a\0b", 3}}));
}

TEST_CASE("with a default server, all operands are the command, unless the first is an address") {
    const auto at = [](std::string_view server) { return good({}, server).target.address.text(); };
    CHECK(at("mail.example") == "mail.example:1111");
    CHECK(at("mail:1112") == "mail:1112");
    CHECK(at("::1") == "[::1]:1111");
    CHECK(at("[::1]:1112") == "[::1]:1112");
    CHECK(at("[::1]") == "[::1]:1111");
    CHECK(at("unix:/run/b:2") == "unix:/run/b:2");
    CHECK(good({"KICK", "17"}, "mail").command == "KICK 17");
    CHECK(good({"top"}, "mail").what == What::top);
    CHECK(good({"hash"}, "mail").what == What::hash);
    CHECK(good({"--server", "mail:5", "INFO"}, "other").target.address.text() == "mail:5");
    CHECK(good({"localhost", "METR"}, "mail").target.address.text() == "localhost:1111");
    CHECK(good({"10.0.0.1", "1112", "METR"}, "mail").target.address.text() == "10.0.0.1:1112");
    CHECK(good({"unix:/x", "METR"}, "mail").target.address.text() == "unix:/x");
    for (const char* bad : {":1111", "mail:0", "mail:x", "mail:", "[::1]:99999", "unix:", "a b"}) {
        CAPTURE(bad);
        CHECK(std::holds_alternative<std::string>(parse({"METR"}, bad)));
    }
    CHECK(refused({"--server=", "METR"}));
}

TEST_CASE("--timeout takes whole seconds") {
    CHECK(good({"::1"}).target.patience == std::chrono::seconds{10});
    CHECK(good({"--timeout", "3", "::1"}).target.patience == std::chrono::seconds{3});
    CHECK(good({"--timeout=90", "::1"}).target.patience == std::chrono::seconds{90});
    for (const char* bad : {"", "0", "-1", "1.5", "x", "86401"}) CHECK(refused({"--timeout", bad, "::1"}));
    CHECK(refused({"--timeout"}));
}
