// Listeners on several addresses, when the process that opens them refuses some or is late, or the binding is dropped.
#include "buzon/serve/binding.h"

#include <deque>
#include <optional>

#include "support/catch.h"

using namespace buzon;
using serve::Binding;

namespace {

net::Ip parsed(const char* text) {
    return *net::Ip::parse(text);
}

// Opens sockets, or refuses to, when the test says so.
class LateSockets final : public keeper::Sockets {
public:
    explicit LateSockets(event::EventLoop& loop) : here_{loop} {}

    std::unique_ptr<keeper::Request> listen(const keeper::Listen& what, OnListening then) override {
        asked.push_back(what);
        then_ = std::move(then);
        return std::make_unique<Asked>(*this);
    }
    std::unique_ptr<keeper::Request> connect(const std::string&, OnConnected) override { return nullptr; }
    std::unique_ptr<keeper::Request> connect_to(const keeper::Child&, OnConnected) override { return nullptr; }
    void release(std::uint32_t number) noexcept override {
        ++released;
        here_.release(number);
    }

    void open() {
        const OnListening then = std::exchange(then_, nullptr);
        here_.listen(asked.back(), then)->wait();
    }
    void refuse(int code) {
        const OnListening then = std::exchange(then_, nullptr);
        then(std::error_code{code, std::system_category()});
    }
    [[nodiscard]] net::Endpoint last() const { return net::Endpoint::from(asked.back().address); }

    std::vector<keeper::Listen> asked;
    int released = 0, cancelled = 0;

private:
    struct Asked final : keeper::Request {
        explicit Asked(LateSockets& sockets) : sockets_{sockets}, number_{sockets.asked.size()} {}
        ~Asked() override {
            if (sockets_.then_ && number_ == sockets_.asked.size()) ++sockets_.cancelled;
        }
        void wait() override { sockets_.open(); }
        LateSockets& sockets_;
        std::size_t number_;
    };
    keeper::SocketsHere here_;
    OnListening then_;
};

struct BindingSite {
    event::EventLoop loop;
    LateSockets sockets{loop};
    std::optional<Binding::Result> result;
    std::optional<Binding> binding;

    void begin(std::vector<net::Ip> addresses, std::uint16_t port, bool beside = false) {
        binding.emplace(loop, sockets, std::move(addresses), port, beside,
                        [this](Binding::Result got) { result = std::move(got); });
    }
};

} // namespace

TEST_CASE("addresses are requested one after the other, all with the port that the first one got") {
    BindingSite site;
    site.begin({parsed("127.0.0.1"), parsed("127.0.0.2"), parsed("127.0.0.3")}, 0, true);
    CHECK(site.sockets.last() == net::Endpoint{parsed("127.0.0.1"), 0, 0});
    site.sockets.open();
    const std::uint16_t port = site.sockets.last().port;
    CHECK(site.sockets.last() == net::Endpoint{parsed("127.0.0.2"), port, 0});
    CHECK(port != 0);
    site.sockets.open();
    CHECK_FALSE(site.result);
    site.sockets.open();
    REQUIRE(site.result);
    CHECK_FALSE(site.result->why);
    REQUIRE(site.result->listeners.size() == 3);
    for (const auto& listener : site.result->listeners) CHECK(listener->port() == port);
    for (const keeper::Listen& asked : site.sockets.asked) CHECK(asked.beside == 1);
    CHECK(site.sockets.released == 0);
}

TEST_CASE("an address that cannot be bound is reported, and the ones opened before it are closed") {
    BindingSite site;
    site.begin({parsed("127.0.0.1"), parsed("192.0.2.1")}, 0);
    site.sockets.open();
    const std::uint16_t port = site.sockets.last().port;
    site.sockets.refuse(EADDRNOTAVAIL);
    REQUIRE(site.result);
    CHECK(site.result->why.value() == EADDRNOTAVAIL);
    CHECK(site.result->failed == "192.0.2.1:" + std::to_string(port));
    CHECK(site.result->listeners.empty());
    site.binding.reset();
    CHECK(site.sockets.released == 1);
}

TEST_CASE("if a free port is in use on another address, a different one is tried, a limited number of times") {
    BindingSite site;
    site.begin({parsed("127.0.0.1"), parsed("127.0.0.2")}, 0);
    int tries = 0;
    for (; !site.result && tries < 1000; ++tries) {
        site.sockets.open();
        site.sockets.refuse(EADDRINUSE);
    }
    CHECK(tries > 10);
    REQUIRE(site.result);
    CHECK(site.result->why.value() == EADDRINUSE);
    site.begin({parsed("127.0.0.1")}, 4711);
    site.sockets.refuse(EADDRINUSE); // a requested port is not replaced by another
    CHECK(site.result->failed == "127.0.0.1:4711");
}

TEST_CASE("a machine without IPv6 listens on all IPv4 addresses") {
    const int code = GENERATE(EAFNOSUPPORT, EADDRNOTAVAIL);
    BindingSite site;
    site.begin({}, 0);
    CHECK(site.sockets.asked.back().dual_stack == 1);
    site.sockets.refuse(code);
    CHECK(site.sockets.last() == net::Endpoint{net::Ip::from_v4(0), 0, 0});
    SECTION("if they can be bound") {
        site.sockets.open();
        REQUIRE(site.result);
        CHECK(site.result->listeners.size() == 1);
    }
    SECTION("or reports that they cannot be bound either") {
        site.sockets.refuse(code);
        REQUIRE(site.result);
        CHECK(site.result->failed == "port 0");
    }
}

TEST_CASE("destroying a binding cancels its request and closes what it has opened") {
    BindingSite site;
    site.begin({parsed("127.0.0.1"), parsed("127.0.0.2")}, 0);
    site.sockets.open();
    site.binding.reset();
    CHECK(site.sockets.cancelled == 1);
    CHECK(site.sockets.released == 1);
    CHECK_FALSE(site.result);
}

TEST_CASE("at startup, a binding can wait until all its addresses are open") {
    BindingSite site;
    site.begin({parsed("127.0.0.1"), parsed("127.0.0.2")}, 0);
    site.binding->wait();
    REQUIRE(site.result);
    CHECK(site.result->listeners.size() == 2);
}
