#include "buzon/daemon/live_views.h"

#include <functional>
#include <string>
#include <thread>

#include "support/catch.h"

using namespace buzon;
using namespace buzon::daemon;
using namespace std::chrono_literals;

namespace {

struct View final : LiveView {
    View(char name, std::string& looks) : name_{name}, looks_{looks} {}
    std::function<void()> then = [] {};
    void look() override {
        looks_ += name_;
        then();
    }

private:
    char name_;
    std::string& looks_;
};

} // namespace

TEST_CASE("live views have their turns in the order in which they asked, each once") {
    event::EventLoop loop;
    LiveViews views{loop};
    std::string looks;
    View a{'a', looks}, b{'b', looks}, c{'c', looks};
    for (View* const view : {&a, &b, &a, &c, &b}) views.queue(*view);
    CHECK(looks.empty());
    while (looks.size() < 3) loop.turn(10ms);
    loop.turn(0ms);
    CHECK(looks == "abc");
    // Who asks again while it looks comes behind the others; who left does not come.
    int again = 2;
    a.then = [&] {
        if (again-- > 0) views.queue(a);
    };
    views.queue(a);
    views.queue(b);
    views.queue(c);
    views.leave(b);
    views.leave(b);
    while (looks.size() < 7) loop.turn(10ms);
    loop.turn(0ms);
    CHECK(looks == "abcacaa");
}

TEST_CASE("a view may make another leave, or leave itself") {
    event::EventLoop loop;
    LiveViews views{loop};
    std::string looks;
    View a{'a', looks}, b{'b', looks}, c{'c', looks};
    a.then = [&] {
        views.leave(a);
        views.leave(b);
    };
    for (View* const view : {&a, &b, &c}) views.queue(*view);
    while (looks.size() < 2) loop.turn(10ms);
    loop.turn(0ms);
    CHECK(looks == "ac");
}

TEST_CASE("views that take long let the loop have turns between them, and all come in the end") {
    event::EventLoop loop;
    LiveViews views{loop};
    std::string looks;
    std::vector<std::unique_ptr<View>> all;
    for (char name = 'a'; name <= 'h'; ++name) {
        all.push_back(std::make_unique<View>(name, looks));
        all.back()->then = [] { std::this_thread::sleep_for(20ms); }; // more than there is to spare
        views.queue(*all.back());
    }
    for (std::size_t turns = 0; looks.size() < all.size(); ++turns) {
        const std::size_t before = looks.size();
        loop.turn(10ms);
        REQUIRE(looks.size() <= before + 1);
    }
    CHECK(looks == "abcdefgh");
}
