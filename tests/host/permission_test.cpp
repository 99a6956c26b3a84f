// Which programs a host starts, whoever asks: the operator's configuration decides (filter/rules.h).
#include <cerrno>
#include <filesystem>

#include "buzon/sandbox/landlock.h"
#include "host_process.h"

using namespace buzon;
using filter::FilterSpec;
using filter::Rules;

namespace {

FilterSpec spec_of(const std::string& text) {
    filter::ParsedSpec parsed = FilterSpec::parse(text);
    REQUIRE(parsed.ok());
    return parsed.spec;
}

Rules naming(const std::string& spec) {
    Rules rules;
    rules.specs.push_back(spec_of(spec));
    return rules;
}

HostOrders for_mail(const std::vector<Rules>& rules) {
    return {.what = keeper::host_of_mail, .rules = rules};
}

} // namespace

TEST_CASE("a host for mail starts the programs that the configuration names, with those arguments, and nothing else") {
    HostProcess host{for_mail({naming("/bin/echo one | /bin/echo two 3"), naming("/bin/cat")})};
    CHECK(host.run("/bin/echo", {"one"}).output == "one\n");
    CHECK(host.run("/bin/echo", {"two", "3"}).output == "two 3\n");
    CHECK(host.run("/bin/cat").output == "input\n"); // from earlier rules
    CHECK(host.refusal("/bin/echo") == EPERM);
    CHECK(host.refusal("/bin/echo", {"two"}) == EPERM);
    CHECK(host.refusal("/bin/echo", {"one", "more"}) == EPERM);
    CHECK(host.refusal("/bin/sh", {"-c", "id"}) == EPERM);
    CHECK(host.refusal("/bin/../bin/echo", {"one"}) == EPERM);
    CHECK(host.run("/bin/echo", {"one"}).output == "one\n"); // and it continues to serve
}

TEST_CASE("a host for mail starts programs in folders that managers may choose from, with any arguments") {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path("allowed"));
    std::filesystem::create_symlink("/bin/cat", directory.path("allowed/link"));
    const std::string program = directory.file("allowed/program", "#!/bin/sh\necho \"$@\"\n", 0755);
    const std::string other = directory.file("program", "#!/bin/sh\n", 0755);
    Rules rules;
    rules.folders.push_back(directory.path("allowed"));
    HostProcess host{for_mail({rules})};
    CHECK(host.run(program, {"any", "thing"}).output == "any thing\n");
    CHECK(host.refusal(other) == EPERM);
    CHECK(host.refusal(directory.path("allowed/../program")) == EPERM);
    CHECK(host.refusal(directory.path("allowed/link")) == EPERM);
    CHECK(host.refusal("/no/such/program") == EPERM);
}

TEST_CASE("a host without rules starts nothing, and one whose managers may choose freely starts anything") {
    for (const auto& rules : {std::vector<Rules>{}, std::vector{Rules{}}}) {
        HostProcess host{for_mail(rules)};
        CHECK(host.refusal("/bin/true") == EPERM);
    }
    Rules any;
    any.any = true;
    HostProcess host{for_mail({any})};
    CHECK(host.run("/bin/echo", {"x"}).output == "x\n");
}

TEST_CASE("a host for logins starts the operator's login programs, and no program for mail") {
    Rules rules = naming("/bin/cat");
    rules.login_specs.push_back(spec_of("/bin/echo x"));
    rules.any = true;
    HostProcess host{{.what = keeper::host_of_logins, .rules = {rules}}};
    CHECK(host.run("/bin/echo", {"x"}).output == "x\n");
    std::vector<std::string> with_last = {"x"};
    for (const std::string& word : filter::last_login_program()) with_last.push_back(word);
    CHECK(host.run("/bin/echo", with_last).output.starts_with("x /bin/sh -c "));
    with_last.back() = "id";
    CHECK(host.refusal("/bin/echo", with_last) == EPERM);
    CHECK(host.refusal("/bin/cat") == EPERM);
    CHECK(host.refusal("/bin/sh", {"-c", "id"}) == EPERM);
}

TEST_CASE("no environment variable can change which code a program runs") {
    HostProcess host{for_mail({naming("/usr/bin/env")})};
    CHECK(host.run("/usr/bin/env").output.find("BUZON_USER=ana\n") != std::string::npos);
    host.environment.path = "/tmp:/usr/bin";
    CHECK(host.refusal("/usr/bin/env") == EPERM);
    host.environment = {};
    host.environment.lang = "C.UTF-8\nLD_PRELOAD=/tmp/x"; // one variable, with another value
    CHECK(host.refusal("/usr/bin/env") == EPERM);
}

TEST_CASE("the configuration's jail applies, whatever the reactor says") {
    if (sandbox::landlock_version() == 0) return;
    const TemporaryDirectory directory;
    const std::string secret = directory.file("secret", "hidden\n");
    const std::string shown = directory.file("shown", "shown\n");
    Rules rules;
    rules.any = true;
    rules.jail = filter::Jail{filter::JailKind::standard, {secret}, {}};
    HostProcess host{for_mail({rules})};
    CHECK(host.run("/bin/cat", {secret}).output == "");
    CHECK(host.run("/bin/cat", {shown}).output == "shown\n");
    host.jail = {filter::JailKind::standard, {shown}, {}}; // more may be hidden
    CHECK(host.run("/bin/cat", {secret}).output == "");
    CHECK(host.run("/bin/cat", {shown}).output == "");
}

TEST_CASE("rules are decoded as they were encoded, and invalid ones are refused") {
    Rules rules = naming("/bin/sed 's/a b/c/' | process:/usr/bin/mark");
    rules.login_specs.push_back(spec_of("/bin/login:x y"));
    rules.folders = {"/usr/lib/buzon"};
    rules.any = true;
    rules.jail = filter::Jail{filter::JailKind::strict, {"/a", "/b"}, {"/c"}};
    const std::string text = encode(rules);
    const auto same = filter::decode_rules(text);
    REQUIRE(same);
    CHECK(same->specs == rules.specs);
    CHECK(same->login_specs == rules.login_specs);
    CHECK(same->folders == rules.folders);
    CHECK(same->any);
    CHECK(same->jail == rules.jail);
    CHECK(filter::decode_rules("")->jail == std::nullopt);
    for (const std::string& odd : {text.substr(0, text.size() - 1), std::string(1, '\0'), std::string{"x/bin\0", 6},
                                   std::string{"srelative\0", 10}, std::string{"h/a\0", 4}, std::string{"j9\0", 3}})
        CHECK_FALSE(filter::decode_rules(odd));
}
