// config/config_text_test.cpp - how SAVE changes a config file, and what counts as a value.
#include "buzon/config/config_text.h"
#include "support/catch.h"

using namespace buzon::config;

TEST_CASE("a # after a blank begins a comment, unless the setting's value may contain it") {
    CHECK(config_value("timeout", "700   # long") == "700");
    CHECK(config_value("timeout", "700\t#") == "700");
    CHECK(config_value("timeout", "700#long") == "700#long");
    CHECK(config_value("timeout", "7#00 # long") == "7#00");
    CHECK(config_value("timeout", "# nothing") == "");
    CHECK(config_value("timeout", "") == "");
    CHECK(config_value("timeout", "700  ") == "700");
    CHECK(config_value("user", "ana:a # b") == "ana:a # b");
    CHECK(config_value("path", "/mail/#1 # x") == "/mail/#1 # x");
    CHECK(config_value("transform", "/bin/sed 's/ #/x/'") == "/bin/sed 's/ #/x/'");
    CHECK(config_value("mgmt-ip", "unix:/run/a #b") == "unix:/run/a #b");
}

TEST_CASE("changing a value keeps its place, its comment and all other lines") {
    const std::string text = "# the tower\n\ntimeout = 700   # long\n  port=110\t# usual\n# end\n";
    CHECK(change_config(text, {{"timeout", {"800"}}}) ==
          "# the tower\n\ntimeout = 800   # long\n  port=110\t# usual\n# end\n");
    CHECK(change_config(text, {{"port", {"2110"}}, {"timeout", {"1"}}}) ==
          "# the tower\n\ntimeout = 1   # long\n  port=2110\t# usual\n# end\n");
    CHECK(change_config(text, {}) == text);
}

TEST_CASE("settings without a line are appended, and those without a value are removed") {
    CHECK(change_config("port = 110", {{"timeout", {"800"}}}) == "port = 110\ntimeout = 800\n");
    CHECK(change_config("", {{"timeout", {"800"}}}) == "timeout = 800\n");
    CHECK(change_config("# a\nip = ::1 # six\nip = 127.0.0.1 # four\n# b\n", {{"ip", {}}}) == "# a\n# b\n");
    CHECK(change_config("ip = ::1 # six\nip = 127.0.0.1 # four\n", {{"ip", {"127.0.0.2"}}}) ==
          "ip = 127.0.0.2 # six\n");
    CHECK(change_config("ip = ::1 # six\nx = 1\n", {{"ip", {"::2", "::3"}}}) == "ip = ::2 # six\nip = ::3\nx = 1\n");
}

TEST_CASE("making the same changes twice changes nothing more") {
    const ConfigChanges changes = {{"timeout", {"800"}}, {"ip", {"::1", "::2"}}, {"port", {}}};
    const std::string once = change_config("port = 1\r\ntimeout = 5 # five\r\n#\r\n", changes);
    CHECK(change_config(once, changes) == once);
    CHECK(once.starts_with("timeout = 800 # five\r\n"));
}
