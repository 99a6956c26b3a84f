#include "../../src/top/top.h"

#include "../../src/top/top_record.h"
#include "buzon/terminal/text.h"
#include "support/catch.h"
#include "support/temp_directory.h"

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

Key key(char c) {
    return {Key::Code::text, std::string(1, c)};
}

void press(TopView& view, std::string_view letters) {
    for (const char c : letters) view.press(key(c), 24);
}

std::string numbers(unsigned long n) {
    return std::to_string(100 + 10 * n) + ';' + std::to_string(102400 * n) + ";3;" + std::to_string(50 + n);
}

// A server watched for six seconds: 10 messages and 100 kB a second.
TopView watched(Charset charset = Charset::utf8) {
    TopView view{"[::1]:1111", charset};
    for (unsigned long n = 0; n <= 6; ++n) {
        const double now = 300 + static_cast<double>(n);
        view.data().take("METR", now, 0, line(numbers(n)));
        view.data().take("SESS", now, 0,
                         list({"1 user1 127.0.0.1:4000 transaction age=120 idle=7 command=- sent=0 size=- program=-",
                               "2 user2 [2001:db8::1]:40001 transaction age=30 idle=0 command=RETR sent=" +
                                   std::to_string(50000 * n) + " size=600000 backlog=65536 program=/usr/bin/spamc",
                               "3 - 10.0.0.9:77 authorization age=2 idle=2 command=- program=-"}));
        view.data().take(
            "METR *", now, 0,
            list({"online 3", "connections-open 4", "memory 12582912", "descriptors 21", "loop-lag-p99 250",
                  "loop-busy 12", "process-cpu-seconds 9", "filters-running 1", "filters-queued 0",
                  "filters-started 44", "filter-failures-exit 2", "filter-failures-timeout 0", "start-time 1795440000",
                  "workers-busy 2", "worker-jobs " + std::to_string(20 * n), "login-time-p99 100000",
                  "scan-time-p99 2500", "refusals-wrong-secret " + std::to_string(n), "refusals-in-use 4"}));
    }
    view.data().take("INFO *", 306, 0, list({"version 0.1.0", "draining no"}));
    view.data().take_event("2026-11-23T15:14:34.123Z login level=info session=2 user=user2 ip=::1");
    view.data().take_event(
        "2026-11-23T15:14:35.001Z auth-fail level=notice user=eve ip=10.0.0.9 reason=\"wrong password\"");
    view.data().take_event("2026-11-23T15:14:36.001Z refused level=notice user=ana ip=10.0.0.8 reason=in-use");
    view.refresh();
    return view;
}

constexpr std::int64_t clock_then = 1795446874;

} // namespace

TEST_CASE("the live view at 80 by 24 shows load, rates, sessions by activity, and logins apart from refusals") {
    TopView view = watched();
    CHECK(text_of(view.frame(24, 80, clock_then)) ==
          " buzon [::1]:1111   version 0.1.0   up 1h   15:14:34 UTC\n"
          " busy 12%   lag 250us   online 3   open 4   memory 12M   files 21   cpu 9s\n"
          " sessions 3   RETR 1  authorization 1  transaction 1\n"
          " messages/s     10  ^10                                                      ███\n"
          " octets/s     100k  ^100k                                                    ███\n"
          " logins/s      1.0  ^1.0                                                     ███\n"
          " refusals/s    1.0  ^1.0                                                     ███\n"
          " failures/s  refusals-wrong-secret 1.0\n"
          " filters  running 1   queued 0   started 44   failed 2    spamc 1\n"
          " workers  jobs 2   done/s 20   login 100ms   scan 2.5ms   died 0\n"
          " ID  USER   ADDRESS              STATE     COMMAND  PROGRAM  SENT  SIZE  OCT/S >\n"
          "  2  user2  [2001:db8::1]:40001  transac>  RETR     spamc    293k  586k    49k\n"
          "  1  user1  127.0.0.1:4000       transac>  -        -           -     -      -\n"
          "  3  -      10.0.0.9:77          authori>  -        -           -     -      -\n"
          "\n\n\n"
          " LOGINS\n"
          " 15:14:34  login     user2 session=2 ip=::1\n"
          "\n"
          " REFUSALS\n"
          " 15:14:36  refused   ana ip=10.0.0.8 reason=in-use\n"
          " 15:14:35  auth-fail eve ip=10.0.0.9 reason=wrong password\n"
          " q quit   h help   by load   3 sessions\n");
}

TEST_CASE("the live view shows the three busiest programs that transform mail") {
    TopView view = watched();
    const auto counts = [](const std::string& name, int same, int changed, int failed, int restarts) {
        const auto line = [&](const std::string& what, int value) {
            return "filter-" + what + ":" + name + " " + std::to_string(value);
        };
        return std::vector<std::string>{line("same", same), line("changed", changed), line("failed", failed),
                                        line("microseconds", 1500 * (same + changed + failed)),
                                        line("restarts", restarts)};
    };
    for (int n = 0; n < 2; ++n) {
        std::vector<std::string> all;
        for (const auto& more :
             {counts("/usr/bin/sed", 0, 500, 0, 0), counts("process:/opt/buzon-rename", 90 + 20 * n, 10, 0, 0),
              counts("/usr/bin/tr|process:/opt/a%20b", 1, 10 * n, 4, 2), counts("/idle", 0, 1, 0, 0)})
            all.insert(all.end(), more.begin(), more.end());
        view.data().take("METR *", 310 + 2 * n, 0, list(all));
    }
    view.refresh();
    const std::string text = text_of(view.frame(30, 100, clock_then));
    CHECK(text.find(" program  buzon-rename   messages 120   /s 10   same 91%   each 1.5ms   failed 0\n"
                    " program  tr|a%20b   messages 15   /s 5.0   same 6%   each 1.5ms   failed 4   restarts 2\n"
                    " program  sed   messages 500   /s 0   same 0%   each 1.5ms   failed 0\n") != std::string::npos);
    CHECK(text.find("idle   messages") == std::string::npos);
}

TEST_CASE("guessers have a row of their own while there are any, the latest first") {
    TopView view = watched();
    view.data().take("WHYY *", 306, 0,
                     list({"2026-11-23T15:00:00.000Z guessing ip=203.0.113.9 failures=24 last=2026-11-23T15:14:30.000Z",
                           "2026-11-23T15:10:00.000Z guessing user=ana failures=133 last=2026-11-23T15:14:34.000Z"}));
    CHECK(text_of(view.frame(24, 80, clock_then)).find("\n guessers 2   user ana (133)   ip 203.0.113.9 (24)\n") !=
          std::string::npos);
    view.data().take("WHYY *", 307, 0, {false, "-ERR", "", false, {}}); // from an older server
    CHECK(text_of(view.frame(24, 80, clock_then)).find("guessers") == std::string::npos);
}

TEST_CASE("the live view at 40 by 10 keeps ids, users and addresses, and marks what is cut") {
    TopView view = watched();
    CHECK(text_of(view.frame(10, 40, clock_then)) == " buzon [::1]:1111   version 0.1.0   up >\n"
                                                     " busy 12%   lag 250us   online 3   open>\n"
                                                     " sessions 3   RETR 1  authorization 1  >\n"
                                                     " messages/s     10  ^10              ███\n"
                                                     " octets/s     100k  ^100k            ███\n"
                                                     " ID  USER   ADDRESS >\n"
                                                     "  2  user2  [2001:db8::1]:40001\n"
                                                     "  1  user1  127.0.0.1:4000\n"
                                                     "  3  -      10.0.0.9:77\n"
                                                     " q quit   h help   by load   3 sessions\n");
}

TEST_CASE("the live view at 200 by 50 has every column") {
    TopView view = watched();
    const std::string text = text_of(view.frame(50, 200, clock_then));
    CHECK(text.find(" ID  USER   ADDRESS              STATE          COMMAND  PROGRAM  SENT  SIZE  OCT/S  BACKLOG  AGE "
                    " IDLE  TLS\n"
                    "  2  user2  [2001:db8::1]:40001  transaction    RETR     spamc    293k  586k    49k      64k  30s "
                    "   0s    -\n") != std::string::npos);
}

TEST_CASE("without a UTF-8 locale the live view is ASCII, whatever users are called") {
    TopView view = watched(Charset::ascii);
    view.data().take_event("2026-11-23T15:14:36.000Z login level=info user=\"jos\xC3\xA9\"");
    view.data().take("SESS", 310, 0, list({"9 \xE6\x97\xA5 ::1 transaction age=1"}));
    view.refresh();
    const std::string text = text_of(view.frame(24, 80, clock_then));
    for (const char c : text) CHECK(static_cast<unsigned char>(c) < 0x80);
    CHECK(text.find("^10                                                      @@@\n") != std::string::npos);
    CHECK(text.find("login     jos?\n") != std::string::npos);
    CHECK(text.find("  9  ??    ::1 ") != std::string::npos);
    for (const TopView::Row& row : view.frame(24, 80, clock_then)) CHECK(row.text.size() == 80);
}

TEST_CASE("a frame has exactly the rows and columns of the screen, however small it is and whatever is shown") {
    TopView view = watched();
    for (const std::string_view keys : {"", "h", "x/zzz", "s", "p"}) {
        press(view, keys);
        for (std::size_t rows = 0; rows < 40; ++rows) {
            for (const std::size_t wide : {0U, 1U, 7U, 20U, 79U, 80U, 81U, 250U}) {
                const auto frame = view.frame(rows, wide, clock_then);
                CHECK(frame.size() == rows);
                for (const TopView::Row& row : frame) CHECK(columns(row.text) == wide);
            }
        }
    }
}

namespace {

TopView thirty_sessions(int count = 30) {
    TopView view{"x"};
    std::vector<std::string> first, second;
    for (int i = 1; i <= count; ++i) {
        const std::string front = std::to_string(i) + " u" + std::to_string(99999 - i) +
                                  " ::1 transaction age=" + std::to_string(i * 10) + " command=- sent=";
        first.push_back(front + '0');
        second.push_back(front + std::to_string(i == 7 ? 5000 : 0));
    }
    view.data().take("SESS", 1, 0, list(first));
    view.data().take("SESS", 2, 0, list(second));
    view.refresh();
    return view;
}

// The ids in the list, '>' before the selected one.
std::vector<std::string> ids(TopView& view) {
    std::vector<std::string> found;
    bool in_list = false;
    for (const TopView::Row& row : view.frame(24, 80, 0)) {
        const auto words = words_of(row.text);
        if (!words.empty() && words[0] == "LOGINS") return found;
        if (in_list && !words.empty())
            found.push_back(std::string{words[0]} + std::string{words[0] == ">" ? words[1] : ""});
        if (!words.empty() && words[0] == "ID") in_list = true;
    }
    return found;
}

} // namespace

TEST_CASE("sessions are sorted by load, by age or by user; the selected one stays selected") {
    TopView view = thirty_sessions();
    CHECK(ids(view).front() == "7");
    press(view, "s");
    CHECK(ids(view).front() == "30");
    press(view, "s");
    CHECK(ids(view).front() == "30"); // u99969 comes first
    press(view, "s");
    view.press({Key::Code::down}, 24);
    CHECK(ids(view).front() == ">7");
    view.press({Key::Code::down}, 24);
    CHECK(ids(view)[1] == ">1");
    for (int i = 0; i < 40; ++i) view.press({Key::Code::page_down}, 24);
    CHECK(ids(view).back() == ">30");
    press(view, "s"); // by age it is the first
    CHECK(ids(view).front() == ">30");
    CHECK(view.press({Key::Code::home}, 24) == TopView::Wants::first);
    CHECK(ids(view).front() == ">30");
    view.press({Key::Code::end}, 24);
    CHECK(ids(view).back() == ">1");
}

TEST_CASE("a filter shows only the sessions that contain a text, until it is cleared") {
    TopView view = thirty_sessions();
    press(view, "/u9998");
    CHECK(ids(view).size() == 6); // 10 to 19 match, and six of them fit
    CHECK(text_of(view.frame(24, 80, 0)).find(" show only: u9998_\n") != std::string::npos);
    view.press({Key::Code::enter}, 24);
    CHECK(text_of(view.frame(24, 80, 0)).find("by load   10 of 30 sessions with u9998\n") != std::string::npos);
    press(view, "/nobody");
    view.press({Key::Code::enter}, 24);
    CHECK(text_of(view.frame(24, 80, 0)).find(" no session matches\n") != std::string::npos);
    press(view, "/");
    view.press({Key::Code::enter}, 24);
    CHECK(ids(view).front() == "7");
}

TEST_CASE("a kick needs a selected session and a confirmation") {
    TopView view = thirty_sessions();
    press(view, "k");
    CHECK(text_of(view.frame(24, 80, 0)).find(" select a session first") != std::string::npos);
    view.press({Key::Code::down}, 24);
    press(view, "k");
    CHECK(text_of(view.frame(24, 80, 0)).find(" kick session 7 of u99992? nothing is deleted (y/n)\n") !=
          std::string::npos);
    CHECK(view.press(key('n'), 24) == TopView::Wants::nothing);
    press(view, "k");
    CHECK(view.press(key('q'), 24) == TopView::Wants::nothing); // no letter but y confirms
    press(view, "k");
    CHECK(view.press(key('y'), 24) == TopView::Wants::kick);
    CHECK(view.to_kick() == "7");
}

TEST_CASE("the live view has help, details of a session and a pause") {
    TopView view = watched();
    press(view, "h");
    CHECK(text_of(view.frame(24, 80, 0)).find(" /       show only sessions that contain a text") != std::string::npos);
    press(view, "h");
    view.press({Key::Code::down}, 24);
    view.press({Key::Code::enter}, 24);
    const std::string details = text_of(view.frame(24, 80, 0));
    CHECK(details.find(
              " session 2, any key goes back\n id         2\n user       user2\n address    [2001:db8::1]:40001\n") !=
          std::string::npos);
    CHECK(details.find(" program    /usr/bin/spamc\n") != std::string::npos);
    press(view, "xp");
    CHECK(view.paused());
    CHECK(view.frame(24, 80, 0)[0].text.find("   PAUSED") != std::string::npos);
    press(view, "p");
    CHECK_FALSE(view.paused());
    CHECK(view.press(key('+'), 24) == TopView::Wants::slower);
    CHECK(view.press(key('-'), 24) == TopView::Wants::faster);
    CHECK(view.press(key('q'), 24) == TopView::Wants::quit);
}

TEST_CASE("ten thousand sessions are sorted, filtered and shown") {
    TopView view = thirty_sessions(10'000);
    CHECK(text_of(view.frame(24, 80, 0)).find(" sessions 10000   transaction 10000\n") != std::string::npos);
    CHECK(ids(view).front() == "7");
    press(view, "/u90000");
    CHECK(ids(view) == std::vector<std::string>{"9999"});
}

TEST_CASE("curves begin with the minutes from HIST") {
    TopView view{"x"};
    // Now is 15:14:34, which is 1000 on a clock that never jumps.
    view.data().take("HIST messages minute 20", 1000, static_cast<double>(clock_then),
                     list({"2026-11-23T15:11:00Z 600", "2026-11-23T15:12:00Z 0", "2026-11-23T15:13:00Z 1200",
                           "2026-11-23T15:14:00Z 5"}));
    const std::vector<double> values = view.data().trend(TopData::messages).last(400);
    REQUIRE(values.size() >= 59);
    CHECK(values.front() == Approx(10));
    CHECK(values[25] == Approx(0));
    CHECK(values.back() == Approx(20));
    view.data().take("METR", 1000, 0, line("1;0;0;0"));
    view.data().take("METR", 1001, 0, line("5;0;0;0"));
    CHECK(view.data().trend(TopData::messages).current() == Approx(4));
    CHECK(view.data().trend(TopData::messages).last(400).size() > values.size());
}

TEST_CASE("the curve of refusals begins with the minutes from HIST, summed over all causes that METR lists") {
    TopView view{"x"};
    TopData& data = view.data();
    data.take("METR *", 1000, 0,
              list({"refusals-secret 130", "refusals-in-use 60", "refusals-throttled 0", "messages 5"}));
    CHECK(data.past_questions() == std::vector<std::string>{"HIST messages minute 20", "HIST bytes minute 20",
                                                            "HIST historic minute 20", "HIST refusals-in-use minute 20",
                                                            "HIST refusals-secret minute 20"});
    const auto then = static_cast<double>(clock_then);
    data.take("HIST refusals-in-use minute 20", 1000, then,
              list({"2026-11-23T15:13:00Z 60", "2026-11-23T15:14:00Z 5"}));
    data.take("HIST refusals-secret minute 20", 1000, then,
              list({"2026-11-23T15:12:00Z 6", "2026-11-23T15:13:00Z 120", "2026-11-23T15:14:00Z 5"}));
    const std::vector<double> values = data.trend(TopData::refusals).last(400);
    REQUIRE(values.size() >= 20);
    CHECK(values.front() == Approx(0.1));
    CHECK(values.back() == Approx(3));
}

TEST_CASE("failures are shown by cause and per second, the most frequent first") {
    TopView view{"x"};
    TopData& data = view.data();
    const auto row = [&] {
        const std::string text = text_of(view.frame(24, 100, 0));
        const std::size_t at = text.find(" failures/s");
        return at == text.npos ? std::string{} : text.substr(at, text.find('\n', at) - at);
    };
    data.take("METR *", 10, 0,
              list({"refusals-secret 7", "filter-failures-exit 1", "deletions-failed 0", "messages 5"}));
    CHECK(row() == " failures/s  none");
    data.take("METR *", 12, 0,
              list({"refusals-secret 8", "filter-failures-exit 9", "deletions-failed 1", "messages 90"}));
    CHECK(row() == " failures/s  filter-failures-exit 4.0  deletions-failed 0.5  refusals-secret 0.5");
    data.take("METR *", 13, 0, list({"refusals-secret 8", "filter-failures-exit 9", "deletions-failed 1"}));
    CHECK(row() == " failures/s  none");
    data.take("METR *", 14, 0, list({"refusals-secret 1"})); // restarted
    CHECK(row() == " failures/s  none");
}

TEST_CASE("a server's refusal is shown in place of what it refuses") {
    TopView view{"x"};
    view.data().take("SESS", 1, 0, {false, "-ERR [AUTH] first \x1b[2J", "[AUTH] first", false, {}});
    view.refresh();
    view.set_events_trouble("no events: [AUTH] first");
    const std::string text = text_of(view.frame(24, 80, 0));
    CHECK(text.find(" -ERR [AUTH] first \\x1b[2J\n") != std::string::npos);
    CHECK(text.find(" no events: [AUTH] first\n") != std::string::npos);
}

TEST_CASE("a recording keeps what was seen, even odd lines, and leaves out a round that was cut off") {
    const buzon::test::TempDirectory directory;
    const std::string path = directory / "recording";
    std::string why;
    {
        auto recorder = TopRecorder::open(path, "[::1]:1111", why);
        REQUIRE(recorder);
        for (unsigned long n = 0; n < 3; ++n) {
            recorder->begin_round(clock_then + static_cast<std::int64_t>(n));
            recorder->add_reply("METR", line(numbers(n)));
            recorder->add_reply("SESS", list({"1 a ::1 transaction age=1", ".dots", "@ 5", "> METR", "! x"}));
            recorder->add_event("2026-11-23T15:14:34.123Z login user=a");
        }
        CHECK(recorder->flush());
        recorder->begin_round(clock_then + 3);
        recorder->add_reply("SESS", {true, "+OK", "", false, {"half"}});
        CHECK(recorder->flush());
    }
    CHECK_FALSE(TopRecorder::open(path, "x", why)); // it never overwrites a recording
    CHECK(why.find("File exists") != std::string::npos);
    why.clear();
    const auto recording = TopRecording::read(path, why);
    INFO(why);
    REQUIRE(recording);
    CHECK(recording->server() == "[::1]:1111");
    REQUIRE(recording->size() == 3);
    const TopRecording::Round last = recording->round(2);
    CHECK(last.clock == clock_then + 2);
    REQUIRE(last.replies.size() == 2);
    CHECK(last.replies[0].second.text == numbers(2));
    CHECK(last.replies[1].first == "SESS");
    CHECK(last.replies[1].second.lines ==
          std::vector<std::string>{"1 a ::1 transaction age=1", ".dots", "@ 5", "> METR", "! x"});
    CHECK(last.events == std::vector<std::string>{"2026-11-23T15:14:34.123Z login user=a"});
    CHECK_FALSE(TopRecording::read("/etc/passwd", why));
    CHECK_FALSE(TopRecording::read(directory / "nothing", why));
}

TEST_CASE("a restarted server causes no spike") {
    Trend trend;
    trend.add_counter(1, 1'000'000);
    trend.add_counter(2, 1'000'010);
    CHECK(trend.current() == Approx(10));
    trend.add_counter(3, 5);
    CHECK(trend.current() == Approx(10)); // nothing is known about this second
    trend.add_counter(5, 25);
    CHECK(trend.current() == Approx(10));
    for (const double value : trend.last(100)) CHECK(value == Approx(10));
}

TEST_CASE("a trend is bounded, and time without a sample leaves no gap in it") {
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

TEST_CASE("unexpected events are shown with their control characters escaped") {
    TopView view{"x"};
    view.data().take_event("");
    view.data().take_event("odd");
    view.data().take_event("2026-11-23T15:14:34.123Z login user=\"\\x1b[2J\"");
    const std::string text = text_of(view.frame(40, 80, 0));
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\\x1b[2J") != std::string::npos);
}
