#include "../../src/login/folder_name.h"
#include "buzon/login/login.h"
#include "buzon/login/users.h"
#include "logging_in.h"
#include "support/catch.h"
#include "support/vaults.h"

using namespace buzon;
using namespace buzon::login;

TEST_CASE("a folder's name becomes that of a directory, in IMAP's modified UTF-7 if it is not ASCII") {
    CHECK(folder_directory("Junk") == ".Junk");
    CHECK(folder_directory("A.B") == ".A.B");
    CHECK(folder_directory("Sent Items") == ".Sent Items");
    CHECK(folder_directory("C++") == ".C++");
    CHECK(folder_directory("R&D") == ".R&-D");
    CHECK(folder_directory("Entwürfe") == ".Entw&APw-rfe");
    CHECK(folder_directory("Spañol.Ñu") == ".Spa&APE-ol.&ANE-u");
    CHECK(folder_directory("~peter.mail.台北.日本語") == ".~peter.mail.&U,BTFw-.&ZeVnLIqe-"); // RFC 3501
    CHECK(folder_directory("\xf0\x9f\x93\xac") == ".&2D3c7A-");                               // beyond 16 bits
}

TEST_CASE("an impossible folder name is refused") {
    for (const std::string name : {"", ".", "..", ".Junk", "Junk.", "A..B", "A/B", "../bob", "/", "a\nb", "a\x7f",
                                   "\xff", "\xc3", "cur/../../bob"})
        CHECK_FALSE(folder_directory(name));
    CHECK_FALSE(folder_directory(std::string(255, 'a')));
    CHECK(folder_directory(std::string(254, 'a')));
}

TEST_CASE("a login name is a user's, or else that of a user's folder if folders are allowed") {
    Users users{test::users_with_vault({},
                                       "ana:{PLAIN}a\nana+Own:{PLAIN}b\nhome:{PLAIN}c::::/h::userdb_mail=maildir:/m:"
                                       "CONTROL=/c\na+b:{PLAIN}d\n"),
                "/root"};
    CHECK(users.account_of("ana+Junk").user == "ana+Junk"); // no such user
    CHECK(users.maildir_of("ana+Junk").empty());
    users.allow_folders(true);
    CHECK(users.account_of("ana").user == "ana");
    CHECK(users.account_of("ana").folder.empty());
    CHECK(users.account_of("ana+Junk").user == "ana");
    CHECK(users.account_of("ana+Junk").folder == ".Junk");
    CHECK(users.maildir_of("ana+A.B") == "/root/ana/.A.B");
    CHECK(users.account_of("ana+Own").user == "ana+Own"); // a user of that name comes first
    CHECK(users.maildir_of("ana+Own") == "/root/ana+Own");
    CHECK(users.maildir_of("ana+C++") == "/root/ana/.C++");
    CHECK(users.maildir_of("a+b+c") == "/root/a+b/.c");
    CHECK(users.maildir_of("home+X") == "/m/.X");
    CHECK(users.control_of("home+X") == "/c/.X");
    CHECK(users.control_of("ana+X").empty());
    for (const std::string name : {"ana+", "ana+.", "ana+..", "ana+../bob", "ana+a/b", "bob+Junk", "+Junk", "+"}) {
        CHECK(users.account_of(name).user == name);
        CHECK(users.maildir_of(name).empty());
    }
}

TEST_CASE("the longest names of users and folders are found together, and longer names are looked up as they are") {
    const std::string user(255, 'u'), folder(254, 'f');
    std::string chinese;
    for (int i = 0; i < 94; ++i) chinese += "\xe5\x8f\xb0";
    Users users{test::users_with_vault({}, user + ":{PLAIN}a\nana:{PLAIN}b\n"), "/root"};
    users.allow_folders(true);
    CHECK(users.account_of(user + '+' + folder).user == user);
    CHECK(users.account_of(user + '+' + folder).folder == '.' + folder);
    CHECK(users.account_of(user + '+' + chinese).user == user);
    for (const std::string& name : {user + '+' + folder + 'f', "ana" + std::string(9000, '+'), std::string(9000, '+'),
                                    std::string(300, 'x') + "+Junk"}) {
        CHECK(users.account_of(name).user == name);
        CHECK(users.account_of(name).folder.empty());
    }
}

TEST_CASE("a login as ana+Junk with ana's password fails if a user of that name is added while it is checked") {
    const std::string ana = "ana:{PLAIN}a\n";
    LoggingIn house{test::users_with_vault({}, ana)};
    house.users.allow_folders(true);
    ClientInfo client;
    client.address.ip = *net::Ip::parse("192.0.2.1");
    std::optional<LoginEnd> ended;
    Login login{house.login_needs,
                1,
                client,
                house.loop.now() + std::chrono::minutes{3},
                pop3::CheckPassword{"ana+Junk", "a", pop3::Mechanism::pass},
                [&ended](LoginEnd end) { ended = std::move(end); }};
    CHECK_FALSE(login.start());
    house.users.replace(test::users_with_vault({}, ana + "ana+Junk:{PLAIN}b\n"));
    CHECK(house.hashes.work());
    REQUIRE(ended);
    REQUIRE(std::holds_alternative<LoginRefused>(*ended));
    CHECK(std::get<LoginRefused>(*ended).why == pop3::Refusal::temporary);
    CHECK_FALSE(login.opening());
}
