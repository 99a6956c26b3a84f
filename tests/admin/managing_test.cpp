// admin/managing_test.cpp - connections of managers and scrapers: one answer per turn, in order, also to clients that
// are slow, have half-closed, or have gone.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "buzon/admin/manage_connection.h"
#include "buzon/admin/manage_service.h"
#include "buzon/admin/metrics_connection.h"
#include "manage/fake_host.h"
#include "support/catch.h"
#include "support/pretended_workers.h"
#include "support/process.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::admin;

namespace {

// Performs nothing: reports success at once, or keeps the callback for the test to call.
struct SlowPerformer final : Performer {
    OnDone done;
    bool at_once = false;
    std::function<void()> meanwhile;
    unsigned asked = 0;

    event::Instant not_before(const manage::Action&, const std::optional<auth::Source>&,
                              event::Instant) const override {
        return {};
    }
    void perform(const manage::Action&, const std::optional<auth::Source>&, Pending&, OnDone then) override {
        ++asked;
        if (meanwhile) meanwhile();
        if (at_once) return then({true, "done"});
        done = std::move(then);
    }
};

struct World {
    event::EventLoop loop;
    keeper::SocketsHere sockets{loop};
    state::Settings settings;
    net::StreamRoom room{loop};
    manage::FakeHost host;
    SlowPerformer performer;
    ManagerNeeds needs{loop, sockets, settings, room, host, performer};
    unsigned pages = 0;

    void turn() { loop.turn(std::chrono::milliseconds{0}); }
};

// The client's end of a connection.
class Client {
public:
    explicit Client(World& world) : world_{world} {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        ours_.reset(ends[0]);
        theirs_.reset(ends[1]);
    }
    void say(std::string_view text) {
        REQUIRE(::send(ours_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    std::string hear() {
        std::string all;
        char piece[4096];
        for (ssize_t n; (n = ::recv(ours_.get(), piece, sizeof piece, MSG_DONTWAIT)) != 0;) {
            if (n < 0) return all;
            all.append(piece, static_cast<std::size_t>(n));
        }
        ended = true;
        return all;
    }
    std::string hear_all() {
        std::string all;
        for (int idle = 0; idle < 5; ++idle) {
            world_.turn();
            const std::string more = hear();
            if (!more.empty()) idle = 0;
            all += more;
        }
        return all;
    }
    void say_no_more() const { ::shutdown(ours_.get(), SHUT_WR); }
    void vanish() { ours_.reset(); }
    void narrow() const {
        const int least = 1;
        REQUIRE(::setsockopt(theirs_.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0);
    }
    posix::UniqueFd take_other_end() { return std::move(theirs_); }
    bool ended = false;

private:
    World& world_;
    posix::UniqueFd ours_, theirs_;
};

struct Manager final : ManagerOwner {
    World world;
    Client client{world};
    std::optional<ManageConnection> connection;
    bool retired = false;

    explicit Manager(bool narrow = false) {
        if (narrow) client.narrow();
        connection.emplace(world.needs, *this, manage::Session::Peer{"test", true, 7}, client.take_other_end(),
                           std::nullopt);
        connection->start();
        REQUIRE(client.hear().starts_with("+OK"));
    }
    void retire(ManageConnection&) noexcept override { retired = true; }
};

struct Scraper final : MetricsOwner {
    World world;
    Client client{world};
    std::string page = "messages 1\n";
    std::optional<MetricsConnection> connection;
    bool retired = false;

    explicit Scraper(bool narrow = false) {
        if (narrow) client.narrow();
        connection.emplace(world.loop, world.room, *this, 7, client.take_other_end(), [this] {
            ++world.pages;
            return page;
        });
        connection->start();
    }
    void retire(MetricsConnection&) noexcept override { retired = true; }
};

std::string many(std::string_view line, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += line;
    return all;
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++found;
    return found;
}

const std::string get = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
// In one turn of the loop a connection gets up to two turns: one as a handler with an event, one as a scheduled task.
constexpr std::size_t turns_in_one = 2;

} // namespace

TEST_CASE("a manager who pipelines commands gets one reply per turn, and all of them in the end") {
    Manager manager;
    manager.client.say(many("METR *\r\n", 50));
    std::size_t answers = 0;
    for (int i = 0; i < 10; ++i) {
        manager.world.turn();
        const std::size_t more = count(manager.client.hear(), "\r\n.\r\n");
        CHECK(more <= turns_in_one);
        answers += more;
    }
    CHECK(answers >= 10);
    CHECK(answers + count(manager.client.hear_all(), "\r\n.\r\n") == 50);
}

TEST_CASE("a long reply to a manager is sent in pieces, one per turn") {
    Manager manager;
    manager.world.host.names.assign(20'000, "somebody-with-a-rather-long-name");
    manager.client.say("USER LIST\r\n");
    std::string all;
    for (int i = 0; i < 3; ++i) {
        manager.world.turn();
        const std::string piece = manager.client.hear();
        CHECK(piece.size() < turns_in_one * 80'000);
        all += piece;
    }
    all += manager.client.hear_all();
    CHECK(count(all, "somebody") == 20'000);
    CHECK(all.ends_with("\r\n.\r\n"));
}

TEST_CASE("commands after an action wait for it, and a manager who half-closes still gets all replies") {
    Manager manager;
    const bool says_no_more = GENERATE(true, false);
    manager.client.say("SAVE\r\nPORT\r\n");
    if (says_no_more) manager.client.say_no_more();
    CHECK(manager.client.hear_all() == "");
    CHECK(manager.world.performer.asked == 1);
    CHECK_FALSE(manager.retired);
    manager.world.performer.done({true, "done"});
    CHECK(manager.client.hear_all() == "+OK done\r\n+OK 1110\r\n");
    CHECK(manager.client.ended == says_no_more);
    CHECK(manager.retired == says_no_more);
}

TEST_CASE("an action may complete at once") {
    Manager manager;
    manager.world.performer.at_once = true;
    manager.client.say("SAVE\r\nSAVE\r\nQUIT\r\nSAVE\r\n");
    const std::string all = manager.client.hear_all();
    CHECK(all.starts_with("+OK done\r\n+OK done\r\n+OK"));
    CHECK(manager.world.performer.asked == 2);
    CHECK(manager.client.ended);
    CHECK(manager.retired);
}

TEST_CASE("a manager's connection ends when the client closes it, whatever command is running") {
    Manager manager;
    manager.client.say(GENERATE("SAVE\r\n", "EVNT\r\n", "METR *\r\n", ""));
    manager.world.turn();
    manager.client.vanish();
    manager.world.turn();
    manager.world.turn();
    CHECK(manager.retired);
}

TEST_CASE("a manager who does not read for a while still gets the whole reply, and the next one") {
    Manager manager{true};
    manager.world.host.names.assign(20'000, "somebody-with-a-rather-long-name");
    manager.client.say("USER LIST\r\nPORT\r\n");
    for (int i = 0; i < 10; ++i) manager.world.turn();
    const std::string all = manager.client.hear_all();
    CHECK(count(all, "somebody") == 20'000);
    CHECK(all.ends_with("\r\n.\r\n+OK 1110\r\n"));
}

TEST_CASE("a live view shows events as they happen, and the last ones when the server stops") {
    Manager manager;
    manager.client.say("EVNT\r\n");
    CHECK(manager.client.hear_all().starts_with("+OK"));
    manager.world.host.bus.publish(state::EventType::kick, {}, 3, "user1", {{"target", "user1"}});
    CHECK(manager.client.hear_all().find("user1") != std::string::npos);
    manager.world.host.bus.publish(state::EventType::kick, {}, 4, "user2", {{"target", "user2"}});
    manager.connection->stop();
    CHECK(manager.client.hear().find("user2") != std::string::npos);
    CHECK(manager.client.ended);
    CHECK(manager.retired);
}

TEST_CASE("an action that ends the server is answered before the connection closes") {
    Manager manager;
    manager.client.say("DRAIN\r\n");
    manager.world.turn();
    REQUIRE(manager.world.performer.asked == 1);
    manager.world.performer.done({});
    manager.connection->stop();
    CHECK(manager.client.hear().starts_with("+OK"));
    CHECK(manager.client.ended);
}

TEST_CASE("an action begins after the turn of the manager who requested it") {
    Manager manager;
    Client other{manager.world};
    std::optional<ManageConnection> second;
    // Like a new port, which accepts its first connections while it is being opened.
    manager.world.performer.meanwhile = [&] {
        second.emplace(manager.world.needs, manager, manage::Session::Peer{"test", true, 8}, other.take_other_end(),
                       std::nullopt);
        second->start();
    };
    manager.world.performer.at_once = true;
    manager.client.say("SAVE\r\nPORT\r\n");
    CHECK(manager.client.hear_all() == "+OK done\r\n+OK 1110\r\n");
    CHECK(other.hear().starts_with("+OK"));
}

namespace {

// Leaves every action to a worker.
struct WorkersPerformer final : Performer {
    explicit WorkersPerformer(worker::Pool& pool) : workers{pool} {}
    worker::Pool& workers;

    event::Instant not_before(const manage::Action&, const std::optional<auth::Source>&,
                              event::Instant) const override {
        return {};
    }
    void perform(const manage::Action&, const std::optional<auth::Source>&, Pending& pending, OnDone then) override {
        pending.job = workers.submit({}, [then = std::move(then)](worker::Answer) { then({true, "done"}); });
    }
};

} // namespace

TEST_CASE("a management service that is destroyed while an action is running drops the action and its manager") {
    const test::TempDirectory directory;
    const std::string path = directory / "manage";
    World world;
    test::PretendedWorkers workers{world.loop};
    WorkersPerformer performer{workers};
    state::Metrics metrics;
    std::optional<ManageService> service;
    service.emplace(ManagerNeeds{world.loop, world.sockets, world.settings, world.room, world.host, performer},
                    metrics);
    std::string failed;
    REQUIRE_FALSE(service->open({{net::UnixPath{path}, path}}, failed));
    REQUIRE_FALSE(service->begin());

    const posix::UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    constexpr std::string_view save = "SAVE\r\n";
    REQUIRE(::send(client.get(), save.data(), save.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(save.size()));
    REQUIRE(test::eventually([&] {
        world.turn();
        return workers.waiting() == 1;
    }));
    service.reset();
    CHECK(workers.waiting() == 0);
    world.turn(); // nothing of it is left in the loop
}

TEST_CASE("a client that speaks another protocol is disconnected, even if it sends no line end") {
    Manager manager;
    manager.client.say("\x16\x03\x01");
    CHECK(manager.client.hear_all().starts_with("-ERR"));
    CHECK(manager.client.ended);
    CHECK(manager.retired);
}

TEST_CASE("a scraper that pipelines requests gets one page per turn, and all of them in the end") {
    Scraper scraper;
    scraper.client.say(many(get, 50));
    for (unsigned i = 1; i <= 10; ++i) {
        scraper.world.turn();
        CHECK(scraper.world.pages <= i * turns_in_one);
        CHECK(scraper.world.pages >= i);
    }
    CHECK(count(scraper.client.hear_all(), "200 OK") == 50);
    CHECK_FALSE(scraper.retired);
}

TEST_CASE("a scraper that half-closes gets its pages, and then its connection is closed") {
    Scraper scraper;
    scraper.client.say(many(get, 3));
    scraper.client.say_no_more();
    CHECK(count(scraper.client.hear_all(), "messages 1\n") == 3);
    CHECK(scraper.client.ended);
    CHECK(scraper.retired);
}

TEST_CASE("while a scraper does not read, only one page is generated for it") {
    Scraper scraper{true};
    scraper.page = std::string(100'000, 'x');
    scraper.client.say(many(get, 5));
    for (int i = 0; i < 10; ++i) scraper.world.turn();
    CHECK(scraper.world.pages == 1);
    CHECK(count(scraper.client.hear_all(), "200 OK") == 5);
    CHECK(scraper.world.pages == 5);
}

TEST_CASE("a request in pieces is one request, and an invalid one gets 400 and ends the connection") {
    Scraper scraper;
    for (const char c : get) scraper.client.say(std::string_view{&c, 1}), scraper.world.turn();
    CHECK(count(scraper.client.hear_all(), "200 OK") == 1);
    scraper.client.say("nonsense\r\n\r\nmore nonsense");
    CHECK(scraper.client.hear_all().starts_with("HTTP/1.1 400 "));
    CHECK(scraper.client.ended);
    CHECK(scraper.retired);
}

TEST_CASE("a scraper's connection ends when the client closes it") {
    Scraper scraper;
    scraper.client.say(GENERATE("GET /me", ""));
    scraper.world.turn();
    scraper.client.vanish();
    scraper.world.turn();
    CHECK(scraper.retired);
}
