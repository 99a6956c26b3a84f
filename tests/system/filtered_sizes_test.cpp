// system/filtered_sizes_test.cpp - STAT, LIST and RETR of transformed mail: listings give stored sizes, RETR gives the
// size of what follows or none.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

std::string listing(Pop3Client& client) {
    return client.command("STAT") + " / " + client.many("LIST");
}

// "+OK 2 30 / 1 10\r\n2 20\r\n" for the sizes 10 and 20.
std::string listing_of(const std::vector<std::size_t>& sizes) {
    std::size_t total = 0;
    std::string lines;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        total += sizes[i];
        lines += std::to_string(i + 1) + " " + std::to_string(sizes[i]) + "\r\n";
    }
    return "+OK " + std::to_string(sizes.size()) + " " + std::to_string(total) + " / " + lines;
}

const std::string first_mail = "Subject: a\n\nee\n.e\n";
const std::string large_mail = "Subject: b\n\n" + std::string(70'000, '\n') + "e\n"; // too long to be held back
const std::string third_mail = "Subject: c\n\nx";
// After "s/e/EE/g".
const std::size_t first_stored = as_received(first_mail).size(), first_size = first_stored + 4;
const std::size_t large_stored = as_received(large_mail).size(), large_size = large_stored + 2;
const std::size_t third_stored = as_received(third_mail).size(), third_size = third_stored + 1;

} // namespace

TEST_CASE("with a filter on, listings give stored sizes in every session, and RETR gives the size that it sends") {
    Server server{1, {"-T", "/usr/bin/sed:s/e/EE/g"}};
    const Maildir maildir = server.maildir("user1");
    (void)maildir.put_in_cur("1700000001.M1P1.h:2,S", first_mail);
    (void)maildir.put_in_cur("1700000002.M1P1.h:2,S", large_mail);
    (void)maildir.put_in_cur("1700000003.M1P1.h:2,S", third_mail);
    const std::string stored = listing_of({first_stored, large_stored, third_stored});
    for (int session = 0; session < 2; ++session) {
        Pop3Client client = server.session();
        CHECK(listing(client) == stored);
        CHECK(client.command("RETR 1") == "+OK " + std::to_string(first_size) + " octets");
        CHECK(client.body().size() == first_size);
        CHECK(client.command("RETR 2") == "+OK message follows");
        CHECK(client.body().size() == large_size);
        CHECK(client.retrieve(3).size() == third_size);
        CHECK(listing(client) == stored);
        CHECK(client.command("LIST 2") == "+OK 2 " + std::to_string(large_stored));
        CHECK(client.command("DELE 2").starts_with("+OK"));
        CHECK(client.command("STAT") == "+OK 2 " + std::to_string(first_stored + third_stored));
        CHECK(client.command("RSET").starts_with("+OK"));
        client.quit();
    }
    CHECK_FALSE(std::filesystem::exists(maildir.path() / "buzon-filtered"));
}

TEST_CASE("a file of transformed sizes that an earlier build left in a Maildir is ignored") {
    Server server{1, {"-T", "/usr/bin/sed:s/e/EE/g"}};
    const Maildir maildir = server.maildir("user1");
    (void)maildir.put_in_cur("1700000001.M1P1.h:2,S", first_mail);
    const std::string left = "buzon-filtered 1\nwhatever it says";
    std::ofstream{maildir.path() / "buzon-filtered", std::ios::binary} << left;
    Pop3Client client = server.session();
    CHECK(listing(client) == listing_of({first_stored}));
    CHECK(client.retrieve(1).size() == first_size);
    CHECK(client.command("DELE 1").starts_with("+OK"));
    client.quit();
    Pop3Client next = server.session();
    CHECK(listing(next) == listing_of({}));
    next.quit();
    std::ifstream file{maildir.path() / "buzon-filtered", std::ios::binary};
    CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == left);
}

TEST_CASE("when a filter's output changes, RETR never announces the size of an earlier output") {
    TempDirectory directory;
    const std::string more = directory.file("more", "");
    const std::string program = directory.script("filter", "cat; cat " + more);
    const std::string mail = "Subject: a\n\nb\n";
    const std::size_t size = as_received(mail).size();
    Server server{1, {"-T", program}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
    const auto tells = [&](std::size_t wanted) {
        Pop3Client client = server.session();
        CHECK(client.command("RETR 1") == "+OK " + std::to_string(wanted) + " octets");
        CHECK(client.body().size() == wanted);
        client.quit();
    };
    tells(size);
    (void)directory.file("more", "12345678\n");
    tells(size + 10);
    (void)directory.file("more", std::string(100'000, '\n'));
    Pop3Client client = server.session();
    CHECK(client.command("RETR 1") == "+OK message follows");
    CHECK(client.body().size() == size + 200'000);
    client.quit();
}
