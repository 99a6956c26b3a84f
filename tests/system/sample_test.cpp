// system/sample_test.cpp - the --default demo: the sample session of the contract, and the sample mail, left unchanged.
#include <csignal>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::filesystem::path sample = std::filesystem::path(source_directory()) / "maildir-sample";

Server::Setup demo(Words arguments = {}) {
    Server::Setup setup;
    setup.arguments = std::move(arguments);
    setup.arguments.push_back("--default");
    setup.own_addresses = setup.own_root = true;
    return setup;
}

std::string the_message() {
    const Maildir user1{sample / "user1"};
    REQUIRE(user1.messages().size() == 1);
    return read_whole(user1.path() / user1.messages()[0]);
}

void play_sample_session(Pop3Client& client, const std::string& message) {
    CHECK(client.command("USER user1") == "+OK User accepted, password needed");
    CHECK(client.command("PASS pass") == "-ERR [AUTH] Password incorrect");
    CHECK(client.command("USER user1") == "+OK User accepted, password needed");
    CHECK(client.command("PASS pass1") == "+OK Password accepted");
    CHECK(client.command("STAT") == "+OK 1 324");
    CHECK(client.command("LIST") == "+OK 1 messages (324 octets)");
    CHECK(client.body() == "1 324\r\n");
    CHECK(client.command("LIST 1") == "+OK 1 324");
    const std::string reply = client.command("RETR 1");
    // A count is given only if exactly that many octets follow (contract section 2).
    CHECK((reply == "+OK 324 octets" || reply == "+OK message follows"));
    CHECK(client.exactly(as_sent(message).size()) == as_sent(message));
    CHECK(client.command("QUIT") == "+OK Goodbye");
    CHECK(client.ended());
}

} // namespace

TEST_CASE("the sample session runs as printed in the contract") {
    const std::string message = the_message();
    CHECK(as_received(message).size() == 324);
    Server server{demo()};
    Pop3Client client = server.client();
    CHECK(client.greeting().starts_with("+OK POP3 server ready <"));
    CHECK(client.greeting().ends_with(">"));
    play_sample_session(client, message);
}

TEST_CASE("RETR of the sample message says how many octets follow") {
    Server server{demo()};
    Pop3Client client = server.session();
    CHECK(client.command("RETR 1") == "+OK 324 octets");
    CHECK(client.body() == as_received(the_message()));
    client.quit();
}

TEST_CASE("the sample session through sed turns every e into x") {
    std::string message = the_message();
    std::replace(message.begin(), message.end(), 'e', 'x');
    CHECK(message.find("To: Rxcxptor") != std::string::npos);
    // Each way of writing it on a command line results in one argument "s/e/x/g".
    const std::string spec = GENERATE(as<std::string>{}, "/usr/bin/sed:s/e/x/g", "/usr/bin/sed s/e/x/g",
                                      "/usr/bin/sed 's/e/x/g'", "/usr/bin/sed -e \"s/e/x/g\"");
    CAPTURE(spec);
    Server server{demo({"-T", spec})};
    Pop3Client client = server.client();
    play_sample_session(client, message);
}

TEST_CASE("every sample message arrives byte for byte") {
    Server server{demo()};
    int mails = 0;
    for (int user = 1; user <= 6; ++user) {
        const Maildir maildir{sample / ("user" + std::to_string(user))};
        std::vector<std::string> expected;
        for (const std::string& name : maildir.messages())
            expected.push_back(as_received(read_whole(maildir.path() / name)));
        Pop3Client client = server.session(user);
        std::size_t octets = 0;
        for (const std::string& mail : expected) octets += mail.size();
        CAPTURE(user);
        CHECK(client.command("STAT") == "+OK " + std::to_string(expected.size()) + " " + std::to_string(octets));
        std::vector<std::string> received;
        for (std::size_t n = 1; n <= expected.size(); ++n) {
            const std::string listed = client.command("LIST " + std::to_string(n));
            received.push_back(client.retrieve(static_cast<int>(n)));
            CHECK(listed == "+OK " + std::to_string(n) + " " + std::to_string(received.back().size()));
        }
        std::sort(expected.begin(), expected.end());
        std::sort(received.begin(), received.end());
        CHECK(difference(received, expected) == "");
        mails += static_cast<int>(expected.size());
        client.quit();
    }
    CHECK(mails == 24);
}

TEST_CASE("sample messages are numbered in order of delivery") {
    Server server{demo()};
    Pop3Client client = server.session(6);
    const std::vector<std::string> words = {"Primero", "Segundo", "Tercero", "Cuarto", "Quinto", "Sexto", "Septimo"};
    for (std::size_t n = 0; n < words.size(); ++n)
        CHECK(client.many("TOP " + std::to_string(n + 1) + " 0").find("Subject: " + words[n]) != std::string::npos);
    client.quit();
}

TEST_CASE("the demo leaves maildir-sample unchanged and no temporary files behind") {
    const auto before = snapshot(sample);
    TempDirectory temporary;
    {
        Server::Setup setup = demo();
        setup.environment["TMPDIR"] = temporary.path();
        Server server{setup};
        for (int user = 1; user <= 6; ++user) {
            Pop3Client client = server.session(user);
            (void)client.retrieve(1);
            CHECK(client.command("DELE 1").starts_with("+OK"));
            client.quit();
        }
        {
            Pop3Client client = server.session(1);
            CHECK(client.command("STAT") == "+OK 0 0");
        }
        CHECK(server.stop() == 0);
    }
    CHECK(snapshot(sample) == before);
    CHECK(std::filesystem::is_empty(temporary.path()));
}

TEST_CASE("SIGHUP leaves the demo its mail, even if there is a directory with the default name of a mail root") {
    Server server{demo()};
    std::filesystem::create_directory(server.directory() / "maildir");
    const std::string root = server.manager().command("DIRR");
    server.process().signal(SIGHUP);
    REQUIRE(server.logs("what=files"));
    CHECK(server.manager().command("DIRR") == root);
    CHECK(server.session().command("STAT") == "+OK 1 324");
}

TEST_CASE("two demos running at the same time do not share their mail") {
    Server one{demo()}, other{demo()};
    Pop3Client client = one.session();
    CHECK(client.command("DELE 1").starts_with("+OK"));
    client.quit();
    CHECK(other.session().command("STAT") == "+OK 1 324");
}
