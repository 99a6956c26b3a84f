// system/octets_test.cpp - every octet of a stored mail, and no other, reaches the client; the sizes announced are
// right.
#include "support/catch.h"
#include "system/server.h"

#include <fstream>
#include <random>

using namespace buzon::test;
using namespace std::string_literals;

namespace {

struct Odd {
    const char* what;
    std::string stored;
};

std::vector<Odd> odd_mails() {
    std::vector<Odd> mails = {
        {"empty", ""},
        {"one LF", "\n"},
        {"one CRLF", "\r\n"},
        {"one CR", "\r"},
        {"CR CR LF", "a\r\r\n"},
        {"LF CR", "a\n\r"},
        {"only CRs", "\r\r\r"},
        {"a bare CR in the middle", "a\rb\n"},
        {"a bare CR before a dot", "a\r.\r\n"},
        {"a final bare CR", "a\nb\r"},
        {"LF", "Subject: a\n\nb\n"},
        {"CRLF", "Subject: a\r\n\r\nb\r\n"},
        {"mixed", "Subject: a\r\n\nb\nc\r\n"},
        {"unterminated LF", "Subject: a\n\nb"},
        {"unterminated CRLF", "Subject: a\r\n\r\nb"},
        {"a dot", "."},
        {"a dot with LF", ".\n"},
        {"a dot with CRLF", ".\r\n"},
        {"two dots", ".."},
        {"an end of reply inside", "a\r\n.\r\nb\r\n"},
        {"the same with LF", "a\n.\nb\n"},
        {"dots everywhere", "...\n..\n.\n.a\n a.\n..."},
        {"a NUL", "\0"s},
        {"NULs", "a\0b\n\0\n.\0\n\0"s},
        {"all octets",
         [] {
             std::string all;
             for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
             return all;
         }()},
        {"only line ends", std::string(1000, '\n')},
        {"one long line", std::string(300000, 'x')},
        {"only dots", std::string(70000, '.')},
    };
    // Line ends, dots and CRs on all sides of the usual buffer sizes.
    for (const std::size_t edge : {4096U, 8192U, 16384U, 32768U, 65536U, 131072U, 262144U})
        for (const std::size_t at : {edge - 3, edge - 2, edge - 1, edge, edge + 1})
            for (const char* piece : {"\n.\n", "\r\n.\r\n", "\r", "\n..", "\r\r\n"})
                mails.push_back({"at a buffer's edge", std::string(at, 'x') + piece});
    return mails;
}

} // namespace

TEST_CASE("every stored form arrives exactly, and its exact size is announced") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const std::vector<Odd> mails = odd_mails();
    std::size_t total = 0;
    for (std::size_t i = 0; i < mails.size(); ++i) {
        (void)maildir.deliver(std::to_string(1700000000 + i) + ".M1P1.h", mails[i].stored);
        total += as_received(mails[i].stored).size();
    }
    Pop3Client client = server.session();
    CHECK(client.command("STAT") == "+OK " + std::to_string(mails.size()) + " " + std::to_string(total));
    REQUIRE(client.command("LIST").starts_with("+OK"));
    const std::vector<std::string> listed = client.body_lines();
    REQUIRE(listed.size() == mails.size());
    for (std::size_t i = 0; i < mails.size(); ++i) {
        CAPTURE(mails[i].what, i);
        const std::string number = std::to_string(i + 1), size = std::to_string(as_received(mails[i].stored).size());
        CHECK(listed[i] == number + " " + size);
        REQUIRE(client.command("RETR " + number) == "+OK " + size + " octets");
        const std::string wanted = as_sent(mails[i].stored);
        CHECK(difference(client.exactly(wanted.size()), wanted) == "");
    }
    client.quit();
}

TEST_CASE("random mixtures of line ends and dots arrive exactly") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    std::mt19937 random{1939};
    std::vector<std::string> mails;
    for (int i = 0; i < 300; ++i) {
        std::string mail;
        const auto pieces = random() % 400;
        for (unsigned p = 0; p < pieces; ++p)
            mail += std::vector<std::string>{"\r", "\n", "\r\n", ".", "a", "\0"s}[random() % 6];
        mails.push_back(mail);
        (void)maildir.deliver(std::to_string(1700000000 + i) + ".M1P1.h", mail);
    }
    Pop3Client client = server.session();
    for (std::size_t i = 0; i < mails.size(); ++i) {
        CAPTURE(i);
        REQUIRE(client.command("RETR " + std::to_string(i + 1)) ==
                "+OK " + std::to_string(as_received(mails[i]).size()) + " octets");
        CHECK(difference(client.exactly(as_sent(mails[i]).size()), as_sent(mails[i])) == "");
    }
    client.quit();
}

TEST_CASE("for random files around every buffer size, STAT, LIST, RETR and the octets received agree") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    std::mt19937 random{2449};
    std::vector<std::string> mails;
    std::vector<std::size_t> octets; // as the client receives them
    std::size_t total = 0;
    constexpr std::string_view odd[] = {"\r", "\n", "\r\n", ".", std::string_view{"\0", 1}, "\xff"};
    const std::string x(80, 'x');
    for (const std::size_t size : {1U << 12, 1U << 13, 1U << 14, 1U << 15, 1U << 16, 96U << 10, 1U << 17, 1U << 18})
        for (std::size_t length = size - 2; length <= size + 2; ++length)
            for (unsigned sort = size > 1U << 16 ? 1 : 0; sort < 2; ++sort) { // short lines slow the test itself down
                // Either line ends, dots and NULs everywhere, or ordinary lines with an odd octet now and then.
                std::string mail;
                while (mail.size() < length) {
                    if (sort != 0) mail.append(x, 0, random() % x.size());
                    if (sort == 0 || random() % 9 == 0) mail += odd[random() % std::size(odd)];
                    if (sort != 0) mail += random() % 2 == 0 ? "\r\n." : "\n";
                }
                mail.resize(length);
                mails.push_back(mail);
                octets.push_back(as_received(mail).size());
                total += octets.back();
                (void)maildir.deliver(std::to_string(1700000000 + mails.size()) + ".M1P1.h", mail);
            }
    std::vector<std::string> sizes;
    for (std::size_t i = 0; i < mails.size(); ++i)
        sizes.push_back(std::to_string(i + 1) + " " + std::to_string(octets[i]));
    for (const bool again : {false, true}) { // the second time, the sizes are known
        Pop3Client client = server.session();
        CHECK(client.command("STAT") == "+OK " + std::to_string(mails.size()) + " " + std::to_string(total));
        REQUIRE(client.command("LIST").starts_with("+OK"));
        CHECK(client.body_lines() == sizes);
        for (std::size_t i = 0; i < mails.size() && !again; ++i) {
            CAPTURE(i, mails[i].size());
            REQUIRE(client.command("RETR " + std::to_string(i + 1)) == "+OK " + std::to_string(octets[i]) + " octets");
            const std::string wanted = as_sent(mails[i]);
            CHECK(difference(client.exactly(wanted.size()), wanted) == "");
        }
        client.quit();
        (void)maildir.deliver("1600000000.M1P1.h", ""); // so that the directories are read again
        maildir.remove("1600000000.M1P1.h");
    }
}

TEST_CASE("a message rewritten in place arrives as it is now, and RETR announces no wrong size") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    // Small ones are counted; for large ones, and those that end on a page boundary, the file's status is checked.
    const std::size_t lengths[] = {20, 4096, 60'000, 200'000, 1'000'000};
    int number = 0;
    std::vector<std::filesystem::path> files;
    for (const std::size_t length : lengths)
        files.push_back(maildir.put_in_cur("170000000" + std::to_string(++number) + ".M1P1.h:2,S",
                                           std::string(length - 1, 'x') + "\n"));
    maildir.rest(); // a directory that changed a moment ago is read again at each login
    server.session().quit();
    const auto rewrite = [&](char before_last) {
        for (std::size_t i = 0; i < files.size(); ++i) {
            std::fstream file{files[i], std::ios::in | std::ios::out | std::ios::binary};
            file.seekp(static_cast<std::streamoff>(lengths[i] - 3));
            file << std::string{before_last} + "\nx"; // the same size; no directory changes
        }
    };
    const auto check = [&](Pop3Client& client) {
        for (std::size_t i = 0; i < files.size(); ++i) {
            const std::string wanted = as_received(read_whole(files[i]));
            const std::string listed = client.command("LIST " + std::to_string(i + 1)).substr(6);
            CHECK(listed == std::to_string(lengths[i] + 1));
            const std::string reply = client.command("RETR " + std::to_string(i + 1));
            CHECK(reply == "+OK message follows");
            CHECK(wanted.size() == lengths[i] + 4);
            CHECK(difference(client.body(), wanted).empty());
        }
    };
    // In the session during which they are rewritten, and in the next one.
    {
        Pop3Client client = server.session();
        rewrite('\n');
        check(client);
        client.quit();
    }
    Pop3Client next = server.session();
    check(next);
}

TEST_CASE("TOP returns the header and the requested number of body lines") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const std::string mails[] = {"Subject: a\nFrom: b\n\n.one\ntwo\n\nfour",
                                 "Subject: a\r\n\r\none\r\n.\r\n",
                                 "\nbody\nat once\n",
                                 "Subject: header only\n",
                                 "Subject: unterminated",
                                 "",
                                 "Subject: a\n \n\nfolded\n"};
    for (std::size_t i = 0; i < std::size(mails); ++i)
        (void)maildir.deliver(std::to_string(1700000000 + i) + ".M1P1.h", mails[i]);
    Pop3Client client = server.session();
    for (std::size_t i = 0; i < std::size(mails); ++i)
        for (const std::size_t lines : {0U, 1U, 2U, 3U, 4U, 1000U}) {
            CAPTURE(i, lines);
            CHECK(client.many("TOP " + std::to_string(i + 1) + " " + std::to_string(lines)) == top_of(mails[i], lines));
        }
    client.quit();
}

TEST_CASE("sizes in file names are ignored") {
    Server server;
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h,S=5,W=7:2,S", "Subject: a\n\nlonger than that\n");
    Pop3Client client = server.session();
    CHECK(client.command("STAT") == "+OK 1 " + std::to_string(as_received("Subject: a\n\nlonger than that\n").size()));
    client.quit();
}
