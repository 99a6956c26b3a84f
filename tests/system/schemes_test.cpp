// system/schemes_test.cpp - users files with each of Dovecot's schemes, hashed by Dovecot itself.
#include <filesystem>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string the_password = "pass: word";

std::string in_base64(const std::string& octets) {
    return run({"/usr/bin/base64", "-w0"}, octets).out;
}

// `{SCHEME}...` from doveadm.
std::string by_doveadm(const std::string& scheme) {
    std::vector<std::string> words = {"/usr/bin/doveadm", "pw", "-s", scheme, "-p", the_password};
    if (scheme == "BLF-CRYPT") words.insert(words.end(), {"-r", "5"});
    const Finished made = run(words);
    INFO(scheme + ": " + made.err);
    REQUIRE(made.code == 0);
    return made.out.substr(0, made.out.find('\n'));
}

} // namespace

TEST_CASE("passwords hashed by Dovecot work with PASS, AUTH PLAIN and AUTH LOGIN, and wrong ones do not") {
    const std::vector<std::string> schemes = {
        "CRYPT",   "MD5-CRYPT",   "SHA256-CRYPT", "SHA512-CRYPT",  "BLF-CRYPT", "SHA",         "SHA1",         "SHA256",
        "SHA512",  "SSHA",        "SSHA256",      "SSHA512",       "SMD5",      "LDAP-MD5",    "PLAIN-MD5",    "PBKDF2",
        "SHA.HEX", "SSHA512.hex", "SHA256.b64",   "PLAIN-MD5.b64", "SMD5.HEX",  "SCRAM-SHA-1", "SCRAM-SHA-256"};
    std::string file;
    for (const std::string& scheme : schemes) file += "of-" + scheme + ':' + by_doveadm(scheme) + "\n";
    file += "foreign:" + by_doveadm("CRAM-MD5") + "\nlast:{PLAIN}" + the_password.substr(0, 4) + "\nshut:*\n";
    TempDirectory directory;
    Server server{0, {"--users", directory.file("users", file), "-a", "root:s3cr3t"}};
    for (const std::string& scheme : schemes) {
        CAPTURE(scheme);
        const std::string user = "of-" + scheme;
        Pop3Client pass = server.client();
        CHECK(pass.command("USER " + user).starts_with("+OK"));
        CHECK(pass.command("PASS " + the_password + "!").starts_with("-ERR [AUTH]"));
        CHECK(pass.command("USER " + user).starts_with("+OK"));
        CHECK(pass.command("PASS " + the_password).starts_with("+OK"));
        pass.quit();
        Pop3Client plain = server.client();
        CHECK(plain.command("AUTH PLAIN " + in_base64('\0' + user + '\0' + the_password.substr(1)))
                  .starts_with("-ERR [AUTH]"));
        CHECK(plain.command("AUTH PLAIN " + in_base64('\0' + user + '\0' + the_password)).starts_with("+OK"));
        plain.quit();
        Pop3Client login = server.client();
        CHECK(login.command("AUTH LOGIN " + in_base64(user)).starts_with("+ "));
        CHECK(login.command(in_base64(the_password)).starts_with("+OK"));
        login.quit();
    }
    // An unknown scheme locks out only its user, and the log and USER LIST say so.
    Pop3Client foreign = server.client();
    CHECK(foreign.command("USER foreign").starts_with("+OK"));
    CHECK(foreign.command("PASS " + the_password).starts_with("-ERR [AUTH]"));
    CHECK(server.logs("foreign: unknown password scheme {CRAM-MD5}"));
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    const std::string listed = manager.many("USER LIST");
    CHECK(listed.find("foreign locked unknown password scheme {CRAM-MD5}\r\n") != std::string::npos);
    CHECK(listed.find("shut locked the users file says so\r\n") != std::string::npos);
    CHECK(listed.find("\r\nlast\r\n") != std::string::npos);
    Pop3Client last = server.client();
    last.login("last", "pass");
    last.quit();
}

TEST_CASE("users files in the formats of docker-mailserver, mailcow and iRedMail load unchanged") {
    const TempDirectory directory;
    const std::string home = home_of(directory, 5000);
    const std::string sha1 = run({"/usr/bin/sha1sum"}, the_password).out.substr(0, 40);
    const std::string file = "# WARNING: this file is auto-generated. Do not edit locally.\n"
                             "dms@example.com:" +
                             by_doveadm("SHA512-CRYPT") + ":5000:5000::" + home +
                             "::userdb_quota_rule=*:bytes=512M\n"
                             "cow@mailcow.local:{SHA1}" +
                             sha1 + "::::::\niredmail@not-exist.com:" + by_doveadm("SSHA512") +
                             "\nbare:" + by_doveadm("CRYPT").substr(7) + ":5000:5000:Name, Surname:" + home +
                             ":/bin/false:\n\n";
    Server server{0, {"--users", directory.file("users", file)}};
    for (const std::string user : {"dms@example.com", "cow@mailcow.local", "iredmail@not-exist.com", "bare"}) {
        Pop3Client client = server.client();
        client.login(user, the_password);
        client.quit();
    }
    CHECK(server.log().find("locked") == std::string::npos);
}
