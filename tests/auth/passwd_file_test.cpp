#include "support/catch.h"

#include <string>

#include "buzon/auth/passwd_file.h"

using namespace buzon::auth;

namespace {

PasswdEntry entry(std::string_view line) {
    auto parsed = parse_passwd_line(line);
    INFO(line << " -> " << parsed.why());
    REQUIRE(parsed);
    REQUIRE(parsed.value());
    return *parsed.value();
}

} // namespace

TEST_CASE("a line with two fields defines a user") {
    CHECK(entry("user1:{PLAIN}pass1").name == "user1");
    CHECK(entry("user1:{PLAIN}pass1").secret == "{PLAIN}pass1");
    CHECK(entry("user1:{PLAIN}pass1").maildir.empty());
    CHECK(entry("user1:").secret.empty()); // locked
    CHECK(entry("user1:x").secret == "x");
    CHECK(entry("user1:CCNf8Sbh3HDfQ[13]").secret == "CCNf8Sbh3HDfQ");
}

TEST_CASE("comments and empty lines are not users") {
    for (const std::string line : {"", " ", "\t ", "#", "# a: b", "#user1:{PLAIN}x"}) {
        const auto parsed = parse_passwd_line(line);
        REQUIRE(parsed);
        CHECK_FALSE(parsed.value());
    }
}

TEST_CASE("a line in the format of /etc/passwd is accepted as it is") {
    CHECK(entry("bin:*:2:2:bin:/bin:/usr/sbin/nologin").secret == "*");
    CHECK(entry("juan:x:1000:1000:Juan,,,:/home/juan:/bin/bash").maildir == "/home/juan/Maildir");
}

TEST_CASE("Dovecot's extra fields are honoured") {
    const PasswdEntry user =
        entry("a:{PLAIN}x::::::userdb_quota_rule=*:storage=1G allow_nets=192.168.0.0/24,::1 nologin=no nodelay");
    CHECK(user.allow_nets == "192.168.0.0/24,::1");
    CHECK(user.nologin); // its presence counts
    CHECK(user.nodelay);
    CHECK(entry("a:{PLAIN}x:1:1:g:/h:/s:  nologin").nologin);
    CHECK_FALSE(entry("a:{PLAIN}x:1:1:g:/h:/s:nologins=1 xnodelay").nologin);
}

TEST_CASE("the Maildir comes from the most specific field") {
    CHECK(entry("a@b.c:{PLAIN}x:::::").maildir.empty());
    CHECK(entry("a:{PLAIN}x::::/srv/a:").maildir == "/srv/a/Maildir");
    CHECK(entry("a:{PLAIN}x::::/srv/a::userdb_home=/srv/b").maildir == "/srv/b/Maildir");
    CHECK(entry("a:{PLAIN}x::::/srv/a::userdb_mail=maildir:~/mail").maildir == "/srv/a/mail");
    CHECK(entry("a:{PLAIN}x::::/srv/a::userdb_mail=maildir:~/mail:LAYOUT=fs:INBOX=~/in").maildir == "/srv/a/in");
    CHECK(entry("a:{PLAIN}x::::::userdb_mail=MAILDIR:/var/mail/%u").maildir == "/var/mail/a");
    CHECK(entry("a:{PLAIN}x::::::userdb_mail=/var/mail/a").maildir == "/var/mail/a");
    CHECK(entry("a@b.c:{PLAIN}x::::::userdb_mail_path=/var/%{user|domain}/%{user|username}").maildir == "/var/b.c/a");
    CHECK(entry("a@b.c:{PLAIN}x::::::userdb_mail=maildir:/var/%d/%n/100%%").maildir == "/var/b.c/a/100%");
    CHECK(entry("a:{PLAIN}x::::/srv/%u::userdb_mail_driver=maildir userdb_mail_path=%{home}/m").maildir == "/srv/a/m");
    CHECK(entry("a:{PLAIN}x::::/s::userdb_mail_path=~/m userdb_mail_inbox_path=~/i").maildir == "/s/i");
    CHECK(entry("a:{PLAIN}x::::/srv/a:::maildir:/old/form:INDEX=/i").maildir == "/old/form");
}

TEST_CASE("CONTROL in a mail location says where Dovecot kept its list; INDEX and LAYOUT are ignored") {
    const auto place = [](const std::string& mail) {
        const PasswdEntry found = entry("a@b.c:{PLAIN}x::::/srv/a::userdb_mail=" + mail);
        return found.maildir + ' ' + found.control;
    };
    CHECK(place("maildir:~/mail:CONTROL=/var/control/%d/%n") == "/srv/a/mail /var/control/b.c/a");
    CHECK(place("maildir:~/mail:INDEX=/i:CONTROL=~/c:LAYOUT=fs:INBOX=~/in") == "/srv/a/in /srv/a/c");
    CHECK(place("maildir:~/mail:INDEX=/i:LAYOUT=fs") == "/srv/a/mail ");
    CHECK(entry("a:{PLAIN}x::::/srv/a:::maildir:/old/form:CONTROL=/c").control == "/c");
    for (const char* const control : {"relative", "/srv/../etc", "/srv/%x"}) {
        INFO(control);
        CHECK_FALSE(parse_passwd_line(std::string{"a:{PLAIN}x::::::userdb_mail=maildir:/m:CONTROL="} + control));
    }
}

TEST_CASE("a mail location that is not a Maildir, or not an absolute path, is refused") {
    for (const std::string rest :
         {"relative", "~", "/srv/..", "/srv/../etc", "/srv/%x", "/srv/%{uid}", "/srv/%{user", "/srv/%", "%h/x"}) {
        INFO(rest);
        CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::::userdb_mail=maildir:" + rest));
    }
    for (const std::string field :
         {"userdb_mail=mbox:/var/mail/a", "userdb_mail=sdbox:~/x", "userdb_mail_driver=mbox"}) {
        CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::::" + field));
    }
    CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::home:"));
    CHECK_FALSE(parse_passwd_line("a:{PLAIN}x:::::::maildir:/My Mail")); // no other form could express it
    CHECK_FALSE(parse_passwd_line("a@..:{PLAIN}x::::::userdb_mail=maildir:/var/%d/x"));
    CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::/" + std::string(4000, 'x') + ":"));
}

TEST_CASE("a transformation may contain quoted blanks") {
    const auto transform = [](const std::string& rest) { return entry("a:{PLAIN}x::::::" + rest).transform; };
    CHECK(transform("buzon_transform=/usr/bin/sed:s/e/x/g") == "/usr/bin/sed:s/e/x/g");
    CHECK(transform("buzon_transform=\"/usr/bin/sed 's/e/x y/g'\" nodelay") == "/usr/bin/sed 's/e/x y/g'");
    CHECK(transform("nodelay buzon_transform=\"a \\\"b\\\" \\\\c\"") == "a \"b\" \\c");
    CHECK(transform("buzon_transform=\"\"").empty());
    for (const std::string wrong : {"buzon_transform=\"", "buzon_transform=\"a b", "buzon_transform=\"a\\",
                                    "buzon_transform=\"a\"b", "buzon_transform=\"a\\\""}) {
        CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::::" + wrong));
    }
}

TEST_CASE("a field that would log the user in elsewhere, as somebody else or unchecked is refused") {
    for (const std::string field :
         {"user=b", "proxy", "proxy=y host=10.0.0.1", "nopassword", "host=x", "nodelay master=x"}) {
        CHECK_FALSE(parse_passwd_line("a:{PLAIN}x::::::" + field));
    }
}

TEST_CASE("an invalid line is refused with a reason that does not show its secret") {
    for (const std::string line :
         {"hunter2", "a b:{PLAIN}hunter2", ":{PLAIN}hunter2", "../a:{PLAIN}hunter2", ".:{PLAIN}hunter2", "a:{PLAIN}",
          "a:{clear.b64}::::::nodelay", "a:{PLAIN}hunter2::::::allow_nets=hunter2",
          "a:{PLAIN}hunter2::::::allow_nets=1.2.3.4/33", "a\xff:{PLAIN}hunter2"}) {
        INFO(line);
        const auto parsed = parse_passwd_line(line);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.why().find("hunter2") == std::string::npos);
    }
    CHECK_FALSE(parse_passwd_line(std::string_view{"a:{PLAIN}x\0y", 12}));
    CHECK_FALSE(parse_passwd_line("a:{PLAIN}x\ry"));
    CHECK_FALSE(parse_passwd_line("a:{PLAIN}" + std::string(longest_passwd_line, 'x')));
}

TEST_CASE("a line with an unknown scheme or a broken hash is valid; its fault names the scheme, but not the secret") {
    for (const auto& [line, scheme] :
         {std::pair<std::string, std::string>{"a:{ARGON2ID}$argon2id$hunter2", "{ARGON2ID}"},
          {"a:{SHA512-CRYPT}hunter2", "{SHA512-CRYPT}"},
          {"a:{SCRAM-SHA-256}hunter2:1:2::/home/a", "{SCRAM-SHA-256}"},
          {"a:{PLAIN.hex}hunter2", "{PLAIN}"},
          {"a:{hunter2}x", ""},
          {"a:hunter2", ""}}) {
        INFO(line);
        const auto parsed = parse_passwd_line(line);
        REQUIRE(parsed);
        REQUIRE(parsed.value());
        CHECK(parsed.value()->name == "a");
        CHECK_FALSE(parsed.value()->secret_fault.empty());
        CHECK(parsed.value()->secret_fault.find(scheme) != std::string::npos);
        CHECK(parsed.value()->secret_fault.find("hunter2") == std::string::npos);
    }
    for (const std::string line : {"a:{PLAIN}x", "a:*", "a:", "a:!x", "a:{CRYPT}x"}) {
        INFO(line);
        CHECK(parse_passwd_line(line).value()->secret_fault.empty());
    }
}

TEST_CASE("rewriting without changes gives the same octets") {
    for (const std::string text :
         {"", "\n", "a:{PLAIN}x", "a:{PLAIN}x\n", "# c\r\n\r\na:{PLAIN}x:1:2\r\n", "garbage\n\n#a:b"}) {
        CHECK(rewrite_passwd_file(text, {}) == text);
    }
}

TEST_CASE("rewriting changes, removes or adds users, and keeps comments, order and other fields") {
    const std::string before =
        "# users\na:{PLAIN}1:1:1:g:/h:/s:nodelay\n\n#b:{PLAIN}no\nb:{PLAIN}2\n  \nc:{PLAIN}3:::::\n";
    CHECK(rewrite_passwd_file(before, {{"a", UserChange{"{PLAIN}9"}}}) ==
          "# users\na:{PLAIN}9:1:1:g:/h:/s:nodelay\n\n#b:{PLAIN}no\nb:{PLAIN}2\n  \nc:{PLAIN}3:::::\n");
    CHECK(rewrite_passwd_file(before, {{"b", UserChange{"{PLAIN}9"}}, {"c", UserChange{"*"}}}) ==
          "# users\na:{PLAIN}1:1:1:g:/h:/s:nodelay\n\n#b:{PLAIN}no\nb:{PLAIN}9\n  \nc:*:::::\n");
    CHECK(rewrite_passwd_file(before, {{"b", std::nullopt}, {"zz", std::nullopt}}) ==
          "# users\na:{PLAIN}1:1:1:g:/h:/s:nodelay\n\n#b:{PLAIN}no\n  \nc:{PLAIN}3:::::\n");
    CHECK(rewrite_passwd_file(before, {{"d", UserChange{"{PLAIN}4"}}}) == before + "d:{PLAIN}4\n");
}

TEST_CASE("rewriting keeps the file's line ends, and doing it twice changes nothing more") {
    const UserChanges changes{{"a", UserChange{"{PLAIN}9"}}, {"b", std::nullopt}, {"d", UserChange{"{PLAIN}4"}}};
    CHECK(rewrite_passwd_file("a:{PLAIN}1\r\nb:x\r\n", changes) == "a:{PLAIN}9\r\nd:{PLAIN}4\r\n");
    CHECK(rewrite_passwd_file("a:{PLAIN}1", changes) == "a:{PLAIN}9\nd:{PLAIN}4\n");
    CHECK(rewrite_passwd_file("a:{PLAIN}1\nb:x", changes) == "a:{PLAIN}9\nd:{PLAIN}4\n");
    CHECK(rewrite_passwd_file("a:", changes) == "a:{PLAIN}9\nd:{PLAIN}4\n");
    CHECK(rewrite_passwd_file("", changes) == "a:{PLAIN}9\nd:{PLAIN}4\n");
    for (const std::string text :
         {"", "a:1\nb:2", "b:2\r\na:1:2:3\r\n# x", "d:0\n", "a:x\ry\n", "a:x\r", "a:\r\n", "a:\r\r\n"}) {
        const std::string once = rewrite_passwd_file(text, changes);
        CHECK(rewrite_passwd_file(once, changes) == once);
    }
}
