#include "buzon/state/line_feed.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>

#include "buzon/posix/file_view.h"
#include "support/catch.h"

using namespace buzon::state;
using buzon::posix::Moved;
using buzon::posix::send_file;
using buzon::posix::Transfer;
using buzon::posix::UniqueFd;

namespace {

std::vector<std::string> read_all(LineFeed::Reader reader) {
    std::vector<std::string> lines;
    std::string_view line;
    while (reader.next(line)) lines.emplace_back(line);
    return lines;
}

} // namespace

TEST_CASE("a reader begins as many lines back as there are") {
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

TEST_CASE("a reader may stop at what was there when it began") {
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

TEST_CASE("lines that lie behind one another are one run, as they are sent") {
    LineFeed feed{100};
    for (const char* line : {"a", ".b", "", "."}) feed.append(0, line);
    LineFeed::Reader reader{feed, 1, 100};
    LineFeed::Run run;
    REQUIRE(reader.next_run(run, 1000));
    CHECK(run.text == "a\r\n..b\r\n\r\n..\r\n");
    CHECK_FALSE(reader.next_run(run, 1000));
    CHECK(read_all({feed, 1, 100}) == std::vector<std::string>{"a", ".b", "", "."});

    // Room ends a run, but one line always comes; so does a line of another kind.
    for (const char* line : {"cc", "dd", "ee"}) feed.append(0, line);
    feed.append(1, "other");
    feed.append(0, "ff");
    const std::vector<std::pair<std::size_t, std::string>> expected{
        {8, "cc\r\ndd\r\n"}, {0, "ee\r\n"}, {1000, "ff\r\n"}};
    for (const auto& [room, text] : expected) {
        REQUIRE(reader.next_run(run, room));
        CHECK(run.text == text);
    }
    LineFeed::Reader of_both{feed, 3, 3};
    REQUIRE(of_both.next_run(run, 1000));
    CHECK(run.text == "ee\r\nother\r\nff\r\n");
    CHECK(run.lines == 3);
    CHECK(run.file < 0); // not worth a page
}

TEST_CASE("lines of a run that could not be sent come again, and if they are lost by then they are counted") {
    LineFeed feed{4};
    LineFeed::Reader reader{feed, 1, 0};
    for (const char* line : {"a", "b", "c", "d"}) feed.append(0, line);
    LineFeed::Run run;
    REQUIRE(reader.next_run(run, 1000));
    CHECK(run.text == "a\r\nb\r\nc\r\nd\r\n");
    reader.give_back(3);
    REQUIRE(reader.next_run(run, 6));
    CHECK(run.text == "b\r\nc\r\n");
    reader.give_back(1);
    for (const char* line : {"e", "f", "g"}) feed.append(0, line); // c is written over
    REQUIRE(reader.next_run(run, 1000));
    CHECK(run.text == "d\r\ne\r\nf\r\ng\r\n");
    CHECK(reader.take_lost() == 1);
    CHECK_FALSE(reader.next_run(run, 1000));
}

TEST_CASE("whatever their lengths, lines stay whole and in order while blocks of them come and go") {
    std::mt19937 generator{11};
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{3}, std::size_t{50}, std::size_t{400}}) {
        LineFeed feed{capacity};
        LineFeed::Reader runs{feed, 1, 0};
        std::vector<std::string> all;
        std::string heard, sent;
        for (int i = 0; i < 1500; ++i) {
            all.push_back(std::to_string(i) + std::string(generator() % (i % 7 == 0 ? 5000u : 200u), 'x'));
            feed.append(0, all.back());
            all.back().resize(std::min(all.back().size(), LineFeed::max_line));
            sent += all.back() + "\r\n";
            LineFeed::Run run;
            if (capacity > 1 && generator() % 4 != 0) continue;
            while (runs.next_run(run, 20'000)) {
                if (runs.take_lost() > 0) heard = sent.substr(0, sent.find(run.text, heard.size()));
                heard += run.text;
            }
            REQUIRE(heard == sent);
        }
        const std::vector<std::string> kept = read_all({feed, 1, capacity});
        CHECK(kept == std::vector<std::string>(all.end() - static_cast<std::ptrdiff_t>(capacity), all.end()));
    }
}

TEST_CASE(
    "long runs can be sent from a file, and a peer gets what was sent, whatever became of the lines before it read") {
    LineFeed feed{300};
    std::vector<LineFeed::Reader> readers(3, LineFeed::Reader{feed, 1, 0});
    struct Peer {
        UniqueFd ours, theirs;
        std::string expected;
    };
    std::vector<Peer> peers;
    for (int i = 0; i < 3; ++i) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        peers.push_back({UniqueFd{ends[0]}, UniqueFd{ends[1]}, {}});
    }
    std::mt19937 generator{3};
    std::size_t by_file = 0;
    for (int round = 0; round < 60; ++round) {
        // More than a block in a few rounds: blocks come again while the peers have yet to read.
        for (int i = 0; i < 250; ++i)
            feed.append(0, std::to_string(i) + std::string(generator() % 300, static_cast<char>('a' + round % 26)));
        for (std::size_t i = 0; i < readers.size(); ++i) {
            LineFeed::Run run;
            while (readers[i].next_run(run, 1'000'000)) {
                CHECK(readers[i].take_lost() == 0);
                CHECK(static_cast<std::uint64_t>(std::count(run.text.begin(), run.text.end(), '\n')) == run.lines);
                CHECK((run.file >= 0) == (run.text.size() >= 8192));
                if (run.file < 0) continue;
                std::string in_file(run.text.size(), '\0');
                REQUIRE(::pread(run.file, in_file.data(), in_file.size(), static_cast<off_t>(run.offset)) > 0);
                REQUIRE(in_file == run.text);
                const Transfer sent =
                    send_file(peers[i].ours.get(), run.file, run.offset, std::min<std::size_t>(run.text.size(), 3000));
                if (sent.what != Moved::some) continue;
                peers[i].expected += run.text.substr(0, sent.bytes);
                ++by_file;
            }
        }
    }
    CHECK(by_file > 60);
    for (Peer& peer : peers) {
        std::string got(peer.expected.size() + 1, '\0');
        std::size_t size = 0;
        for (ssize_t n = 0; (n = ::read(peer.theirs.get(), got.data() + size, got.size() - size)) > 0;)
            size += static_cast<std::size_t>(n);
        got.resize(size);
        CHECK(got == peer.expected);
    }
}

TEST_CASE("where there is no file a run is text alone") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{0, limit.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    LineFeed feed{300};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    LineFeed::Reader reader{feed, 1, 0};
    for (int i = 0; i < 20; ++i) feed.append(0, std::string(1000, 'x'));
    LineFeed::Run run;
    REQUIRE(reader.next_run(run, 100'000));
    CHECK(run.text.size() == 20 * 1002);
    CHECK(run.file < 0);
}

TEST_CASE("lines are kept longer for a listener who is made to wait, not for one that is slow, asleep or gone") {
    LineFeed feed{10, 1000};
    std::string_view line;
    std::uint64_t number = 0;
    const auto append = [&](int lines, unsigned kind = 0) {
        for (; lines > 0; --lines) feed.append(kind, std::to_string(number++));
    };
    const auto kept = [&] { return read_all({feed, 3, 2000}).size(); };
    LineFeed::Subscription rare{feed, 2, 0, [] {}};
    REQUIRE_FALSE(rare.next(line)); // asleep
    append(500);
    CHECK(kept() < 10 + 64);
    auto waits = std::make_unique<LineFeed::Subscription>(feed, 1, 0, [] {});
    append(900);
    CHECK(kept() >= 900);
    REQUIRE(waits->next(line));
    CHECK(line == "500");
    append(500); // more than is kept for anybody
    CHECK(kept() == 1000);
    REQUIRE(waits->next(line));
    CHECK(line == "900");
    CHECK(waits->take_lost() == 399);
    waits->slow(true);
    append(500);
    CHECK(kept() > 400); // not at once: it may not be slow for long
    append(700);
    CHECK(kept() < 10 + 64);
    waits->slow(false);
    append(300);
    CHECK(kept() > 300);
    SECTION("gone") {
        waits.reset();
    }
    SECTION("it has read everything") {
        while (waits->next(line)) {
        }
    }
    append(500, 4); // a kind for nobody
    CHECK(read_all({feed, 31, 2000}).size() < 10 + 64);
    // The rare kind: what had come before is nothing that its listener waits for.
    append(1, 1);
    append(500);
    REQUIRE(rare.next(line));
    CHECK(line == std::to_string(number - 501));
    CHECK(rare.take_lost() == 0);
    CHECK_FALSE(rare.next(line));
}

TEST_CASE("what is kept for listeners who wait is bounded in octets, and the memory is used again") {
    LineFeed feed{10, 100'000};
    LineFeed::Subscription waits{feed, 1, 0, [] {}};
    const std::string longest(LineFeed::max_line, 'x');
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 12'000; ++i) feed.append(0, longest);
        const std::size_t kept = read_all({feed, 1, 100'000}).size();
        CHECK(kept * longest.size() <= 16u << 20);
        CHECK(kept * longest.size() >= 15u << 20);
        std::string_view line;
        std::uint64_t read = 0;
        while (waits.next(line)) {
            REQUIRE(line == longest);
            ++read;
        }
        CHECK(read + waits.take_lost() == 12'000);
        for (int i = 0; i < 20'000; ++i) feed.append(1, "");
        CHECK(read_all({feed, 3, 100'000}).size() < 100);
    }
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

TEST_CASE("a wake concerns those who sleep and want the line, whoever has ended meanwhile") {
    LineFeed feed{10};
    std::vector<int> woken(4);
    std::vector<std::unique_ptr<LineFeed::Subscription>> listeners;
    std::string_view line;
    for (unsigned i = 0; i < 4; ++i) {
        listeners.push_back(
            std::make_unique<LineFeed::Subscription>(feed, i == 3 ? 2u : 1u, 0, [&woken, i] { ++woken[i]; }));
        if (i != 2) REQUIRE_FALSE(listeners.back()->next(line)); // the third has not looked yet: it is awake
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

TEST_CASE("a feed knows what is wanted, and forgets it with its listeners") {
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

TEST_CASE("read and lost lines of a reader's kinds are together all that came, however slow it is") {
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

TEST_CASE("whoever reads beside others gets the runs that it would get alone") {
    std::mt19937 generator{11};
    const auto random = [&] { return static_cast<unsigned>(generator() & 0xFFFFu); };
    struct One {
        LineFeed::Reader reader;
        std::vector<std::string> expected{};
        std::uint64_t passed = 0; // read or lost
    };
    for (int round = 0; round < 50; ++round) {
        LineFeed feed{2 + random() % 30};
        std::vector<One> all;
        for (const std::uint32_t kinds : {1u, 1u, 3u, 3u, 3u, 2u}) all.push_back({{feed, kinds, 0}});
        std::uint32_t next_number = 0;
        for (int step = 0; step < 100; ++step) {
            for (std::size_t i = random() % 12; i > 0; --i) {
                const unsigned kind = random() % 2;
                const std::string text = std::to_string(next_number++);
                feed.append(kind, text);
                for (std::size_t one = 0; one < all.size(); ++one)
                    if (one < 2 ? kind == 0 : one < 5 || kind == 1) all[one].expected.push_back(text);
            }
            for (One& one : all) {
                LineFeed::Run run;
                const std::size_t room = random() % 3 == 0 ? 9 : 1000;
                if (random() % 4 == 0 || !one.reader.next_run(run, room)) continue;
                one.passed += one.reader.take_lost();
                std::uint64_t lines = 0;
                for (std::string_view rest = run.text; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1), ++lines)
                    REQUIRE(rest.substr(0, rest.find('\r')) == one.expected.at(one.passed + lines));
                const std::uint64_t back = random() % 3 == 0 ? random() % lines : 0;
                one.reader.give_back(back);
                one.passed += lines - back;
            }
        }
        for (One& one : all) {
            LineFeed::Run run;
            while (one.reader.next_run(run, 1000))
                one.passed += one.reader.take_lost() +
                              static_cast<std::uint64_t>(std::count(run.text.begin(), run.text.end(), '\n'));
            CHECK(one.passed + one.reader.take_lost() == one.expected.size());
        }
    }
}
