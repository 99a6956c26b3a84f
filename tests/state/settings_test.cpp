#include "buzon/state/settings.h"

#include <chrono>
#include <set>

#include "support/catch.h"

using namespace buzon::state;

TEST_CASE("every setting prints what it parses, and has a meaning and a unique name") {
    std::set<std::string_view> names;
    Settings settings;
    settings.host = "mail.example.org";
    for (const SettingField& field : setting_fields()) {
        CAPTURE(std::string{field.name});
        CHECK(names.insert(field.name).second);
        CHECK(field.meaning.size() > 10);
        CHECK(field.meaning.find('\n') == std::string_view::npos);
        const std::string before = print_setting(settings, field);
        CHECK_FALSE(change_setting(settings, field.name, before).has_value());
        CHECK(print_setting(settings, field) == before);
        CHECK(find_setting(field.name) == &field);
    }
    CHECK(find_setting("time") == nullptr);
    CHECK(find_setting("TIMEOUT") == nullptr);
}

TEST_CASE("a client has three minutes to log in by default") {
    CHECK(Settings{}.login_timeout == std::chrono::minutes{3});
}

TEST_CASE("numbers are accepted at their bounds, and refused beyond them without any change") {
    for (const SettingField& field : setting_fields()) {
        if (field.max == 0) continue;
        CAPTURE(std::string{field.name});
        Settings settings;
        CHECK_FALSE(change_setting(settings, field.name, std::to_string(field.min)).has_value());
        CHECK(print_setting(settings, field) == std::to_string(field.min));
        CHECK_FALSE(change_setting(settings, field.name, std::to_string(field.max)).has_value());
        CHECK(print_setting(settings, field) == std::to_string(field.max));
        for (const std::string& bad : {std::to_string(field.max + 1), std::string{"-1"}, std::string{"+1"},
                                       std::string{""}, std::string{"1x"}, std::string{" 1"}, std::string{"0x1"},
                                       std::string{"18446744073709551616"}, std::string{"1e3"}, std::string{"1.0"}}) {
            const auto wrong = change_setting(settings, field.name, bad);
            REQUIRE(wrong.has_value());
            CHECK(wrong->find(std::to_string(field.max)) != std::string::npos); // says what is allowed
            CHECK(print_setting(settings, field) == std::to_string(field.max));
        }
        if (field.min > 0) CHECK(change_setting(settings, field.name, std::to_string(field.min - 1)).has_value());
    }
}

TEST_CASE("changing a setting as text changes its typed member") {
    Settings settings;
    CHECK(settings.timeout == std::chrono::minutes{10});
    CHECK(settings.transform_hold == 65536);
    CHECK_FALSE(change_setting(settings, "timeout", "30").has_value());
    CHECK(settings.timeout == std::chrono::seconds{30});
    CHECK_FALSE(change_setting(settings, "undelete-grace", "7").has_value());
    CHECK(settings.undelete_grace == std::chrono::days{7});
    for (const char* bad : {"", " %u", "%u ", "%u\n", "\xC3\xB1"})
        CHECK(change_setting(settings, "uidl-format", bad).has_value());
    CHECK(change_setting(settings, "uidl-format", std::string(201, 'u')).has_value());
    CHECK(settings.uidl_format == "%08Xu%08Xv");
    CHECK_FALSE(change_setting(settings, "uidl-format", "%{uid | hex(8)}").has_value());
    CHECK(settings.uidl_format == "%{uid | hex(8)}");
    CHECK_FALSE(change_setting(settings, "uidl", "courier").has_value());
    CHECK(settings.uidl == UidlSource::courier);
    CHECK_FALSE(change_setting(settings, "sessions", "shared").has_value());
    CHECK(settings.sessions == SessionRule::shared);
    CHECK_FALSE(change_setting(settings, "log-level", "debug").has_value());
    CHECK(settings.log_level == Level::debug);
    CHECK_FALSE(change_setting(settings, "verbose", "on").has_value());
    CHECK(settings.verbose);
    CHECK(change_setting(settings, "verbose", "perhaps") == "verbose: on or off");
    CHECK(change_setting(settings, "sessions", "some") == "sessions: one of exclusive, shared");
    CHECK(change_setting(settings, "nothing", "1").has_value());
}

TEST_CASE("only optional commands can be disabled, in any case") {
    Settings settings;
    CHECK_FALSE(change_setting(settings, "disable", "top,Uidl").has_value());
    CHECK(settings.disable == CommandSet{Pop3Command::top, Pop3Command::uidl});
    CHECK(print_setting(settings, *find_setting("disable")) == "TOP,UIDL");
    for (const char* bad :
         {"RETR", "TOP,", ",", "TOP UIDL", "TO", "TOPS", "unknown", "TOP,,UIDL", "none,TOP", ",TOP"}) {
        CHECK(change_setting(settings, "disable", bad).has_value());
        CHECK(settings.disable.contains(Pop3Command::top));
    }
    CHECK_FALSE(change_setting(settings, "disable", "none").has_value());
    CHECK(settings.disable.empty());
    CHECK(parse_command_set("")->empty());
    CHECK(
        parse_command_set("top, Uidl,USER,PASS,APOP,AUTH,CAPA,UTF8,LANG,SEARCH,REPORT")->contains(Pop3Command::report));
}

TEST_CASE("a host name is a plain DNS name") {
    for (const char* good : {"a", "mail", "mail.example.org", "3com.com", "a-b.c"}) CHECK(is_host_name(good));
    CHECK(is_host_name(std::string(63, 'a') + ".b"));
    CHECK_FALSE(is_host_name(std::string(64, 'a')));
    std::string long_name;
    while (long_name.size() < 252) long_name += "a.";
    CHECK(is_host_name(long_name + "b")); // 253
    CHECK_FALSE(is_host_name(long_name + "bc"));
    for (const char* bad : {"", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a;b", "::1", "a\n", "\xC3\xB1.es"})
        CHECK_FALSE(is_host_name(bad));
}

TEST_CASE("values accept the units of their type and nothing else") {
    Settings settings;
    const auto set = [&](const char* name, const char* value) { return !change_setting(settings, name, value); };
    const auto shown = [&](const char* name) { return print_setting(settings, *find_setting(name)); };
    for (const auto& [text, seconds] :
         {std::pair{"90s", "90"}, {"10m", "600"}, {"2h", "7200"}, {"7d", "604800"}, {"5", "5"}}) {
        CHECK(set("timeout", text));
        CHECK(shown("timeout") == seconds);
    }
    for (const auto& [text, octets] :
         {std::pair{"1K", "1024"}, {"3M", "3145728"}, {"2G", "2147483648"}, {"1024G", "1099511627776"}}) {
        CHECK(set("max-message-size", text));
        CHECK(shown("max-message-size") == octets);
    }
    CHECK(set("undelete-grace", "30d"));
    CHECK(shown("undelete-grace") == "30");
    for (const char* bad : {"8d", "0m", "m", "1m30s", "10 m", "1.5h", "10M", "1w", "-1m", "99999999999999999999s"})
        CHECK_FALSE(set("timeout", bad));
    for (const char* bad : {"1025G", "1k", "1KB", "K", "18014398509481984K", "5m"})
        CHECK_FALSE(set("max-message-size", bad));
    CHECK_FALSE(set("max-per-ip", "1K")); // a count is not a size
    CHECK_FALSE(set("undelete-grace", "24h"));
    CHECK(shown("timeout") == "5");
    CHECK(change_setting(settings, "timeout", "x") ==
          "timeout: a whole number of seconds from 1 to 604800; units s m h d");
    CHECK(change_setting(settings, "transform-hold", "x") ==
          "transform-hold: a whole number of octets from 0 to 16777216; units K M G");
}
