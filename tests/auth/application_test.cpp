#include "buzon/auth/application.h"

#include "buzon/auth/user_base.h"
#include "support/catch.h"

using namespace buzon::auth;

namespace {

std::string fault_of_value(std::string_view value) {
    return read_application_secret(value).application.fault;
}

} // namespace

TEST_CASE("an application password has a label, a secret, and limits in any order") {
    const auto [phone, secret] = read_application_secret("phone:{PLAIN}a:b=c;rights=read;nets=192.0.2.0/24,local");
    CHECK(phone.fault.empty());
    CHECK(phone.label == "phone");
    CHECK(phone.limits == ";rights=read;nets=192.0.2.0/24,local");
    CHECK(secret == "{PLAIN}a:b=c");
    CHECK(phone.rights == Rights::read);
    CHECK_FALSE(phone.expires);
    CHECK(allows(phone, Source::parse("192.0.2.77")));
    CHECK(allows(phone, std::nullopt));
    CHECK_FALSE(allows(phone, Source::parse("198.51.100.1")));

    const auto tv = parse_application("tv;expires=2028-02-29;rights=keep");
    REQUIRE(tv);
    using namespace std::chrono_literals;
    CHECK(tv.value().expires == std::chrono::sys_days{2028y / 2 / 29});
    CHECK(tv.value().rights == Rights::keep);
    CHECK(allows(tv.value(), Source::parse("198.51.100.1")));
}

TEST_CASE("an invalid application password is reported without showing its secret, and cannot be used") {
    for (const std::string value : {"",
                                    "geheim",
                                    "{PLAIN}geheim",
                                    ":{PLAIN}geheim",
                                    "a b:{PLAIN}geheim",
                                    "l\303\251:{PLAIN}geheim",
                                    "abcdefghijklmnopqrstuvwxyz0123456:{PLAIN}geheim",
                                    "p:geheim",
                                    "p:{PLAIN}",
                                    "p:",
                                    "p:!",
                                    "p:{NOSUCH}geheim",
                                    "p:{PLAIN}geheim;",
                                    "p:{PLAIN}geheim;rights",
                                    "p:{PLAIN}geheim;rights=",
                                    "p:{PLAIN}geheim;rights=none",
                                    "p:{PLAIN}geheim;right=read",
                                    "p:{PLAIN}geheim;RIGHTS=read",
                                    "p:{PLAIN}geheim;expires=2027-02-29",
                                    "p:{PLAIN}geheim;expires=27-02-01",
                                    "p:{PLAIN}geheim;expires=",
                                    "p:{PLAIN}geheim;nets=",
                                    "p:{PLAIN}geheim;nets=192.0.2.0/33",
                                    "p:{PLAIN}geheim;broken=",
                                    "p:{SHA256.hex}geheim"}) {
        const std::string fault = fault_of_value(value);
        CHECK_FALSE(fault.empty());
        CHECK(fault.find("geheim") == fault.npos);
        CHECK(read_application_secret(value).secret.empty());
    }
}

TEST_CASE("a bad application password disables only itself, and is reported with its line number") {
    std::vector<Finding> findings;
    const auto loaded = UserBase::load({},
                                       "ana:{PLAIN}a::::::buzon_secret=phone:{PLAIN}x buzon_secret=tv:{NOSUCH}y "
                                       "buzon_secret=phone:{PLAIN}z nologin=\n"
                                       "bo:{NOSUCH}b::::::buzon_secret=phone:{PLAIN}x\n",
                                       &findings);
    REQUIRE(loaded);
    std::string all;
    for (const Finding& one : findings) all += std::to_string(one.line) + ' ' + one.what + (one.fatal ? " !\n" : "\n");
    CHECK(all == "1 ana: application password tv: unknown password scheme {NOSUCH}; nobody can log in with it\n"
                 "1 ana: application password phone: an earlier one has the same label; nobody can log in with it\n"
                 "2 bo: unknown password scheme {NOSUCH}; this user can log in only with an application password\n");
    CHECK(loaded.value().users.broken_count() == 2);
    const UserBase base{UserBlock{}};
    const std::string text{loaded.value().users.user(0).applications};
    const auto applications = applications_in(text);
    REQUIRE(applications.size() == 3);
    CHECK(applications[0].fault.empty());
    CHECK(applications[1].label == "tv");
    CHECK(applications[1].fault == "unknown password scheme {NOSUCH}");
    CHECK(to_text(applications) == text);
    CHECK(loaded.value().users.bytes().find("{PLAIN}") == std::string_view::npos);
}

TEST_CASE("a user has at most 32 application passwords") {
    std::string line = "ana:{PLAIN}a::::::";
    for (int i = 0; i < 40; ++i) line += "buzon_secret=n" + std::to_string(i) + ":{PLAIN}x ";
    const auto entry = parse_passwd_line(line);
    REQUIRE(entry);
    std::size_t good = 0;
    for (const Application& one : entry.value()->applications) good += one.fault.empty();
    CHECK(good == max_applications);
}

TEST_CASE("application passwords are added to a line, replaced in it and removed from it") {
    const auto changed = [](const std::string& line, UserChange change) {
        const std::string once = rewrite_passwd_file(line, {{"ana", change}});
        CHECK(rewrite_passwd_file(once, {{"ana", change}}) == once);
        return once;
    };
    const UserChange add{{}, {}, {"tv:{PLAIN}t;rights=keep"}};
    CHECK(changed("ana:{PLAIN}a\n", add) == "ana:{PLAIN}a::::::buzon_secret=tv:{PLAIN}t;rights=keep\n");
    CHECK(changed("ana:{PLAIN}a:1:1::/h\r\n", add) == "ana:{PLAIN}a:1:1::/h::buzon_secret=tv:{PLAIN}t;rights=keep\r\n");
    const std::string transform = R"(buzon_transform="/bin/x 'buzon_secret=tv:' \" y")";
    CHECK(changed("ana:{PLAIN}a::::::nodelay buzon_secret=tv:{PLAIN}old " + transform + "\n", add) ==
          "ana:{PLAIN}a::::::nodelay " + transform + " buzon_secret=tv:{PLAIN}t;rights=keep\n");
    CHECK(changed("ana:{PLAIN}a::::::buzon_secret=tv:{PLAIN}old  nodelay\n", {"{PLAIN}b", {"tv", "none"}, {}}) ==
          "ana:{PLAIN}b::::::  nodelay\n");
    CHECK(changed("ana:{PLAIN}a:::::::maildir:/m\n", add) ==
          "ana:{PLAIN}a::::::userdb_mail=maildir:/m buzon_secret=tv:{PLAIN}t;rights=keep\n");
    const std::string with_blank = "ana:{PLAIN}a:::::::maildir:/My Mail\n",
                      open_quote = "ana:x::::::buzon_transform=\"y\n";
    CHECK(changed(with_blank, add) == with_blank); // such lines are refused when the file is loaded
    CHECK(changed(open_quote, add) == open_quote);
    CHECK(changed("bo:x\n", add) == "bo:x\n"); // another program has removed the user meanwhile
    CHECK(changed("bo:x\n", {"{PLAIN}n", {}, {"tv:{PLAIN}t"}}) == "bo:x\nana:{PLAIN}n::::::buzon_secret=tv:{PLAIN}t\n");
}
