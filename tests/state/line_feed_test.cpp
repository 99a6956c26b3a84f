#include "buzon/state/line_feed.h"

#include <memory>
#include <random>
#include <vector>

#include "support/catch.h"

using namespace buzon::state;

namespace {

std::vector<std::string> read_all(LineFeed::Reader reader) {
    std::vector<std::string> lines;
    std::string_view line;
    while (reader.next(line)) lines.emplace_back(line);
    return lines;
}

} // namespace

TEST_CASE("a reader begins the requested number of lines of its kinds back, if there are so many") {
    LineFeed feed{3};
    CHECK(read_all({feed, 1, 5}).empty());
    for (const char* line : {"a", "b", "c", "d"}) feed.append(0, line);
    CHECK(read_all({feed, 1, 0}).empty());
    CHECK(read_all({feed, 1, 2}) == std::vector<std::string>{"c", "d"});
    CHECK(read_all({feed, 1, 100}) == std::vector<std::string>{"b", "c", "d"});
    feed.append(1, "other");
    CHECK(read_all({feed, 1, 1}) == std::vector<std::string>{"d"});
    CHECK(read_all({feed, 3, 2}) == std::vector<std::string>{"d", "other"});
}

TEST_CASE("after stop_here() a reader does not see later lines") {
    LineFeed feed{10};
    feed.append(0, "a");
    LineFeed::Reader reader{feed, 1, 10};
    reader.stop_here();
    feed.append(0, "b");
    std::string_view line;
    REQUIRE(reader.next(line));
    CHECK(line == "a");
    CHECK_FALSE(reader.next(line));
}

TEST_CASE("a line that is too long is cut") {
    LineFeed feed{2};
    feed.append(0, std::string(LineFeed::max_line + 5, 'x'));
    CHECK(read_all({feed, 1, 1}).at(0).size() == LineFeed::max_line);
}

TEST_CASE("a listener is woken once, and again only after it has read everything") {
    LineFeed feed{10};
    int wakes = 0;
    LineFeed::Subscription listener{feed, 1, 0, [&] { ++wakes; }};
    std::string_view line;
    feed.append(0, "before the first look");
    CHECK(wakes == 0);
    CHECK(listener.next(line));
    CHECK_FALSE(listener.next(line));
    feed.append(0, "a");
    feed.append(0, "b");
    CHECK(wakes == 1);
    CHECK(listener.next(line));
    feed.append(0, "c");
    CHECK(wakes == 1);
    while (listener.next(line)) {
    }
    feed.append(1, "of another kind");
    CHECK(wakes == 1);
    feed.append(0, "d");
    CHECK(wakes == 2);
}

TEST_CASE("only sleeping listeners that want the line are woken, also after others have ended") {
    LineFeed feed{10};
    std::vector<int> woken(4);
    std::vector<std::unique_ptr<LineFeed::Subscription>> listeners;
    std::string_view line;
    for (unsigned i = 0; i < 4; ++i) {
        listeners.push_back(
            std::make_unique<LineFeed::Subscription>(feed, i == 3 ? 2u : 1u, 0, [&woken, i] { ++woken[i]; }));
        if (i != 2) REQUIRE_FALSE(listeners.back()->next(line)); // the third has not read yet, so it is awake
    }
    listeners[0].reset();
    feed.append(0, "a");
    CHECK(woken == std::vector<int>{0, 1, 0, 0});
    feed.append(1, "b");
    feed.append(1, "c");
    CHECK(woken == std::vector<int>{0, 1, 0, 1});
    for (const std::size_t i : {1u, 2u})
        while (listeners[i]->next(line)) {
        }
    listeners[1].reset();
    feed.append(0, "d");
    CHECK(woken == std::vector<int>{0, 1, 1, 1});
}

TEST_CASE("a feed knows which kinds its listeners want, and forgets them when the listeners end") {
    LineFeed feed{10};
    CHECK(feed.wanted() == 0);
    {
        LineFeed::Subscription one{feed, 1, 0, [] {}};
        LineFeed::Subscription two{feed, 6, 0, [] {}};
        CHECK(feed.wanted() == 7);
    }
    CHECK(feed.wanted() == 0);
    feed.append(0, "to nobody");
}

TEST_CASE("the lines that a reader reads or loses are together all lines of its kinds, however slow it is") {
    std::mt19937 generator{7};
    const auto random = [&] { return static_cast<unsigned>(generator() & 0xFFFFu); };
    for (int round = 0; round < 50; ++round) {
        LineFeed feed{1 + random() % 20};
        std::uint32_t next_number = 0;
        for (std::size_t i = random() % 40; i > 0; --i) feed.append(random() % 3, "old");
        const std::uint32_t kinds = 1 + random() % 7;
        LineFeed::Reader reader{feed, kinds, 0};
        std::vector<std::string> expected;
        std::uint64_t read = 0, lost = 0;
        std::string_view line;
        for (int step = 0; step < 200; ++step) {
            for (std::size_t i = random() % 30; i > 0; --i) {
                const unsigned kind = random() % 3;
                const std::string text = std::to_string(next_number++);
                feed.append(kind, text);
                if ((kinds >> kind & 1u) != 0) expected.push_back(text);
            }
            for (std::size_t i = random() % 10; i > 0 && reader.next(line); --i) {
                lost += reader.take_lost();
                CHECK(line == expected.at(read + lost));
                ++read;
            }
        }
        while (reader.next(line)) ++read;
        lost += reader.take_lost();
        CHECK(read + lost == expected.size());
    }
}
