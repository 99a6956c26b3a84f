// system/reach_test.cpp - what the mail workers of an ordinary user's server can reach: the folders that contain mail,
// and no others (--sandbox).
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "server.h"
#include "support/catch.h"
#include "worker_processes.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* one_mail = "Subject: one\n\nx\n";

// Mail in the mail root, behind a link out of it, in a home, and in a home where the Maildir does not exist yet.
struct Scattered {
    TempDirectory directory;
    std::string root = directory / "mail";
    std::string home = directory / "home";
    std::string elsewhere = directory / "elsewhere";
    std::string users = directory / "users";
    Server server;

    Scattered() : server{made()} {}

    Server::Setup made() {
        for (const std::string& path : {root, home, elsewhere}) fs::create_directory(path);
        for (const std::string& maildir : {root + "/ana", elsewhere + "/bob", home + "/cleo/Maildir"})
            (void)Maildir{maildir}.deliver("1700000001.M1P1.h", one_mail);
        fs::create_symlink(elsewhere + "/bob", root + "/bob");
        fs::create_directory(home + "/dan");
        write_users({"cleo", "dan"});
        Server::Setup setup{.arguments = {"-d", root, "--users", users, "-a", "root:s3cr3t"}, .own_root = true};
        if (::geteuid() != 0) return setup;
        // The workers of root's server act as the owners of maildrops: see owners_test.cpp.
        setup.before = {"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
        fs::permissions(directory.path(), fs::perms{0755});
        for (const auto& one : fs::recursive_directory_iterator(directory.path()))
            REQUIRE(::lchown(one.path().c_str(), 65534, 65534) == 0);
        return setup;
    }
    void write_users(const std::vector<std::string>& with_homes) const {
        std::string text = "ana:{PLAIN}x\nbob:{PLAIN}x\n";
        for (const std::string& user : with_homes)
            text.append(user).append(":{PLAIN}x::::::userdb_mail=maildir:").append(home + '/' + user + "/Maildir\n");
        std::ofstream{users} << text;
    }
    [[nodiscard]] Pop3Client session(const std::string& user) const {
        Pop3Client client = server.client();
        client.login(user, "x");
        return client;
    }
    [[nodiscard]] bool has_landlock() const {
        return server.manager().many("INFO *").find("landlock") != std::string::npos;
    }
    // The command lines of the workers that are for one maildrop alone, or of the others.
    [[nodiscard]] std::vector<std::string> told(bool alone) const {
        std::vector<std::string> all;
        for (const fs::path& worker : workers_of(server))
            if (std::string words = words_of(worker); words.ends_with(" alone ") == alone) all.push_back(words);
        return all;
    }
};

bool any_has(const std::vector<std::string>& all, const std::string& text) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& one) { return one.find(text) != one.npos; });
}

} // namespace

TEST_CASE("mail workers reach only folders with mail, and one for a maildrop behind a link only that maildrop") {
    const Scattered site;
    for (const char* const user : {"ana", "bob", "cleo", "dan"}) {
        CAPTURE(user);
        Pop3Client client = site.session(user);
        if (std::string{user} != "dan") {
            CHECK(client.retrieve(1) == "Subject: one\r\n\r\nx\r\n");
            CHECK(client.command("DELE 1").starts_with("+OK"));
        }
        client.quit();
    }
    CHECK(Maildir{site.elsewhere + "/bob"}.messages().empty());
    CHECK(Maildir{site.home + "/cleo/Maildir"}.messages().empty());
    CHECK(fs::is_directory(site.home + "/dan/Maildir/cur"));
    if (!site.has_landlock()) return;
    const std::vector<std::string> shared = site.told(false), alone = site.told(true);
    for (const std::string& words : shared) {
        CAPTURE(words);
        CHECK(words.find("w:" + site.root + ' ') != words.npos);
        CHECK(words.find("w:" + site.home + "/cleo/Maildir ") != words.npos);
        CHECK(words.find("w:/ ") == words.npos);
        CHECK(words.find(site.elsewhere) == words.npos);
    }
    // If a Maildir does not exist yet, its worker may create it.
    CHECK(alone.size() == 2);
    CHECK(any_has(alone, "buzon-worker auto w:" + site.root + "/bob alone "));
    CHECK(any_has(alone, "buzon-worker auto w:" + site.home + "/dan alone "));
}

TEST_CASE("if a maildrop with a worker of its own is replaced by another folder, the next login finds that one") {
    const Scattered site;
    site.session("bob").quit();
    fs::rename(site.elsewhere + "/bob", site.elsewhere + "/old");
    (void)Maildir{site.elsewhere + "/bob"}.deliver("1700000002.M1P1.h", "Subject: two\n\nx\n");
    if (::geteuid() == 0)
        for (const auto& one : fs::recursive_directory_iterator(site.elsewhere))
            REQUIRE(::lchown(one.path().c_str(), 65534, 65534) == 0);
    REQUIRE((::geteuid() != 0 || ::lchown((site.elsewhere + "/bob").c_str(), 65534, 65534) == 0));
    CHECK(site.session("bob").retrieve(1) == "Subject: two\r\n\r\nx\r\n");
}

TEST_CASE("workers reach a new user's maildrop and a new mail root without a restart") {
    const Scattered site;
    site.session("cleo").quit();
    (void)Maildir{site.home + "/eve/Maildir"}.deliver("1700000001.M1P1.h", one_mail);
    const std::string other = site.directory / "other";
    (void)Maildir{other + "/ana"}.deliver("1700000001.M1P1.h", "Subject: other\n\nx\n");
    if (::geteuid() == 0)
        for (const std::string& path : {site.home + "/eve", other}) {
            REQUIRE(::lchown(path.c_str(), 65534, 65534) == 0);
            for (const auto& one : fs::recursive_directory_iterator(path))
                REQUIRE(::lchown(one.path().c_str(), 65534, 65534) == 0);
        }
    site.write_users({"cleo", "dan", "eve"});
    CHECK(eventually([&] {
        Pop3Client client = site.server.client();
        (void)client.command("USER eve");
        return client.command("PASS x").starts_with("+OK");
    }));
    CHECK(site.session("eve").retrieve(1) == "Subject: one\r\n\r\nx\r\n");
    ManagementClient manager = site.server.manager();
    CHECK(manager.ask("AUTH root s3cr3t") != "");
    CHECK(manager.ask("DIRR " + other) == other);
    CHECK(site.session("ana").retrieve(1) == "Subject: other\r\n\r\nx\r\n");
    CHECK(site.session("cleo").retrieve(1) == "Subject: one\r\n\r\nx\r\n");
    if (!site.has_landlock()) return;
    const std::vector<std::string> shared = site.told(false);
    CHECK(any_has(shared, "w:" + other + ' '));
    CHECK(any_has(shared, "w:" + site.home + "/eve/Maildir "));
    CHECK_FALSE(any_has(shared, "w:" + site.root + ' '));
    CHECK(site.told(true).empty());
}
