// system/filtered_sizes_test.cpp - STAT, LIST and RETR of transformed mail: one number once it is known, the same as
// long as a session lasts, and never a lie in front of a message.
#include <signal.h>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

std::string listing(Pop3Client& client) {
    return client.command("STAT") + " / " + client.many("LIST");
}

// "+OK 2 30 / 1 10\r\n2 20\r\n" for these sizes.
std::string listing_of(const std::vector<std::size_t>& sizes) {
    std::size_t total = 0;
    std::string lines;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        total += sizes[i];
        lines += std::to_string(i + 1) + " " + std::to_string(sizes[i]) + "\r\n";
    }
    return "+OK " + std::to_string(sizes.size()) + " " + std::to_string(total) + " / " + lines;
}

const std::string first = "Subject: a\n\nee\n.e\n";
const std::string large = "Subject: b\n\n" + std::string(70'000, '\n') + "e\n"; // too long to be held
const std::string third = "Subject: c\n\nx";
// Behind "s/e/EE/g".
const std::size_t first_stored = as_received(first).size(), first_size = first_stored + 4;
const std::size_t large_stored = as_received(large).size(), large_size = large_stored + 2;
const std::size_t third_stored = as_received(third).size(), third_size = third_stored + 1;

} // namespace

TEST_CASE("octets behind a filter are told by later sessions once a RETR has seen them") {
    TempDirectory directory;
    const std::string root = directory / "mail";
    Maildir maildir{root + "/user1"};
    (void)maildir.put_in_cur("1700000001.M1P1.h:2,S", first);
    (void)maildir.put_in_cur("1700000002.M1P1.h:2,S", large);
    (void)maildir.put_in_cur("1700000003.M1P1.h:2,S", third);
    Server::Setup setup;
    setup.arguments = {"-d", root, "-u", "user1:pass1", "-T", "/usr/bin/sed:s/e/EE/g"};
    setup.own_root = true;
    const std::string stored = listing_of({first_stored, large_stored, third_stored});
    {
        Server server{setup};
        Pop3Client client = server.session();
        CHECK(listing(client) == stored);
        (void)client.many("TOP 1 1"); // the whole of it, but nobody says so
        CHECK(client.command("RETR 1") == "+OK " + std::to_string(first_size) + " octets");
        CHECK(client.body().size() == first_size);
        CHECK(client.command("RETR 2") == "+OK message follows");
        CHECK(client.body().size() == large_size);
        CHECK(listing(client) == stored); // fixed as long as the session lasts
        client.quit();

        Pop3Client next = server.session();
        CHECK(listing(next) == listing_of({first_size, large_size, third_stored}));
        CHECK(next.command("LIST 2") == "+OK 2 " + std::to_string(large_size));
        CHECK(next.command("RETR 1") == "+OK " + std::to_string(first_size) + " octets");
        CHECK(next.body().size() == first_size);
        CHECK(next.command("RETR 2") == "+OK message follows");
        CHECK(next.body().size() == large_size);
        CHECK(next.command("DELE 2").starts_with("+OK"));
        CHECK(next.command("STAT") == "+OK 2 " + std::to_string(first_size + third_stored));
        CHECK(next.command("RSET").starts_with("+OK"));
        CHECK(next.retrieve(3).size() == third_size);
        CHECK(next.command("DELE 1").starts_with("+OK"));
        next.quit();

        // Other mail behind the same filter, and this mail behind another one.
        (void)maildir.deliver("1700000004.M1P1.h", first);
        Pop3Client later = server.session();
        CHECK(listing(later) == listing_of({large_size, third_size, first_stored}));
        CHECK(server.manager().command("TRAN 0").starts_with("+OK"));
        CHECK(listing(later) == listing_of({large_size, third_size, first_stored}));
        later.quit();
        Pop3Client plain = server.session();
        CHECK(listing(plain) == listing_of({large_stored, third_stored, first_stored}));
        plain.quit();
        CHECK(server.manager().command("TRAN 1").starts_with("+OK"));
    }
    // It is with the mail, not in the server; and only a cache.
    {
        Server server{setup};
        Pop3Client client = server.session();
        CHECK(listing(client) == listing_of({large_size, third_size, first_stored}));
        client.quit();
        std::filesystem::remove(maildir.path() / "buzon-filtered");
        Pop3Client next = server.session();
        CHECK(listing(next) == listing_of({large_stored, third_stored, first_stored}));
        next.quit();
        (void)directory.file("mail/user1/buzon-filtered", "no such thing");
        Pop3Client third_time = server.session();
        CHECK(listing(third_time) == listing_of({large_stored, third_stored, first_stored}));
        CHECK(third_time.retrieve(1).size() == large_size);
        third_time.reset(); // a session that is cut off has learned all the same
        CHECK(eventually([&] {
            Pop3Client again = server.client();
            (void)again.command("USER user1");
            return again.command("PASS pass1").starts_with("+OK") &&
                   listing(again) == listing_of({large_size, third_stored, first_stored});
        }));
    }
    setup.arguments.back() = "/usr/bin/sed:s/e/EEE/g";
    Server server{setup};
    Pop3Client client = server.session();
    CHECK(listing(client) == listing_of({large_stored, third_stored, first_stored}));
    client.quit();
}

TEST_CASE("a session that learns nothing new about transformed mail gives no worker work") {
    Server server{1, {"-T", "/usr/bin/sed:s/e/EE/g"}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", first);
    (void)server.maildir("user1").put_in_cur("1700000002.M1P1.h:2,S", large);
    ManagementClient manager = server.manager();
    const auto session = [&] {
        Pop3Client client = server.session();
        CHECK(client.retrieve(1).size() == first_size);
        CHECK(client.retrieve(2).size() == large_size);
        client.quit();
    };
    session();
    // A directory that changed a moment ago is read again at each login, by a worker; so is what was just written down.
    CHECK(eventually([&] {
        const std::string before = manager.command("METR worker-jobs");
        session();
        return manager.command("METR worker-jobs") == before;
    }));
    // Behind another program it is news again.
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    const std::string before = manager.command("METR worker-jobs");
    Pop3Client client = server.session();
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(client.retrieve(1).size() == first_size);
    client.quit();
    CHECK(eventually([&] { return manager.command("METR worker-jobs") != before; }));
}

TEST_CASE("a program that changes its mind is never announced with the octets it once made") {
    TempDirectory directory;
    const std::string more = directory.file("more", "");
    const std::string program = directory.script("filter", "cat; cat " + more);
    const std::string mail = "Subject: a\n\nb\n";
    const std::size_t size = as_received(mail).size();
    Server server{1, {"-T", program}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
    const auto tells = [&](std::size_t known, std::size_t wanted) {
        Pop3Client client = server.session();
        CHECK(listing(client) == listing_of({known}));
        CHECK(client.command("RETR 1") == "+OK " + std::to_string(wanted) + " octets");
        CHECK(client.body().size() == wanted);
        CHECK(listing(client) == listing_of({known}));
        client.quit();
    };
    tells(size, size);
    (void)directory.file("more", "12345678\n");
    tells(size, size + 10);      // what follows is known when it is announced
    tells(size + 10, size + 10); // and the latest is remembered
    (void)directory.file("more", std::string(100'000, '\n'));
    Pop3Client client = server.session();
    CHECK(listing(client) == listing_of({size + 10}));
    CHECK(client.command("RETR 1") == "+OK message follows");
    CHECK(client.body().size() == size + 200'000);
    client.quit();
    Pop3Client next = server.session();
    CHECK(listing(next) == listing_of({size + 200'000}));
    next.quit();
    // Another program of the same name: nothing is known.
    (void)directory.script("filter", "cat; echo");
    tells(size, size + 2);
    tells(size + 2, size + 2);
    // A message that fails is none, and teaches nothing.
    (void)directory.script("filter", "cat; echo; exit 1");
    Pop3Client failing = server.session();
    CHECK(listing(failing) == listing_of({size}));
    CHECK(failing.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
    failing.quit();
    Pop3Client after = server.session();
    CHECK(listing(after) == listing_of({size}));
    after.quit();
}
