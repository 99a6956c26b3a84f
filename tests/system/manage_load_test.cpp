// system/manage_load_test.cpp - a manager reconfigures the server while its users connect, read and leave.
#include <atomic>
#include <mutex>
#include <thread>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return text;
}

// Where the service is now, as far as its users know.
class Place {
public:
    struct Known {
        std::string address = "127.0.0.1";
        std::uint16_t port = 0;
        bool operator==(const Known&) const = default;
    };
    explicit Place(std::uint16_t port) { known_.port = port; }
    [[nodiscard]] Known now() {
        const std::lock_guard lock{mutex_};
        return known_;
    }
    void move(const std::string& address, std::uint16_t port) {
        const std::lock_guard lock{mutex_};
        known_ = {address, port};
    }

private:
    std::mutex mutex_;
    Known known_;
};

// One user who connects, logs in, retrieves and quits, again and again. A connection that gets no greeting because the
// service has moved is retried where it is now; once greeted, everything must succeed.
class Reader {
public:
    Reader(Place& place, int user, const std::vector<std::string>& mails)
        : place_{place}, user_{std::to_string(user)}, mails_{mails}, thread_{[this] { read_on(); }} {}
    // Returns what went wrong, or "" if nothing did.
    std::string stop() {
        enough_ = true;
        thread_.join();
        return trouble_;
    }
    [[nodiscard]] int visits() const { return visits_; }

private:
    void read_on() {
        while (!enough_ && trouble_.empty()) {
            const Place::Known at = place_.now();
            bool greeted = false;
            try {
                LineClient client{at.address, at.port};
                greeted = client.line().starts_with("+OK POP3 server ready");
                visit(client);
                ++visits_;
            } catch (const std::exception& why) {
                if (greeted)
                    trouble_ = "user" + user_ + ": " + why.what();
                else if (!eventually([&] { return enough_ || !(place_.now() == at); }))
                    trouble_ = "user" + user_ + " is not let in";
            }
        }
    }
    void visit(LineClient& client) {
        for (const std::string& line : {"USER user" + user_, "PASS pass" + user_})
            if (const std::string reply = client.command(line); !reply.starts_with("+OK"))
                throw std::runtime_error{reply};
        const std::string body = client.many("RETR 1");
        if (std::find(mails_.begin(), mails_.end(), body) == mails_.end())
            throw std::runtime_error{"retrieved: " + body};
        if (client.command("QUIT") != "+OK Goodbye" || !client.ended()) throw std::runtime_error{"no goodbye"};
    }

    Place& place_;
    std::string user_;
    const std::vector<std::string>& mails_;
    std::atomic<bool> enough_ = false;
    std::atomic<int> visits_ = 0;
    std::string trouble_;
    std::thread thread_;
};

// Moves the service to another port and then to another address, and returns the reply to IPV6. A port that is free on
// one address may be in use on the next; then another one is tried.
std::string moved(ManagementClient& manager, Place& place, const std::string& address) {
    std::string reply;
    for (int tries = 0; tries < 20; ++tries) {
        const auto port = static_cast<std::uint16_t>(std::stoi(manager.ask("PORT 0")));
        place.move(place.now().address, port);
        reply = manager.command("IPV6 " + address);
        if (reply.starts_with("+OK")) place.move(address, port);
        if (!reply.ends_with("Address already in use")) break;
    }
    return reply;
}

} // namespace

TEST_CASE("PORT, IPV6, DIRR, HOST and TRAN lose no session under load") {
    constexpr int users = 4, rounds = 8;
    const std::string here = "Subject: aqui\n\n.uno\n", there = "Subject: alla\n\n.dos\n";
    const std::string line = std::string(70, 'x') + '\n';
    std::string large = "Subject: grande\n\n";
    for (int i = 0; i < 300'000; ++i) large += line;
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"-T", "/usr/bin/tr a-z A-Z"});
    const Server server{users + 2, arguments};
    TempDirectory other;
    const TakenPort taken{"0.0.0.0"};
    for (int user = 1; user <= users + 1; ++user) {
        (void)server.maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", here);
        (void)Maildir{other / ("user" + std::to_string(user))}.put_in_cur("1700000001.M1P1.h:2,S", there);
    }
    (void)server.maildir("user6").put_in_cur("1700000001.M1P1.h:2,S", large);
    ManagementClient manager = administrator_of(server);
    REQUIRE(manager.command("TRAN 0") == "+OK off");
    Pop3Client old = server.session(users + 1); // keeps its maildrop to the end
    Pop3Client slow{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    slow.login("user6", "pass6");
    REQUIRE(slow.command("RETR 1") == octets_reply(large));

    const std::vector<std::string> mails = {as_received(here), as_received(there), upper(as_received(here)),
                                            upper(as_received(there))};
    Place place{server.port()};
    std::vector<std::unique_ptr<Reader>> readers;
    for (int user = 1; user <= users; ++user) readers.push_back(std::make_unique<Reader>(place, user, mails));
    int expected_visits = 0;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        const std::string address = round % 2 == 0 ? "127.0.0.2" : "127.0.0.1";
        CHECK(moved(manager, place, address) == "+OK " + address);
        CHECK(manager.command("DIRR " + (round % 2 == 0 ? other.path().string() : server.root())).starts_with("+OK"));
        CHECK(manager.command("HOST h" + std::to_string(round) + ".example").starts_with("+OK"));
        CHECK(manager.command(round % 3 == 0 ? "TRAN 1" : "TRAN 0").starts_with("+OK"));
        // A refused command changes nothing, under load, too.
        CHECK(manager.command("PORT " + std::to_string(taken.number())).starts_with("-ERR"));
        CHECK(manager.command("IPV6 192.0.2.254").starts_with("-ERR"));
        CHECK(old.retrieve(1) == (round % 3 == 0 ? upper(as_received(here)) : as_received(here)));
        (void)slow.exactly(1000);
        expected_visits += 4;
        CHECK(eventually([&] { // some sessions finish before the next change
            int visits = 0;
            for (const auto& reader : readers) visits += reader->visits();
            return visits >= expected_visits;
        }));
    }
    for (const auto& reader : readers)
        if (const std::string trouble = reader->stop(); !trouble.empty()) FAIL_CHECK(trouble << '\n' << server.log());
    CHECK(slow.body().size() == as_received(large).size() - std::size_t{rounds} * 1000);
    old.quit();
    slow.quit();
    const Metrics now = metrics_of(server);
    int visits = 0;
    for (const auto& reader : readers) visits += reader->visits();
    CHECK(now.online == 0);
    CHECK(now.historic == static_cast<unsigned long long>(visits) + 2);
    CHECK(now.messages == static_cast<unsigned long long>(visits) + rounds + 1);
}
