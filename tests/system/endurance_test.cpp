// system/endurance_test.cpp - many sessions, large mail, slow peers: nothing leaks, and no session waits for another.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/sanitized.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string mail_text = "Subject: resistencia\n\n.uno\ndos\n";

void drop_from_memory(const std::string& path) {
    const buzon::posix::UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::fdatasync(file.get()) == 0);
    REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
}

// One pipelined session for each of the server's users, all open at the same time. False if one of them fails.
bool a_round_of_sessions(const Server& server, int users, const std::string& middle, const std::string& expected) {
    std::vector<Wire> wires;
    for (int user = 1; user <= users; ++user) {
        const std::string n = std::to_string(user);
        wires.emplace_back("127.0.0.1", server.port());
        wires.back().send("USER user" + n + "\r\nPASS pass" + n + "\r\n" + middle + "QUIT\r\n");
    }
    for (Wire& wire : wires) {
        const std::string all = wire.rest();
        if (!all.ends_with("+OK Password accepted\r\n" + expected + "+OK Goodbye\r\n")) {
            UNSCOPED_INFO(all);
            return false;
        }
    }
    return true;
}

struct Holdings {
    std::size_t descriptors, children;
    bool operator==(const Holdings&) const = default;
};

Holdings holdings(const Server& server) {
    return {descriptors_of(server.reactor()), descendants_of(server.pid()).size()};
}

bool comes_back_to(const Server& server, const Holdings& before) {
    // Fewer is fine, too: a session may still have been ending when we first counted.
    const bool same = eventually([&] {
        const Holdings now = holdings(server);
        return now.descriptors <= before.descriptors && now.children <= before.children;
    });
    if (!same) {
        const Holdings now = holdings(server);
        UNSCOPED_INFO("descriptors " << before.descriptors << " -> " << now.descriptors << ", children "
                                     << before.children << " -> " << now.children);
    }
    return same;
}

// A line of the large mail that write_large() writes, in the file and on the wire, where it is one CR longer.
constexpr std::string_view filler =
    "una linea de cien octetos, con su final, que se repite las veces que haga falta para llenar el correo\n";
constexpr std::string_view filler_sent =
    "una linea de cien octetos, con su final, que se repite las veces que haga falta para llenar el correo\r\n";

void write_large(const std::string& path, std::size_t lines) {
    std::string piece;
    for (int i = 0; i < 10000; ++i) piece += filler;
    const buzon::posix::UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    REQUIRE(fd);
    for (std::size_t left = lines; left > 0;) {
        const std::size_t now = std::min<std::size_t>(left, 10000);
        REQUIRE(!buzon::posix::write_all(fd.get(), std::string_view(piece).substr(0, now * filler.size())));
        left -= now;
    }
}

} // namespace

TEST_CASE("ten thousand sessions leave nothing behind") {
    constexpr int users = 50;
    Server server{users};
    for (int user = 1; user <= users; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", mail_text);
    const std::string size = std::to_string(as_received(mail_text).size());
    const std::string plain = "+OK 1 " + size + "\r\n+OK " + size + " octets\r\n" + as_sent(mail_text);
    // What the server starts on demand (workers, a reserve) exists after the first rounds.
    for (int i = 0; i < 4; ++i) REQUIRE(a_round_of_sessions(server, users, "STAT\r\nRETR 1\r\n", plain));
    const std::size_t memory = kilobytes_of(server.reactor(), "VmRSS");
    const Holdings before = holdings(server);
    constexpr int rounds = 10000 / users / endurance_divisor;
    for (int i = 0; i < rounds; ++i) REQUIRE(a_round_of_sessions(server, users, "STAT\r\nRETR 1\r\n", plain));
    CHECK(comes_back_to(server, before));
    CHECK(zombies_of(server.pid()) == 0);
    CHECK(parse_metrics(server.manager().command("METR")).historic == (rounds + 4) * users);
    CHECK(kilobytes_of(server.reactor(), "VmRSS") < memory + 32 * 1024);
}

TEST_CASE("a thousand filtered retrievals leave nothing behind") {
    constexpr int users = 20;
    Server server{users, {"-T", "/bin/cat"}};
    for (int user = 1; user <= users; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", mail_text);
    std::string middle, expected;
    for (int i = 0; i < 5; ++i) {
        middle += "RETR 1\r\n";
        expected += octets_reply(mail_text) + "\r\n" + as_sent(mail_text);
    }
    REQUIRE(a_round_of_sessions(server, users, middle, expected));
    const Holdings before = holdings(server);
    constexpr int rounds = sanitized ? 3 : 10;
    for (int i = 0; i < rounds; ++i) REQUIRE(a_round_of_sessions(server, users, middle, expected));
    CHECK(comes_back_to(server, before));
    CHECK(zombies_of(server.pid()) == 0);
    CHECK(parse_metrics(server.manager().command("METR")).messages == (rounds + 1) * users * 5);
}

TEST_CASE("sessions that end badly leave nothing behind") {
    constexpr int users = 20;
    TempDirectory directory;
    Server server{users, {"-T", directory.script("filter", "cat; exec sleep 1000")}};
    for (int user = 1; user <= users; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", mail_text);
    Holdings before{};
    for (int round = 0; round < 12; ++round) {
        std::vector<Pop3Client> clients;
        for (int user = 1; user <= users; ++user) clients.push_back(server.session(user));
        if (round < 8)
            for (Pop3Client& client : clients) client.send("RETR 1\r\n");
        for (Pop3Client& client : clients) {
            if (round % 2)
                client.reset();
            else
                client.close();
        }
        CHECK(eventually([&] { return parse_metrics(server.manager().command("METR")).online == 0; }));
        if (round == 1) {
            CHECK(eventually([&] { return zombies_of(server.pid()) == 0; }));
            server.session().quit(); // at least one worker lives: others may have been killed with a RETR
            REQUIRE(eventually([&, last = Holdings{}]() mutable {
                const Holdings now = holdings(server);
                const bool steady = now == last;
                last = now;
                pause_for(Seconds{0.5});
                return steady;
            }));
            before = holdings(server);
        }
    }
    CHECK(comes_back_to(server, before));
    CHECK(zombies_of(server.pid()) == 0);
}

TEST_CASE("slow and stuck clients do not hold up a hundred others") {
    constexpr int users = 100;
    TempDirectory directory;
    const std::string gate = directory / "gate", begun = directory / "begun";
    Server server{
        users + 3,
        {"-T", directory.script("filter", "> " + begun + "; while [ ! -e " + gate + " ]; do sleep 0.05; done; cat")}};
    for (int user = 1; user <= users + 3; ++user)
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", mail_text);
    write_large(server.root() + "/user101/cur/1700000002.M1P1.h:2,S", 1'000'000); // 100 MB
    ManagementClient manager = server.manager();

    // One reads 100 MB at 10 kB/s ...
    REQUIRE(manager.command("TRAN 0").starts_with("+OK"));
    Pop3Client slow{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    slow.login("user101", "pass101");
    REQUIRE(slow.command("RETR 2").starts_with("+OK"));
    std::atomic<bool> enough = false;
    std::string slow_body;
    std::thread reader{[&] {
        while (!enough) {
            slow_body += slow.some(1024);
            pause_for(Seconds{0.1});
        }
    }};
    // ... one has sent half a command ...
    Pop3Client half = server.session(102);
    half.send("STA");
    // ... and one waits for a filter that does nothing until the others are done.
    REQUIRE(manager.command("TRAN 1").starts_with("+OK"));
    Pop3Client waiting = server.session(103);
    waiting.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return std::filesystem::exists(begun); }));
    REQUIRE(manager.command("TRAN 0").starts_with("+OK"));

    const std::string size = std::to_string(as_received(mail_text).size());
    const std::string whole = "+OK 1 " + size + "\r\n+OK 1 messages (" + size + " octets)\r\n1 " + size +
                              "\r\n.\r\n+OK " + size + " octets\r\n" + as_sent(mail_text);
    bool all_well = true;
    for (int round = 0; round < 3; ++round)
        all_well = all_well && a_round_of_sessions(server, users, "STAT\r\nLIST\r\nRETR 1\r\n", whole);
    enough = true;
    reader.join();
    CHECK(all_well);
    CHECK(waiting.silent_for(Seconds{0}));
    (void)directory.file("gate", "");
    CHECK(waiting.line() == octets_reply(mail_text));
    CHECK(waiting.body() == as_received(mail_text));
    half.send("T\r\n");
    CHECK(half.line() == "+OK 1 " + size);
    // What the slow client has is the beginning of its mail, and the rest is still to come.
    CHECK(slow_body.size() < 10'000'000);
    bool right = true;
    for (std::size_t at = 0; at < slow_body.size() && right; at += filler_sent.size())
        right = filler_sent.starts_with(std::string_view(slow_body).substr(at, filler_sent.size()));
    CHECK(right);
    CHECK_FALSE(slow.some().empty()); // still coming
    slow.reset();
}

TEST_CASE("sessions that find no free descriptor for their message wait for one") {
    constexpr int users = 40;
    for (const bool in_memory : {true, false}) { // otherwise workers read it
        CAPTURE(in_memory);
        Server server{users};
        std::vector<std::string> files;
        for (int user = 1; user <= users; ++user)
            files.push_back(server.maildir("user" + std::to_string(user))
                                .put_in_cur("1700000001.M1P1.h:2,S", std::string(3'000'000, 'x')));
        std::vector<Pop3Client> clients;
        for (int user = 1; user <= users; ++user) clients.push_back(server.session(user));
        leave_descriptors(server.reactor(), 3);
        for (const std::string& file : files)
            if (!in_memory) drop_from_memory(file);
        for (Pop3Client& client : clients) client.send("RETR 1\r\n");
        for (Pop3Client& client : clients) {
            REQUIRE(client.line() == "+OK 3000002 octets");
            CHECK(client.body().size() == 3'000'002);
        }
    }
}

TEST_CASE("a message of 256 MiB passes through a filter to a slow client in bounded memory") {
    Server::Setup setup;
    setup.arguments = {"-u", "user1:pass1", "-T", "/bin/cat"};
    Server server{setup};
    constexpr std::size_t total = (std::size_t{1} << 28) / (sanitized ? 2 : 1), step = std::size_t{64} << 20;
    const std::string piece = "\n.\n..\r\n";
    {
        const auto path = server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", "");
        const buzon::posix::UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
        REQUIRE(::ftruncate(fd.get(), total) == 0); // holes: zeros that take no room on disk
        for (std::size_t at = step - 4; at < total; at += step)
            REQUIRE(::pwrite(fd.get(), piece.data(), piece.size(), static_cast<off_t>(at)) ==
                    static_cast<ssize_t>(piece.size()));
    }
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 65536}};
    client.login("user1", "pass1");
    const std::size_t before = kilobytes_of(server.reactor(), "VmRSS");
    REQUIRE(client.command("RETR 1") == "+OK message follows");
    // Slow at first, so that every buffer on the way to us has time to fill up.
    std::uint64_t zeros = 0;
    std::string marks, chunk;
    const auto take = [&] {
        chunk = client.some();
        REQUIRE(!chunk.empty());
        const auto zeros_here = static_cast<std::size_t>(std::count(chunk.begin(), chunk.end(), '\0'));
        zeros += zeros_here;
        if (zeros_here != chunk.size())
            std::copy_if(chunk.begin(), chunk.end(), std::back_inserter(marks), [](char c) { return c != '\0'; });
    };
    for (int i = 0; i < 20; ++i) {
        take();
        pause_for(Seconds{0.1});
    }
    const auto bounded = [&] {
        CHECK(kilobytes_of(server.reactor(), "VmHWM") < before + 64 * 1024);
        for (const pid_t child : descendants_of(server.pid())) CHECK(kilobytes_of(child, "VmHWM") < before + 64 * 1024);
    };
    bounded();
    std::string wanted;
    for (std::size_t at = step - 4; at < total; at += step) wanted += "\r\n..\r\n...\r\n";
    const std::size_t last = total - 4 + piece.size(); // the last mark made the file a little longer
    while (!marks.ends_with("\r\n.\r\n")) take();
    bounded();
    CHECK(marks == wanted + ".\r\n");
    CHECK(zeros == last - (total / step) * piece.size());
    client.quit();
}
