#include "buzon/login/mail_folders.h"

#include <string>
#include <vector>

#include "support/catch.h"

using buzon::login::lies_in;
using buzon::login::MailFolders;
using Paths = std::vector<std::string>;

namespace {

MailFolders of(const Paths& paths) {
    MailFolders folders;
    for (const std::string& path : paths) folders.add(path);
    return folders;
}

} // namespace

TEST_CASE("a path lies in a folder only if whole names match") {
    CHECK(lies_in("/mail/ana", "/mail"));
    CHECK(lies_in("/mail", "/mail"));
    CHECK_FALSE(lies_in("/mailbox/ana", "/mail"));
    CHECK_FALSE(lies_in("/", "/mail"));
    CHECK(lies_in("/mail", "/"));
    CHECK_FALSE(lies_in("mail", "/"));
}

TEST_CASE("of nested folders only the outer one is kept, in whatever order they come") {
    const Paths two{"/home/b", "/mail"};
    CHECK(of({"/mail/ana", "/home/b", "/mail", "/mail/cleo"}).all() == two);
    CHECK(of({"/home/b", "/mail", "/mail/ana", "mail", ""}).all() == two);
}

TEST_CASE("many folders are replaced by their parents, and each path still lies in one of them") {
    MailFolders folders;
    folders.add("/var/mail");
    for (int i = 0; i < 10'000; ++i) {
        const std::string maildir = "/srv/mail/example" + std::to_string(i % 7) + "/u" + std::to_string(i) + "/Maildir";
        folders.add(maildir);
        REQUIRE(folders.contain(maildir));
        REQUIRE(folders.contain("/var/mail/ana"));
        REQUIRE(folders.all().size() <= 32);
    }
    CHECK(folders.all().size() == 8);
    CHECK_FALSE(folders.contain("/srv/mail"));
    CHECK_FALSE(folders.contain("/etc"));
}

TEST_CASE("the total length of the paths is limited, and in the end only the root is left") {
    MailFolders folders;
    for (int i = 0; i < 28; ++i)
        folders.add('/' + std::to_string(i) + std::string(250, 'x') + '/' + std::string(250, 'y'));
    std::size_t octets = 0;
    for (const std::string& one : folders.all()) octets += one.size();
    CHECK(octets <= 7168);
    CHECK(folders.all().size() == 28);
    for (int i = 0; i < 40; ++i) folders.add('/' + std::to_string(i));
    CHECK(folders.all() == Paths{"/"});
}
