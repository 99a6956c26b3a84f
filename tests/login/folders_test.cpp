#include "../../src/login/folder_name.h"
#include "buzon/login/users.h"
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
