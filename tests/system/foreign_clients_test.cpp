// system/foreign_clients_test.cpp - third-party clients fetch the sample mail byte for byte: curl, Python's poplib,
// fetchmail, mpop, mutt, getmail and Perl's Net::POP3.
#include <fstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::filesystem::path sample_mail = std::filesystem::path(source_directory()) / "maildir-sample";

Server::Setup demo() {
    Server::Setup setup;
    setup.arguments = {"--default"};
    setup.own_addresses = setup.own_root = true;
    return setup;
}

// All of a user's sample mail as a client must receive it, sorted for comparison.
std::vector<std::string> wanted(int user) {
    const Maildir maildir{sample_mail / ("user" + std::to_string(user))};
    std::vector<std::string> mails;
    for (const std::string& name : maildir.messages()) mails.push_back(as_received(read_whole(maildir.path() / name)));
    std::sort(mails.begin(), mails.end());
    return mails;
}

Finished must_run(const Words& argv, const std::string& input = {}) {
    Finished end = run(argv, input);
    CAPTURE(argv, end.err);
    CHECK(end.code == 0);
    return end;
}

// What a client has delivered to a Maildir, sorted.
std::vector<std::string> delivered(const std::filesystem::path& maildir) {
    std::vector<std::string> mails;
    for (const auto& entry : std::filesystem::directory_iterator{maildir / "new"})
        mails.push_back(as_received(read_whole(entry.path())));
    std::sort(mails.begin(), mails.end());
    return mails;
}

} // namespace

TEST_CASE("curl reads every sample message byte for byte") {
    Server server{demo()};
    for (int user = 1; user <= 6; ++user) {
        const std::string n = std::to_string(user);
        const std::string url = "pop3://user" + n + ":pass" + n + "@127.0.0.1:" + std::to_string(server.port()) + "/";
        std::vector<std::string> received;
        for (std::size_t mail = 1; mail <= wanted(user).size(); ++mail) {
            received.push_back(must_run({"curl", "-sS", "--max-time", "60", url + std::to_string(mail)}).out);
            // curl takes the CRLF of the reply's first line for the end of a last line: an empty message becomes CRLF.
            if (received.back() == "\r\n") received.back().clear();
        }
        std::sort(received.begin(), received.end());
        CAPTURE(user);
        CHECK(difference(received, wanted(user)) == "");
        const std::string listing = must_run({"curl", "-sS", "--max-time", "60", url}).out;
        CHECK(static_cast<std::size_t>(std::count(listing.begin(), listing.end(), '\n')) == wanted(user).size());
        CHECK(must_run({"curl", "-sS", "--max-time", "60", "-X", "UIDL", url}).out.find("1 17000") == 0);
    }
    CHECK(
        run({"curl", "-sS", "--max-time", "60", "pop3://user1:wrong@127.0.0.1:" + std::to_string(server.port()) + "/1"})
            .code == 67);
}

TEST_CASE("curl logs in with PLAIN, LOGIN, CRAM-MD5 or APOP as told, and mpop with CRAM-MD5") {
    Server server{1, {"--cram-md5"}};
    const std::string mail = "Subject: one\r\n\r\nbody\r\n";
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", mail);
    const std::string port = std::to_string(server.port());
    const auto logs = [&](const std::string& mechanism) { return server.logs("method=" + mechanism + " messages=1"); };
    for (const std::string mechanism : {"PLAIN", "LOGIN", "CRAM-MD5", "APOP"}) {
        CAPTURE(mechanism);
        const std::string option = "AUTH=" + std::string{mechanism == "APOP" ? "+" : ""} + mechanism;
        CHECK(must_run({"curl", "-sS", "--max-time", "60", "--login-options", option, "-u", "user1:pass1",
                        "pop3://127.0.0.1:" + port + "/1"})
                  .out == mail);
        CHECK(logs(mechanism));
    }
    TempDirectory directory;
    for (const char* part : {"", "/cur", "/new", "/tmp"}) std::filesystem::create_directory(directory / "out" + part);
    (void)must_run({"mpop", "--host=127.0.0.1", "--port=" + port, "--tls=off", "--auth=cram-md5", "--user=user1",
                    "--passwordeval=echo pass1", "--keep=on", "--received-header=off",
                    "--uidls-file=" + (directory / "uidls"), "--delivery=maildir," + (directory / "out")});
    CHECK(delivered(directory / "out") == std::vector<std::string>{mail});
}

TEST_CASE("poplib reads every sample message byte for byte") {
    Server server{demo()};
    TempDirectory directory;
    const std::string program = directory.file("read.py", R"(
import base64, poplib, sys
for user in range(1, 7):
    pop = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=60)
    pop.user(f"user{user}")
    pop.pass_(f"pass{user}")
    count, octets = pop.stat()
    listed = [int(line.split()[1]) for line in pop.list()[1]]
    assert len(listed) == count and sum(listed) == octets, (listed, count, octets)
    ids = [line.split()[1] for line in pop.uidl()[1]]
    assert len(set(ids)) == count
    for number in range(1, count + 1):
        response, lines, size = pop.retr(number)
        mail = b"".join(line + b"\r\n" for line in lines)
        assert len(mail) == listed[number - 1], (number, len(mail), listed)
        print(user, base64.b64encode(mail).decode())
        head = pop.top(number, 0)[1]
        assert lines[:len(head)] == head
    assert b"+OK" in pop.noop() and b"+OK" in pop.rset()
    pop.capa()
    pop.quit()
)");
    const Finished end = must_run({"python3", program, std::to_string(server.port())});
    // The Python program has nothing to compare with, so it prints what it received.
    std::map<int, std::vector<std::string>> received;
    std::istringstream lines{end.out};
    for (std::string line; std::getline(lines, line);) {
        const Finished plain = must_run({"base64", "-d"}, line.substr(line.find(' ') + 1));
        received[std::stoi(line)].push_back(plain.out);
    }
    for (int user = 1; user <= 6; ++user) {
        std::sort(received[user].begin(), received[user].end());
        CAPTURE(user);
        CHECK(difference(received[user], wanted(user)) == "");
    }
}

TEST_CASE("fetchmail reads every sample message byte for byte") {
    Server server{demo()};
    for (int user = 1; user <= 6; ++user) {
        CAPTURE(user);
        TempDirectory directory;
        const std::string n = std::to_string(user);
        std::filesystem::create_directory(directory / "out");
        const std::string agent = directory.script("agent", "cat > " + (directory / "out") + "/$$");
        const std::string control = directory.file(
            "rc",
            "set invisible\nset no bouncemail\nset pidfile \"" + (directory / "pid") + "\"\nset idfile \"" +
                (directory / "ids") + "\"\npoll 127.0.0.1 protocol POP3 auth password port " +
                std::to_string(server.port()) + " timeout 60 bad-header accept\n user user" + n + " password pass" + n +
                " sslproto \"\" fetchall keep no rewrite no mimedecode no stripcr\n mda \"" + agent + "\"\n",
            0600);
        Launch launch;
        launch.argv = {"fetchmail", "-f", control, "--nodetach", "--nosyslog"};
        launch.environment["HOME"] = launch.environment["FETCHMAILHOME"] = directory.path();
        const Finished end = run(launch);
        CAPTURE(end.out, end.err);
        CHECK(end.code == 0);
        std::vector<std::string> received;
        for (const auto& entry : std::filesystem::directory_iterator{directory / "out"})
            received.push_back(read_whole(entry.path()));
        std::vector<std::string> expected = wanted(user);
        for (std::string& mail : received)
            if (mail.find("Subject: Headerless mail") != std::string::npos)
                mail = "\r\n"; // its notice in place of an empty mail
        std::sort(received.begin(), received.end());
        for (std::string& mail : expected)
            if (mail.find("\r\n\r\n") == std::string::npos) mail += "\r\n"; // fetchmail ends an unfinished header
        std::sort(expected.begin(), expected.end());
        CHECK(difference(received, expected) == "");
        CHECK(end.err.find("was not the expected length") == std::string::npos);
    }
}

TEST_CASE("mutt reads the sample mail byte for byte") {
    Server server{demo()};
    for (const int user : {1, 2, 3, 4, 6}) { // mutt drops both CRs of CR CR LF, which user5 has
        CAPTURE(user);
        TempDirectory directory;
        const std::string n = std::to_string(user);
        for (const char* part : {"", "/cur", "/new", "/tmp"})
            std::filesystem::create_directory(directory / "out" + part);
        const std::string rc = directory.file(
            "rc", "set mbox_type=Maildir sleep_time=0 quit=yes wait_key=no ssl_starttls=no ssl_force_tls=no "
                  "header_cache=\"\"\nset folder=\"" +
                      directory.path().string() + "\" spoolfile=\"" + (directory / "out") +
                      "\"\nset pop_host=\"pop://user" + n + "@127.0.0.1:" + std::to_string(server.port()) +
                      "\" pop_pass=pass" + n + " pop_delete=no pop_last=no\npush \"<fetch-mail><exit>\"\n");
        Launch launch; // script gives it a terminal
        launch.argv = {"script", "-qec", "mutt -n -F " + rc, "/dev/null"};
        launch.environment["HOME"] = directory.path().string();
        launch.environment["TERM"] = "xterm";
        CHECK(run(launch).code == 0);
        CHECK(difference(delivered(directory / "out"), wanted(user)) == "");
    }
    CHECK(server.logs("method=SCRAM-SHA-256")); // through GNU SASL
}

TEST_CASE("mpop logs in with five mechanisms and reads every sample message byte for byte") {
    Server server{demo()};
    const Words mechanisms = {"user", "apop", "plain", "login", "scram-sha-256", "scram-sha-256"};
    for (int user = 1; user <= 6; ++user) {
        const std::string n = std::to_string(user), mechanism = mechanisms[static_cast<std::size_t>(user) - 1];
        CAPTURE(user, mechanism);
        TempDirectory directory;
        for (const char* part : {"", "/cur", "/new", "/tmp"})
            std::filesystem::create_directory(directory / "out" + part);
        const std::string config = directory.file(
            "rc",
            "account default\nhost 127.0.0.1\nport " + std::to_string(server.port()) + "\nuser user" + n +
                "\npassword pass" + n + "\nauth " + mechanism + "\ntls off\nkeep on\nreceived_header off\nuidls_file " +
                (directory / "ids") + "\ndelivery maildir " + (directory / "out") + "\n",
            0600);
        (void)must_run({"mpop", "-C", config, "-Q"});
        std::vector<std::string> expected = wanted(user);
        for (std::string& mail : expected) {
            // mpop takes a second CR as part of the line end.
            for (std::size_t at; (at = mail.find("\r\r\n")) != std::string::npos;) mail.erase(at, 1);
        }
        std::sort(expected.begin(), expected.end());
        CHECK(difference(delivered(directory / "out"), expected) == "");
    }
}

TEST_CASE("fetchmail and mpop report the server's refusals to their users and do not misread them") {
    TempDirectory directory;
    Server server{3};
    std::filesystem::remove_all(server.root() + "/user3");
    std::ofstream{server.root() + "/user3"} << "no Maildir\n";
    for (const char* part : {"", "/cur", "/new", "/tmp"}) std::filesystem::create_directory(directory / "out" + part);
    const std::string port = std::to_string(server.port());
    const auto by_mpop = [&](const std::string& user, const std::string& password) {
        return run({"mpop", "--host=127.0.0.1", "--port=" + port, "--tls=off", "--auth=user", "--user=" + user,
                    "--passwordeval=echo " + password, "--uidls-file=" + (directory / "uidls"),
                    "--delivery=maildir," + (directory / "out")})
            .err;
    };
    const auto by_fetchmail = [&](const std::string& user, const std::string& password) {
        Launch launch;
        launch.argv = {"fetchmail", "--nodetach", "--nosyslog", "-f",
                       directory.file("rc",
                                      "set invisible\nset no bouncemail\nset pidfile \"" + (directory / "pid") +
                                          "\"\nset idfile \"" + (directory / "ids") +
                                          "\"\npoll 127.0.0.1 protocol POP3 auth password port " + port +
                                          " timeout 60\n user " + user + " password " + password +
                                          " sslproto \"\" keep mda \"cat >/dev/null\"\n",
                                      0600)};
        launch.environment["HOME"] = launch.environment["FETCHMAILHOME"] = directory.path();
        const Finished end = run(launch);
        return std::to_string(end.code) + ' ' + end.err + end.out;
    };
    const auto shows = [](const std::string& said, const std::string& text) {
        INFO(said);
        CHECK(said.find(text) != std::string::npos);
    };
    shows(by_mpop("user1", "wrong"), "POP3 server message: -ERR [AUTH] Password incorrect");
    shows(by_fetchmail("user1", "wrong"), "Authorization failure on user1");
    Pop3Client other = server.session(2);
    shows(by_mpop("user2", "pass2"), "POP3 server message: -ERR [IN-USE] Maildrop is locked by another session");
    const std::string busy = by_fetchmail("user2", "pass2");
    shows(busy, "[IN-USE] Maildrop is locked by another session");
    CHECK(busy.starts_with("9 ")); // lock busy: it will try again
    shows(by_mpop("user3", "pass3"), "POP3 server message: -ERR [SYS/PERM] Mail service unavailable for this maildrop "
                                     "until an administrator has repaired it");
    CHECK(by_fetchmail("user3", "pass3").starts_with("14 ")); // server busy, not a wrong password
}

TEST_CASE("getmail fetches every sample message of a user") {
    Server server{demo()};
    TempDirectory directory;
    for (const char* part : {"out", "out/new", "state"}) std::filesystem::create_directory(directory / part);
    // As root it delivers only to a program.
    const std::string agent = directory.script("agent", "cat > " + (directory / "out/new") + "/$$");
    (void)directory.file(
        "rc",
        "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = " + std::to_string(server.port()) +
            "\nusername = user1\npassword = pass1\ntimeout = 60\n[destination]\ntype = MDA_external\npath = " + agent +
            "\nallow_root_commands = true\n[options]\ndelivered_to = false\nreceived = false\n",
        0600);
    (void)must_run({"getmail", "--getmaildir", directory / "state", "--rcfile", directory / "rc"});
    CHECK(delivered(directory / "out").size() == wanted(1).size());
}

TEST_CASE("Net::POP3 logs in with PASS and with APOP and reads a user's sample messages byte for byte") {
    Server server{demo()};
    TempDirectory directory;
    const std::string program = directory.file("read.pl", R"(
use strict; use Net::POP3; use MIME::Base64;
for my $how (qw(login apop)) {
    my $pop = Net::POP3->new("127.0.0.1", Port => $ARGV[0], Timeout => 60) or die;
    my $count = $pop->$how("user1", "pass1");
    die "$how" unless defined $count;
    for my $number (1 .. $count) {
        my $mail = join "", @{$pop->get($number)};
        $mail =~ s/\r?\n/\r\n/g;
        print encode_base64($mail, ""), "\n" if $how eq "apop";
    }
    $pop->quit or die;
}
)");
    const Finished end = must_run({"perl", program, std::to_string(server.port())});
    std::vector<std::string> received;
    std::istringstream lines{end.out};
    for (std::string line; std::getline(lines, line);) received.push_back(must_run({"base64", "-d"}, line).out);
    std::sort(received.begin(), received.end());
    CHECK(difference(received, wanted(1)) == "");
}
