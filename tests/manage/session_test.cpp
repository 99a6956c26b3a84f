#include "buzon/manage/session.h"

#include <set>

#include "buzon/line/command_line.h"
#include "buzon/manage/forms.h"
#include "fake_host.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::manage;

TEST_CASE("the greeting and the replies to NOOP and QUIT are as documented") {
    Manager manager;
    std::string out;
    manager.session.greet(out);
    CHECK(out == "+OK buzon management ready\r\n");
    CHECK(manager.say("NOOP") == "+OK done\r\n");
    CHECK(manager.say("noop") == "+OK done\r\n");
    CHECK(manager.say("QUIT") == "+OK goodbye\r\n");
    CHECK(manager.asked<Closing>());
}

TEST_CASE("METR shows the four main metrics, all metrics, or one") {
    Manager manager;
    manager.host.numbers.messages = 3;
    manager.host.numbers.bytes = 4'000'000'000'000;
    manager.host.numbers.online = 2;
    manager.host.numbers.historic = 9;
    CHECK(manager.say("METR") == "+OK 3;4000000000000;2;9\r\n");
    CHECK(manager.say("METR ") == "+OK 3;4000000000000;2;9\r\n");
    CHECK(manager.say("metr historic") == "+OK 9\r\n");
    CHECK(manager.say("METR HISTORIC").starts_with("-ERR"));
    CHECK(manager.say("METR nothing").starts_with("-ERR"));
    const std::string all = manager.say("METR *");
    CHECK(all.starts_with("+OK\r\nmessages 3\r\nbytes 4000000000000\r\nonline 2\r\nhistoric 9\r\n"));
    CHECK(all.ends_with("\r\n.\r\n"));
    for (const auto& one : state::metric_series()) CHECK(all.find("\r\n" + one.name + " ") != std::string::npos);
    CHECK(manager.say("METR ALL") == all);
    CHECK(manager.say("METR all") == all);
}

TEST_CASE("METR ? explains every metric in one line: name, type, unit, meaning") {
    Manager manager;
    const std::string all = manager.say("METR ?");
    CHECK(all.starts_with("+OK\r\nmessages counter - Messages retrieved whole by RETR.\r\nbytes counter octets "));
    std::size_t lines = 0;
    for (std::size_t at = all.find('\n'); at != std::string::npos; at = all.find('\n', at + 1)) ++lines;
    CHECK(lines == state::metric_series().size() + 2);
    for (const auto& one : state::metric_series()) {
        CAPTURE(one.name);
        CHECK(all.find("\r\n" + one.name + (one.gauge ? " gauge " : " counter ")) != std::string::npos);
        CHECK(one.unit.find(' ') == std::string::npos);
        CHECK(one.meaning.ends_with("."));
    }
    CHECK(manager.say("METR ? logins-plain-ok") ==
          "+OK\r\nlogins-plain-ok counter - Logins by mechanism and result: mechanism plain, result ok.\r\n.\r\n");
    CHECK(manager.say("METR  ?\tretr-time-p99").find("retr-time-p99 gauge microseconds ") != std::string::npos);
    CHECK(manager.say("METR ? retr-time-count").find("retr-time-count counter - ") != std::string::npos);
    CHECK(manager.say("METR ? nothing").starts_with("-ERR"));
    CHECK(manager.say("METR ? bytes online").starts_with("-ERR"));
}

TEST_CASE("METR has five counters for each program that mail has passed through, under names without blanks") {
    Manager manager;
    state::ProgramCounts& sed = manager.host.numbers.counts_of("/usr/bin/sed");
    sed.changed = 7;
    sed.microseconds = 9000;
    manager.host.numbers.counts_of("process:/opt/a \xff").restarts = 2;
    const std::string all = manager.say("METR *");
    CHECK(all.find("\r\nfilter-same:/usr/bin/sed 0\r\nfilter-changed:/usr/bin/sed 7\r\nfilter-failed:/usr/bin/sed 0\r\n"
                   "filter-microseconds:/usr/bin/sed 9000\r\nfilter-restarts:/usr/bin/sed 0\r\n") != std::string::npos);
    CHECK(manager.say("METR filter-changed:/usr/bin/sed") == "+OK 7\r\n");
    CHECK(manager.say("METR filter-restarts:process:/opt/a%20%FF") == "+OK 2\r\n");
    CHECK(manager.say("METR filter-same:/none").starts_with("-ERR"));
    CHECK(
        manager.say("METR ? filter-microseconds:/usr/bin/sed") ==
        "+OK\r\nfilter-microseconds:/usr/bin/sed counter microseconds Time from the start to the end of all messages: "
        "program /usr/bin/sed.\r\n.\r\n");
    CHECK(manager.say("METR ?").find("\r\nfilter-same:process:/opt/a%20%FF counter - ") != std::string::npos);
}

TEST_CASE("words are separated by any number of blanks and tabs, except before a password") {
    Manager manager{true};
    CHECK(manager.say("INFO  *") == manager.say("INFO *"));
    CHECK(manager.say("INFO\t \t*  ") == manager.say("INFO *"));
    CHECK(manager.say("METR  online") == "+OK 0\r\n");
    CHECK(manager.say("USER  LIST\t") == manager.say("USER LIST"));
    CHECK(manager.say("HIST  bytes\tminute   1") == manager.say("HIST bytes minute 1"));
    CHECK(manager.say("CONF   timeout") == "+OK 600\r\n");
    CHECK(manager.say("CONF \t?  timeout") == manager.say("CONF ? timeout"));
    CHECK(manager.say("DIRR   /srv/mail").empty());
    CHECK(manager.asked<ChangeDirectory>()->path == "/srv/mail");
    CHECK(manager.done({}) == "+OK done\r\n");
    CHECK(manager.say("TRAN  FOR   user1   0").empty());
    CHECK(manager.say("USER \t ADD   eve   pass").empty());
    CHECK(manager.asked<AddUser>()->name == "eve");
    CHECK(manager.asked<AddUser>()->secret == "  pass");
}

TEST_CASE("a bare +OK says that lines follow, and no other reply has them") {
    for (const Form& form : forms()) {
        Manager manager{true, true};
        manager.host.rows[1] = {.id = 1, .user = "user1"};
        manager.host.transforms["user1"] = "off";
        std::string line{form.keyword};
        std::string_view rest = form.arguments;
        for (std::string_view word = line::take_word(rest); !word.empty(); word = line::take_word(rest)) {
            std::string_view one = word.substr(word.starts_with('[') ? 1 : 0);
            one = one.substr(0, one.find_first_of("|.]"));
            if (word.starts_with('[')) continue;
            const std::string value = one == "metric"    ? "online"
                                      : one == "setting" ? "timeout"
                                      : one == "value"   ? "700"
                                      : one == "port"    ? "110"
                                      : one == "id"      ? "1"
                                      : one == "command" ? "METR"
                                      : one == "user"    ? "user1"
                                                         : std::string{one};
            line += ' ' + value;
        }
        CAPTURE(line);
        CHECK(form_of(line) == &form);
        std::string reply = manager.say(line);
        if (reply.empty()) reply = manager.done({});
        if (form.reply == ReplyForm::line) {
            CHECK(reply.starts_with(form.keyword == "AUTH" && reply.starts_with("-ERR") ? "-ERR" : "+OK "));
            CHECK(reply.find('\n') == reply.size() - 1);
        } else {
            CHECK(reply.starts_with("+OK\r\n"));
        }
    }
}

TEST_CASE("INFO shows host, mail root and address") {
    Manager manager;
    CHECK(manager.say("INFO") == "+OK mail.example.org;/var/mail;::\r\n");
    CHECK(manager.say("INFO *") == "+OK\r\nhost mail.example.org\r\nbasedir /var/mail\r\nip ::\r\nport "
                                   "1110\r\ntransform off\r\nversion 1\r\n.\r\n");
    CHECK(manager.say("INFO all") == manager.say("INFO *"));
    CHECK(manager.say("INFO some").starts_with("-ERR"));
}

TEST_CASE("a path with a line end in it cannot forge a reply") {
    Manager manager;
    manager.host.root = "/a\r\n-ERR b";
    CHECK(manager.say("INFO") == "+OK mail.example.org;/a?"
                                 "?-ERR b;::\r\n");
    manager.host.names = {".", "..x", "a\nb"};
    CHECK(manager.say("USER LIST") == "+OK\r\n..\r\n...x\r\na?b\r\n.\r\n");
}

TEST_CASE("PORT accepts only a valid port number, and reports which port is bound") {
    Manager manager;
    CHECK(manager.say("PORT") == "+OK 1110\r\n");
    for (const char* bad : {"PORT x", "PORT -1", "PORT +1", "PORT 65536", "PORT 1 2", "PORT 0x10", "PORT 1.5",
                            "PORT 99999999999999999999"}) {
        CHECK(manager.say(bad).starts_with("-ERR"));
        CHECK(manager.asked<Answered>());
    }
    CHECK(manager.say("port 2110").empty());
    REQUIRE(manager.asked<ChangePort>());
    CHECK(manager.asked<ChangePort>()->port == 2110);
    CHECK(manager.done({true, "2110"}) == "+OK 2110\r\n");
    CHECK(manager.say("PORT 80").empty());
    CHECK(manager.done({false, "port 80: Permission denied"}) == "-ERR port 80: Permission denied\r\n");
    CHECK(manager.say("PORT 0").empty());
}

TEST_CASE("IPV6, DIRR and HOST show the current value, or pass on a new one") {
    Manager manager{true};
    CHECK(manager.say("IPV6") == "+OK ::\r\n");
    CHECK(manager.say("IPV6 ::1").empty());
    CHECK(manager.asked<ChangeAddress>()->address == "::1");
    CHECK(manager.done({true, "::1"}) == "+OK ::1\r\n");
    CHECK(manager.say("IPV6 ::1 ::2").starts_with("-ERR"));
    CHECK(manager.say("DIRR") == "+OK /var/mail\r\n");
    CHECK(manager.say("DIRR /srv/old mail").empty());
    CHECK(manager.asked<ChangeDirectory>()->path == "/srv/old mail");
    CHECK(manager.done({true, "/srv/old mail"}) == "+OK /srv/old mail\r\n");
    CHECK(manager.say("HOST") == "+OK mail.example.org\r\n");
    CHECK(manager.say("HOST new.example.org").empty());
    REQUIRE(manager.asked<ChangeSetting>());
    manager.host.values.host = "new.example.org";
    CHECK(manager.done({}) == "+OK new.example.org\r\n");
    for (const char* bad : {"HOST a b", "HOST a..b", "HOST -a", "HOST a;b", "HOST [::1]", "HOST ."})
        CHECK(manager.say(bad).starts_with("-ERR"));
}

TEST_CASE("TRAN shows, switches and sets the transformation, for all users or for one") {
    Manager manager{true};
    CHECK(manager.say("TRAN") == "+OK off\r\n");
    manager.host.transforms[""] = "on /bin/sed:s/e/x/g";
    CHECK(manager.say("TRAN") == "+OK on /bin/sed:s/e/x/g\r\n");
    CHECK(manager.say("TRAN 0").empty());
    CHECK(manager.asked<ChangeTransform>()->how == Switch::off);
    CHECK(manager.done({true, "off"}) == "+OK off\r\n");
    CHECK(manager.say("TRAN 1").empty());
    CHECK(manager.asked<ChangeTransform>()->how == Switch::on);
    CHECK(manager.done({false, "no program has been set"}) == "-ERR no program has been set\r\n");
    CHECK(manager.say("TRAN /bin/sed 's/a b/c  d/'").empty());
    CHECK(manager.asked<ChangeTransform>()->how == Switch::set);
    CHECK(manager.asked<ChangeTransform>()->spec == "/bin/sed 's/a b/c  d/'");
    CHECK_FALSE(manager.asked<ChangeTransform>()->user);
    CHECK(manager.done({true, "on /bin/sed 's/a b/c  d/'"}) == "+OK on /bin/sed 's/a b/c  d/'\r\n");

    manager.host.transforms["user1"] = "on /bin/cat";
    CHECK(manager.say("TRAN FOR user1") == "+OK on /bin/cat\r\n");
    CHECK(manager.say("TRAN FOR nobody").starts_with("-ERR"));
    CHECK(manager.say("TRAN FOR").starts_with("-ERR"));
    CHECK(manager.say("tran for user1 0").empty());
    CHECK(manager.asked<ChangeTransform>()->user == "user1");
    CHECK(manager.asked<ChangeTransform>()->how == Switch::off);
    (void)manager.done({});
    CHECK(manager.say("TRAN FOR user1 /bin/tr a b").empty());
    CHECK(manager.asked<ChangeTransform>()->spec == "/bin/tr a b");
}

TEST_CASE("HELP shows every command once, in groups, with an example that fits a form") {
    Manager manager;
    const std::string help = manager.say("HELP");
    std::set<std::string_view> keywords;
    for (std::size_t i = 0; i < command_count(); ++i) {
        const std::string_view keyword = command_help(i).keyword;
        CHECK(keywords.insert(keyword).second);
        CHECK(help.find("\r\n" + std::string{keyword} + " ") != std::string::npos);
        REQUIRE(form_of(example_of(keyword)) != nullptr);
        CHECK(form_of(example_of(keyword))->keyword == keyword);
    }
    for (const Form& form : forms()) CHECK(keywords.contains(form.keyword));
    for (const Group& group : groups()) CHECK(help.find("\r\n" + std::string{group.title} + ":") != std::string::npos);
    std::string_view rest = help;
    for (std::size_t end = rest.find("\r\n"); end != std::string_view::npos; end = rest.find("\r\n")) {
        CHECK(end <= 79);
        rest.remove_prefix(end + 2);
    }
}

TEST_CASE("HELP with a command shows its forms, and HELP CONF the settings by topic, not their current values") {
    Manager manager;
    manager.host.values.timeout = std::chrono::seconds{777};
    CHECK(manager.say("HELP  port").starts_with("+OK\r\nPORT - the POP3 port\r\n    served; one line\r\nPORT port - "));
    CHECK(manager.say("HELP nope").starts_with("-ERR"));
    const std::string settings = manager.say("HELP CONF");
    CHECK(settings.find("\r\nCONF setting value... - change it\r\n    guarded; one line; -ERR: ") != std::string::npos);
    CHECK(settings.find("\r\nSessions:\r\ntimeout 600 - ") != std::string::npos);
    CHECK(settings.find("777") == std::string::npos);
    for (const auto& topic : state::setting_topics()) CHECK(state::find_setting(topic.first_setting) != nullptr);
    for (const auto& field : state::setting_fields())
        CHECK(settings.find("\r\n" + std::string{field.name} + " ") != std::string::npos);
}

TEST_CASE("keywords are whole words") {
    Manager manager;
    for (const char* bad : {"METRX", "MET", "", " METR", "METR\t*x", "M", "\xC3\xA9", "METRO", "DRAINS"})
        CHECK(manager.say(bad).starts_with("-ERR"));
    CHECK(manager.say(std::string_view{"NOOP\0", 5}).starts_with("-ERR"));
    CHECK(manager.say("NOOP\x1b[2J").starts_with("-ERR"));
}

TEST_CASE("fifty unrecognized lines in a row end the session, and refused arguments do not count") {
    Manager manager;
    for (int i = 0; i < 49; ++i) {
        CHECK(manager.say("XYZZ").starts_with("-ERR"));
        CHECK(manager.asked<Answered>());
    }
    CHECK(manager.say("PORT x").starts_with("-ERR")); // a known command: the count begins again
    for (int i = 0; i < 48; ++i) (void)manager.say("XYZZ");
    std::string out;
    CHECK(std::holds_alternative<Answered>(manager.session.too_long(out)));
    CHECK(manager.say("XYZZ").starts_with("-ERR"));
    CHECK(manager.asked<Closing>());
}

TEST_CASE("the first line of another protocol gets one error, and the connection is closed") {
    for (const std::string_view first : {"GET / HTTP/1.1", "POST /x HTTP/1.0", "METR HTTP/1.1", "\x16\x03\x01"}) {
        Manager manager;
        CHECK(manager.say(first).starts_with("-ERR"));
        CHECK(manager.asked<Closing>());
    }
    CHECK(Session::is_foreign("\x16"));
    CHECK_FALSE(Session::is_foreign("M"));
    CHECK_FALSE(Session::is_foreign(""));
    Manager manager;
    (void)manager.say("NOOP");
    CHECK(manager.say("GET / HTTP/1.1").starts_with("-ERR"));
    CHECK(manager.asked<Answered>()); // later it is only an unknown command
    Manager fresh;
    std::string out;
    CHECK(std::holds_alternative<Closing>(fresh.session.too_long(out)));
}
