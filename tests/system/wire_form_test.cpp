// system/wire_form_test.cpp - messages stored in wire form go from the file to the client without passing through the
// server. Whichever way they take, the client must see the same octets.
#include "support/catch.h"
#include "system/server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <random>

using namespace buzon::test;

namespace {

// Lines of random octets, ended by CRLF, none with a leading dot.
std::string in_wire_form(std::size_t size, unsigned seed) {
    std::mt19937 random{seed};
    std::string text = "Subject: a\r\n\r\n";
    while (text.size() + 2 < size) {
        std::size_t line = std::min<std::size_t>(random() % 200, size - 2 - text.size());
        if (size - 2 - text.size() - line < 3) line = size - 2 - text.size(); // room for one more line, or none
        for (std::size_t i = 0; i < line; ++i) {
            char c = static_cast<char>(random());
            if (c == '\n' || c == '\r' || (c == '.' && i == 0)) c = 'x';
            text += c;
        }
        text += "\r\n";
    }
    return text;
}

void rewrite(const std::filesystem::path& path, const std::string& octets) {
    std::ofstream{path, std::ios::binary | std::ios::in | std::ios::trunc} << octets; // the same file, not a new one
}

} // namespace

TEST_CASE("a message in wire form arrives exactly, whatever its size and however it is read") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    std::vector<std::string> mails;
    constexpr std::size_t edge = 131072, piece = 16384;
    for (const std::size_t size : {edge - 1, edge, edge + 1, edge + 2, edge + piece - 1, edge + piece, edge + piece + 1,
                                   4 * edge, 4 * edge + piece, 1000003UL, 3000017UL})
        mails.push_back(in_wire_form(size, static_cast<unsigned>(size)));
    // Nearly wire form: a few octets somewhere make it another form.
    for (const char* piece_of_it : {"\n", "\r\n.\r\n", "\r", "\r\r\n", "\n..\n"})
        for (const std::size_t at : {std::size_t{100}, piece, piece - 1, std::size_t{150000}, std::size_t{199998}})
            mails.push_back(in_wire_form(200000, 7).insert(at, piece_of_it));
    mails.push_back(in_wire_form(200000, 8) + "no line end");
    mails.push_back(in_wire_form(200000, 8) + ".");
    for (std::size_t i = 0; i < mails.size(); ++i)
        (void)maildir.deliver(std::to_string(1700000000 + i) + ".M1P1.h", mails[i]);
    // The second session has a small window, so that the socket is full again and again.
    for (const bool slow : {false, true}) {
        Pop3Client client = slow ? Pop3Client{"127.0.0.1", server.port(), {.receive_buffer = 65536}} : server.client();
        client.login("user1", "pass1");
        for (std::size_t i = slow ? 5 : 0; i < (slow ? 12 : mails.size()); ++i) {
            CAPTURE(i, mails[i].size(), slow);
            CHECK(client.command("RETR " + std::to_string(i + 1)) == octets_reply(mails[i]));
            CHECK(difference(client.body(), as_received(mails[i])) == "");
        }
        CHECK(client.command("TOP 1 5").starts_with("+OK"));
        CHECK(difference(client.body(), top_of(mails[0], 5)) == "");
        CHECK(client.command("NOOP").starts_with("+OK"));
    }
    // All at once, with more commands behind.
    Pop3Client client = server.session();
    client.send("RETR 11\r\nRETR 10\r\nNOOP\r\nRETR 11\r\nQUIT\r\n");
    for (const std::size_t i : {10U, 9U}) {
        CHECK(client.line() == octets_reply(mails[i]));
        CHECK(difference(client.body(), as_received(mails[i])) == "");
    }
    CHECK(client.line().starts_with("+OK"));
    CHECK(client.line() == octets_reply(mails[10]));
    CHECK(difference(client.body(), as_received(mails[10])) == "");
    CHECK(client.line().starts_with("+OK"));
}

TEST_CASE("a file that has changed since it was measured is not taken to be in wire form") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const std::string first = in_wire_form(500000, 1);
    const auto path = maildir.deliver("1700000000.M1P1.h", first);
    Pop3Client client = server.session();
    CHECK(client.command("STAT") == "+OK 1 500000");
    // The same size, but lines that end in LF and begin with a dot, and no line end after the last one.
    std::string other(500000, 'y');
    for (std::size_t i = 50; i + 60 < other.size(); i += 50) other.replace(i, 3, "\n.z");
    rewrite(path, other);
    struct timespec times[2] = {{1, 0}, {1, 0}}; // certainly not the same time as before
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    CHECK(client.command("RETR 1").starts_with("+OK"));
    CHECK(difference(client.body(), as_received(other)) == "");
    // Longer: no count is promised, and the octets are those of the file.
    rewrite(path, other + "more");
    CHECK(client.command("RETR 1") == "+OK message follows");
    CHECK(difference(client.body(), as_received(other + "more")) == "");
    CHECK(client.command("NOOP").starts_with("+OK"));
}

TEST_CASE("a message truncated while it is being sent is never taken for the whole") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const std::string mail = in_wire_form(16'000'000, 3);
    const auto path = maildir.deliver("1700000000.M1P1.h", mail);
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 65536}};
    client.login("user1", "pass1");
    CHECK(client.command("RETR 1") == octets_reply(mail));
    CHECK(client.exactly(100000) == mail.substr(0, 100000));
    std::filesystem::resize_file(path, 10'000'000);
    const std::string rest = client.rest(true);
    CHECK(rest.size() < 10'000'000);
    CHECK(difference(rest, mail.substr(100000, rest.size())) == ""); // and no final dot
}
