// system/user_sources_test.cpp - users who are defined elsewhere: checkpassword programs that say under which ids to
// serve the mail, and the examples for PAM and LDAP with the real pam_unix and slapd.
#include <csignal>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t mail_owner = 41000, ana_uid = 41001, bob_uid = 41002;

std::string words_of(const Server& server, const std::string& user, const std::string& password) {
    Pop3Client client = server.client();
    (void)client.command("USER " + user);
    const std::string reply = client.command("PASS " + password);
    if (reply.starts_with("+OK")) client.quit();
    return reply;
}

std::string example(const std::string& name) {
    return source_directory() + "/packaging/examples/" + name;
}

bool belongs_to(const fs::path& path, uid_t owner) {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0 && about.st_uid == owner && about.st_gid == owner;
}

void give_to(const fs::path& path, uid_t owner) {
    REQUIRE(::chown(path.c_str(), owner, owner) == 0);
    if (!fs::is_directory(path)) return;
    for (const auto& one : fs::recursive_directory_iterator(path))
        REQUIRE(::chown(one.path().c_str(), owner, owner) == 0);
}

// Homes of mode 0700 for ana and bob, and a mail root, each with a different owner.
struct Homes {
    TempDirectory directory;
    std::string root = directory / "mail";
    Homes() {
        fs::permissions(directory.path(), fs::perms{0755});
        for (const std::string name : {"mail", "ana", "bob"}) fs::create_directory(directory / name);
        for (const auto& [name, uid] : {std::pair{"mail", mail_owner}, {"ana", ana_uid}, {"bob", bob_uid}})
            give_to(directory / name, uid);
        for (const std::string name : {"ana", "bob"}) fs::permissions(directory / name, fs::perms{0700});
        fs::permissions(root, fs::perms{0711});
    }
    [[nodiscard]] Server::Setup setup(Words arguments) const {
        arguments.insert(arguments.end(), {"-d", root, "--run-as", "nobody"});
        return {.arguments = std::move(arguments), .own_root = true};
    }
};

bool root_is_needed(const char* for_what) {
    if (::geteuid() == 0) return false;
    WARN(std::string{"skipped: only root can "} + for_what);
    return true;
}

bool is_missing(const std::string& program) {
    if (fs::exists(program)) return false;
    WARN("skipped: " + program + " is not installed");
    return true;
}

} // namespace

TEST_CASE("mail is served under the ids that a checkpassword program has set, but never another user's mail") {
    if (root_is_needed("become others")) return;
    const Homes site;
    // ana and bob at home; "elsewhere" in the mail root; "mixed" has bob's home but ana's ids; "nobody" sets nothing.
    const std::string program = site.directory.file("check", R"sh(#!/bin/bash
IFS= read -r -d '' user <&3 && IFS= read -r -d '' password <&3
[ "$password" = secret ] || exit 1
as() { exec setpriv --reuid=$1 --regid=$1 --clear-groups env HOME=$2 "${@:3}"; }
case "$user" in
ana) as 41001 "${0%/*}/ana" "$@" ;;
bob) as 41002 "${0%/*}/bob" "$@" ;;
mixed) as 41001 "${0%/*}/bob" "$@" ;;
elsewhere) exec setpriv --reuid=41002 --regid=41002 --clear-groups "$@" ;;
*) exec "$@" ;;
esac
)sh",
                                                    0755);
    Server server{site.setup({"--checkpassword", program})};
    CHECK(words_of(server, "ana", "wrong").starts_with("-ERR [AUTH]"));
    CHECK(words_of(server, "ana", "secret").starts_with("+OK"));
    CHECK(belongs_to(site.directory / "ana/Maildir/cur", ana_uid));
    const Maildir bobs{site.directory / "bob/Maildir"};
    (void)bobs.deliver("1700000001.M1P1.h", "Subject: one\n\nbob's\n");
    give_to(site.directory / "bob/Maildir", bob_uid);
    {
        Pop3Client bob = server.client();
        bob.login("bob", "secret");
        CHECK(bob.retrieve(1) == "Subject: one\r\n\r\nbob's\r\n");
        bob.quit();
    }
    CHECK(bobs.messages() == Words{"cur/1700000001.M1P1.h:2,S"});
    for (const auto& one : fs::recursive_directory_iterator(site.directory / "bob/Maildir")) {
        CAPTURE(one.path());
        CHECK(belongs_to(one.path(), bob_uid));
    }
    // A new Maildir in the mail root belongs to the user that the program has become.
    CHECK(words_of(server, "elsewhere", "secret").starts_with("+OK"));
    CHECK(belongs_to(site.root + "/elsewhere/cur", bob_uid));
    // If it sets no ids, the owner of the mail root is the owner, as without a program.
    CHECK(words_of(server, "nobody", "secret").starts_with("+OK"));
    CHECK(belongs_to(site.root + "/nobody/cur", mail_owner));
    // Nobody gets other users' mail, whatever the program says.
    CHECK(words_of(server, "mixed", "secret").starts_with("-ERR [SYS/PERM]"));
    CHECK(server.log().find("secret") == std::string::npos);
}

TEST_CASE("root runs only the checkpassword program that the server was started with") {
    if (root_is_needed("run it")) return;
    const Homes site;
    const std::string first = site.directory.script("first", "cat <&3 >/dev/null; exec \"$@\"");
    const std::string second = site.directory.script("second", "touch \"${0%/*}/was-run\"; exec \"$@\"");
    const std::string config = site.directory.file("config", "checkpassword = " + first + "\n");
    Server server{site.setup({"--config", config})};
    CHECK(words_of(server, "ana", "x").starts_with("+OK"));
    (void)site.directory.file("config", "checkpassword = " + second + "\n");
    server.process().signal(SIGHUP);
    CHECK(server.logs("checkpassword: the change takes effect after a restart"));
    CHECK(words_of(server, "bob", "x").starts_with("+OK"));
    CHECK_FALSE(fs::exists(site.directory / "was-run"));
}

TEST_CASE("a long-running checkpassword program says under which ids to serve mail, but never as root") {
    if (root_is_needed("become others")) return;
    const Homes site;
    const std::string program = site.directory.script("answer", R"sh(
while IFS='	' read -r user password ip; do
    case $(echo $user | base64 -d) in
    ana) echo "ok home=${0%/*}/ana uid=41001 gid=41001" ;;
    bob) echo "ok home=${0%/*}/ana uid=41002 gid=41002" ;;
    new) echo "ok uid=41002 gid=41002" ;;
    root) echo "ok uid=0 gid=0" ;;
    *) echo no ;;
    esac
done
)sh");
    Server server{site.setup({"--checkpassword", "process:" + program})};
    CHECK(words_of(server, "ana", "x").starts_with("+OK"));
    CHECK(belongs_to(site.directory / "ana/Maildir/cur", ana_uid));
    CHECK(words_of(server, "bob", "x").starts_with("-ERR [SYS/PERM]")); // ana's mail
    CHECK(words_of(server, "new", "x").starts_with("+OK"));
    CHECK(belongs_to(site.root + "/new/cur", bob_uid));
    CHECK(words_of(server, "root", "x").starts_with("+OK"));
    CHECK(belongs_to(site.root + "/root/cur", mail_owner));
    CHECK(words_of(server, "cleo", "x").starts_with("-ERR [AUTH]"));
}

TEST_CASE("the PAM example lets in a system user known to pam_unix, and serves the mail as that user") {
    if (root_is_needed("ask pam_unix about others") || is_missing("/usr/bin/pamtester")) return;
    const Homes site;
    const std::string pam = site.directory / "pam.d";
    fs::create_directory(pam);
    std::ofstream{pam + "/pop3"} << "auth required pam_unix.so nodelay\naccount required pam_unix.so\n";
    const std::string hash = run({"openssl", "passwd", "-6", "it's secret"}).out;
    const auto with = [&](const std::string& file, const std::string& line) {
        return site.directory.file(file, read_whole("/etc/" + file) + line + '\n');
    };
    const std::string home = site.directory / "ana";
    (void)with("passwd", "ana:x:41001:41001::" + home + ":/bin/sh\ndaemonic:x:41:41::/:/bin/sh");
    const std::string password = hash.substr(0, hash.find('\n'));
    (void)with("shadow", "ana:" + password + ":19000::::::\ndaemonic:" + password + ":19000::::::");
    fs::permissions(site.directory / "passwd", fs::perms{0644});
    // The machine's own files stay unchanged: these are mounted over them, for the server alone.
    const std::string over = "mount --make-rprivate / && for f in passwd shadow pam.d; do mount --bind " +
                             site.directory.path().string() + "/$f /etc/$f || exit 1; done; exec \"$@\"";
    if (run({"unshare", "-m", "/bin/sh", "-c", over, "sh", "true"}).code != 0) {
        WARN("skipped: mounting is not allowed here");
        return;
    }
    Server::Setup setup = site.setup({"--checkpassword", example("checkpassword-pam") + " pop3"});
    setup.before = {"unshare", "-m", "/bin/sh", "-c", over, "sh"};
    const Server server{setup};
    CHECK(words_of(server, "ana", "it's secret").starts_with("+OK"));
    CHECK(belongs_to(home + "/Maildir/cur", ana_uid));
    for (const std::string user : {"root", "nobody", "41001", "daemonic", "-s"})
        CHECK(words_of(server, user, "it's secret").starts_with("-ERR [AUTH]"));
    CHECK(words_of(server, "ana", "its secret").starts_with("-ERR [AUTH]"));
}

namespace {

// OpenLDAP's slapd with ana, whose mail is in `home`, and "o'ne,il", of whom it knows only the password.
class Directory {
public:
    Directory(const std::string& home, const std::string& password) : port_{free_port()} {
        fs::create_directory(directory_ / "db");
        const std::string hash = run({"openssl", "dgst", "-sha1", "-binary"}, password).out;
        const std::string entry = "\nuserPassword: {SHA}" + run({"base64", "-w0"}, hash).out + "\n\n";
        const std::string people = ",ou=people,dc=example,dc=org\nobjectClass: account\nobjectClass: ";
        const std::string config = directory_.file(
            "slapd.conf", "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
                          "include /etc/ldap/schema/nis.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
                          "database mdb\nsuffix dc=example,dc=org\ndirectory " +
                              (directory_ / "db") +
                              "\naccess to attrs=userPassword by anonymous auth\naccess to * by self read by * none\n");
        const std::string data = directory_.file(
            "data.ldif",
            "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: x\n\n"
            "dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n\n"
            "dn: uid=ana" +
                people + "posixAccount\nuid: ana\ncn: Ana\nuidNumber: 41001\ngidNumber: 41001\nhomeDirectory: " + home +
                entry + "dn: uid=o'ne\\,il" + people + "simpleSecurityObject\nuid: o'ne,il" + entry);
        const Finished made = run({"/usr/sbin/slapadd", "-f", config, "-l", data});
        INFO(made.err);
        REQUIRE(made.code == 0);
        process_ = std::make_unique<Process>(Launch{{"/usr/sbin/slapd", "-f", config, "-h", uri(), "-d", "0"}});
        REQUIRE(eventually([this] { return reachable("127.0.0.1", port_); }));
    }
    [[nodiscard]] std::string uri() const { return "ldap://127.0.0.1:" + std::to_string(port_); }
    void stop() { process_.reset(); }

private:
    TempDirectory directory_;
    std::uint16_t port_;
    std::unique_ptr<Process> process_;
};

} // namespace

TEST_CASE("the LDAP example binds as the user, and learns where the mail is and who owns it") {
    if (is_missing("/usr/sbin/slapd") || is_missing("/usr/bin/ldapsearch")) return;
    const TempDirectory homes;
    fs::permissions(homes.path(), fs::perms{0755});
    const std::string home = homes / "ana";
    fs::create_directory(home);
    if (::geteuid() == 0) give_to(home, ana_uid);
    Directory people{home, "it's secret"};
    Server server{1,
                  {"--checkpassword",
                   "process:" + example("checkpassword-ldap") + ' ' + people.uri() + " ou=people,dc=example,dc=org"}};
    CHECK(words_of(server, "ana", "it's secret").starts_with("+OK"));
    CHECK(fs::exists(home + "/Maildir/cur"));
    if (::geteuid() == 0) CHECK(belongs_to(home + "/Maildir/cur", ana_uid));
    CHECK(words_of(server, "o'ne,il", "it's secret").starts_with("+OK"));
    CHECK(fs::exists(server.root() + "/o'ne,il/cur"));
    for (const std::string user : {"nobody", "ana,ou=people", "*", "ana)(uid=*"})
        CHECK(words_of(server, user, "it's secret").starts_with("-ERR [AUTH]"));
    CHECK(words_of(server, "ana", "its secret").starts_with("-ERR [AUTH]"));
    CHECK(words_of(server, "user1", "pass1").starts_with("+OK")); // from -u
    people.stop();
    CHECK(words_of(server, "ana", "it's secret").starts_with("-ERR [SYS/TEMP]"));
}
