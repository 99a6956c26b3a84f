#include "../../src/client/top.h"

#include "../../src/client/text.h"
#include "support/catch.h"

using namespace buzon::client;

namespace {

Reply line(std::string text) {
    return {true, "+OK " + text, text, false, {}};
}

Reply list(std::vector<std::string> lines) {
    return {true, "+OK", "", true, std::move(lines)};
}

std::string text_of(const std::vector<TopView::Row>& rows) {
    std::string text;
    for (const TopView::Row& row : rows) {
        std::string shown = row.text;
        shown.erase(shown.find_last_not_of(' ') + 1);
        text += shown + '\n';
    }
    return text;
}

// A server watched for six seconds: 10 messages and 100 kB a second.
TopView watched(Charset charset = Charset::utf8) {
    TopView view{"[::1]:1111", charset};
    for (int i = 0; i <= 6; ++i) {
        const auto n = static_cast<unsigned long>(i);
        view.take_numbers(300 + i, line(std::to_string(100 + 10 * n) + ';' + std::to_string(102400 * n) + ";3;" +
                                        std::to_string(50 + n)));
        view.take_sessions(300 + i, list({"1 user1 127.0.0.1:4000 transaction age=120 command=- sent=0 size=-",
                                          "2 user2 [::1]:4001 transaction age=30 command=RETR sent=" +
                                              std::to_string(50000 * n) + " size=600000 backlog=65536",
                                          "3 - 10.0.0.9:77 authorization age=2"}));
    }
    view.take_metrics(list({"connections-open 4", "memory 12582912", "descriptors 21", "loop-lag-p99 250",
                            "filters-running 1", "filters-queued 0", "filters-started 44", "filter-failures-exit 2",
                            "filter-failures-timeout 0", "start-time 1795440000"}));
    view.take_event("2026-11-23T15:14:34.123Z login level=info session=2 user=user2 ip=::1");
    view.take_event("2026-11-23T15:14:35.001Z auth-fail level=notice user=eve ip=10.0.0.9");
    return view;
}

} // namespace

TEST_CASE("the live view fits 80 by 24 and shows load, rates, filters and logins") {
    TopView view = watched();
    CHECK(text_of(view.frame(24, 80, 1795446874)) ==
          " buzon [::1]:1111   up 1h   15:14:34 UTC\n"
          " connections 4   memory 12M   files 21   lag 250us\n"
          " messages/s       10                                                         \u2588\u2588\u2588\n"
          " octets/s       100k                                                         \u2588\u2588\u2588\n"
          " logins/s          1                                                         \u2588\u2588\u2588\n"
          " online            3                                                         \u2588\u2588\u2588\n"
          " filters        running 1   queued 0   started 44   failed 2 (exit 2)\n"
          " ID     USER       ADDRESS              STATE  CMD    SENT   OF OCT/S QUEUE  AGE\n"
          " 2      user2      [::1]:4001           open   RETR   293k  50%   49k   64k  30s\n"
          " 1      user1      127.0.0.1:4000       open                                  2m\n"
          " 3      -          10.0.0.9:77          login                                 2s\n"
          "\n\n\n\n\n\n\n"
          " LOGINS\n"
          " 15:14:35  auth-fail  eve              ip=10.0.0.9\n"
          " 15:14:34  login      user2            session=2 ip=::1\n"
          "\n\n"
          " q quits   s sorts (by load)   arrows scroll   3 sessions\n");
}

TEST_CASE("where the locale is not UTF-8 the live view is ASCII, whatever users are called") {
    TopView view = watched(Charset::ascii);
    view.take_event("2026-11-23T15:14:36.000Z login level=info user=\"jos\xC3\xA9\"");
    view.take_sessions(310, list({"9 \xE6\x97\xA5 ::1 transaction age=1"}));
    const std::string text = text_of(view.frame(24, 80, 1795446874));
    for (const char c : text) CHECK(static_cast<unsigned char>(c) < 0x80);
    CHECK(text.find(" messages/s       10                                                         @@@\n") !=
          std::string::npos);
    CHECK(text.find("login      jos?\n") != std::string::npos);
    CHECK(text.find(" 9      ??         ::1 ") != std::string::npos);
    for (const TopView::Row& row : view.frame(24, 80, 1795446874)) CHECK(row.text.size() == 80);
}

TEST_CASE("a frame has exactly the rows and columns of the screen, however small") {
    TopView view = watched();
    for (std::size_t rows = 0; rows < 40; ++rows) {
        for (const std::size_t wide : {0U, 1U, 7U, 20U, 79U, 80U, 81U, 250U}) {
            const auto frame = view.frame(rows, wide, 1795446874);
            CHECK(frame.size() == rows);
            for (const TopView::Row& row : frame) CHECK(columns(row.text) == wide);
        }
    }
}

TEST_CASE("sessions are sorted by load, by age or by user, and scroll") {
    TopView view{"x"};
    std::vector<std::string> first, second;
    for (int i = 1; i <= 30; ++i) {
        const std::string front =
            std::to_string(i) + " u" + std::to_string(99 - i) + " ::1 transaction age=" + std::to_string(i * 10);
        first.push_back(front + " sent=0");
        second.push_back(front + " sent=" + std::to_string(i == 7 ? 5000 : 0));
    }
    view.take_sessions(1, list(first));
    view.take_sessions(2, list(second));
    const auto top_row = [&] {
        const auto frame = view.frame(24, 80, 0);
        return std::string{words_of(frame[8].text).front()};
    };
    CHECK(top_row() == "7");
    view.next_order();
    CHECK(top_row() == "30");
    view.next_order();
    CHECK(top_row() == "30"); // u69 comes first
    view.next_order();
    view.scroll(-5);
    CHECK(top_row() == "7");
    view.scroll(1);
    CHECK(top_row() == "1");
    view.scroll(1000);
    const auto frame = view.frame(24, 80, 0);
    CHECK(words_of(frame[17].text).front() == "30"); // the last one, in the last row of the list
}

TEST_CASE("what a server refuses is said where it would stand") {
    TopView view{"x"};
    view.take_sessions(1, {false, "-ERR [AUTH] first \x1b[2J", "[AUTH] first", false, {}});
    view.set_events_trouble("no events: [AUTH] first");
    const std::string text = text_of(view.frame(24, 80, 0));
    CHECK(text.find(" -ERR [AUTH] first \\x1b[2J\n") != std::string::npos);
    CHECK(text.find(" no events: [AUTH] first\n") != std::string::npos);
}

TEST_CASE("a server that began anew makes no spike") {
    Trend trend;
    trend.add_counter(1, 1'000'000);
    trend.add_counter(2, 1'000'010);
    CHECK(trend.current() == Approx(10));
    trend.add_counter(3, 5);
    CHECK(trend.current() == Approx(10)); // nothing is known of this second
    trend.add_counter(5, 25);
    CHECK(trend.current() == Approx(10));
    for (const double value : trend.last(100)) CHECK(value == Approx(10));
}

TEST_CASE("a trend is bounded, and a second without a look no gap") {
    Trend trend;
    for (int i = 0; i < 10'000; ++i) trend.add_gauge(i, 1);
    CHECK(trend.last(100'000).size() <= 400);
    Trend stopped;
    stopped.add_gauge(0, 5);
    stopped.add_gauge(31, 5);
    CHECK(stopped.last(100) == std::vector<double>(11, 5.0));
    stopped.add_gauge(1e12, 5); // a clock gone wild
    CHECK(stopped.last(100).size() == 12);
}

TEST_CASE("events that are not as expected are shown as they are") {
    TopView view{"x"};
    view.take_event("");
    view.take_event("odd");
    view.take_event("2026-11-23T15:14:34.123Z login user=\"\\x1b[2J\"");
    const std::string text = text_of(view.frame(40, 80, 0));
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\\x1b[2J") != std::string::npos);
}
