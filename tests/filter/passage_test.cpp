// filter/passage_test.cpp - long-running programs, alone and in chains with plain ones: real processes, mostly Python
// scripts.
#include "buzon/filter/passage.h"

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "filter_support.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;
using namespace std::chrono_literals;

namespace {

// A message in memory, which is read in pieces of this size; 0: of 64 KiB.
struct Stored final : MessageSource {
    std::string text;
    std::size_t piece = 0;

    std::uint64_t size() const override { return text.size(); }
    posix::Transfer read(std::uint64_t offset, std::string_view& octets) override {
        octets = std::string_view{text}.substr(static_cast<std::size_t>(offset), piece == 0 ? 65536 : piece);
        return {octets.empty() ? posix::Moved::end : posix::Moved::some, octets.size(), {}};
    }
    posix::UniqueFd take_file() override { return message(text); }
};

struct PoolEvents final : Processes::Events {
    void on_process_started(const FilterMember&, bool again) override { ++(again ? restarted : started); }
    void on_process_line(const FilterMember&, std::string_view line) override { lines.emplace_back(line); }
    std::size_t started = 0, restarted = 0;
    std::vector<std::string> lines;
};

// One message, passed as by a delivery.
struct Letter final : PassageEvents {
    Letter(event::EventLoop& l, Hosts& hosts, Processes& processes) : loop{l}, passage{l, hosts, processes, *this} {}

    Outcome start(const std::string& text, std::string stored = "Subject: x\n\ntext\n") {
        const ParsedSpec parsed = FilterSpec::parse(text);
        INFO(text << ": " << parsed.problem);
        REQUIRE(parsed.ok());
        spec = parsed.spec;
        source.text = std::move(stored);
        return passage.start(spec, source, {"ana", "uidl-1", "::1"}, "user=ana uidl=uidl-1 ip=::1", limits);
    }
    void look() {
        std::string piece(5000, '\0');
        for (;;) { // octets that are already buffered are not reported again
            const posix::Transfer got = passage.read(piece);
            if (got.what == posix::Moved::end && passage.outcome()) ended = passage.outcome();
            if (got.what != posix::Moved::some) return;
            output.append(piece, 0, got.bytes);
        }
    }
    const Outcome& finish() {
        look();
        turn_until(loop, [&] { return ended.has_value(); });
        REQUIRE(ended.has_value());
        return *ended;
    }

    void on_output() override {
        if (!holds_still) look();
    }
    void on_ended(const Outcome& outcome) override { ended = outcome; }
    bool on_again() override {
        ++again;
        if (sent) return false;
        output.clear();
        return true;
    }
    void on_stderr_line(std::string_view line) override { lines.emplace_back(line); }

    event::EventLoop& loop;
    FilterSpec spec;
    Stored source;
    Limits limits;
    bool sent = false, holds_still = false;
    int again = 0;
    std::string output;
    std::vector<std::string> lines;
    std::optional<Outcome> ended;
    Passage passage;
};

const std::string script_head = "#!/usr/bin/python3\n"
                                "import os, signal, sys, time\n"
                                "inp, out = sys.stdin.buffer, sys.stdout.buffer\n"
                                "def say(text):\n"
                                "    out.write(text if isinstance(text, bytes) else text.encode())\n"
                                "    out.flush()\n"
                                "def first_line():\n"
                                "    line = inp.readline()\n"
                                "    if not line: sys.exit(0)\n"
                                "    return line.decode().split()\n"
                                "def hear():\n"
                                "    words = first_line()\n"
                                "    return inp.read(int(words[1]))\n"
                                "def hello(text='buzon-filter 1\\n'):\n"
                                "    if inp.readline() != b'buzon-filter 1\\n': sys.exit(9)\n"
                                "    say(text)\n";

struct Passing : NothingLeft {
    Passing() {
        std::signal(SIGPIPE, SIG_IGN); // as the server does
        processes.set_limit(4);
    }
    Passing(const Passing&) = delete;
    Passing& operator=(const Passing&) = delete;
    ~Passing() {
        letters.clear();
        processes.retire_all();
        settle();
    }

    // A Python program that answers each message with these lines.
    std::string program(const std::string& name, const std::string& lines, const std::string& before = "hello()\n") {
        std::string indented;
        for (std::size_t at = 0; at < lines.size();) {
            const std::size_t end = std::min(lines.find('\n', at), lines.size());
            indented += "    " + lines.substr(at, end - at) + "\n";
            at = end + 1;
        }
        return "process:" + directory.file(name, script_head + before + "while True:\n" + indented, 0755);
    }
    Letter& letter() { return *letters.emplace_back(std::make_unique<Letter>(loop, hosts, processes)); }
    // Passes a message; returns "same", the new message, or the text of the cause.
    std::string pass(const std::string& spec, const std::string& stored = "Subject: x\n\ntext\n") {
        Letter& one = letter();
        const Outcome started = one.start(spec, stored);
        if (!started.ok()) return started.text;
        const Outcome& outcome = one.finish();
        if (!outcome.ok()) return outcome.text;
        const bool same = one.passage.same();
        if (same) CHECK(one.output.empty());
        return same ? "same" : one.output;
    }

    TemporaryDirectory directory;
    PoolEvents events;
    Processes processes{loop, hosts, events};
    std::vector<std::unique_ptr<Letter>> letters;
};

const std::string swaps = "text = hear()\nsay('message %d\\n' % len(text)); say(text.swapcase())";

} // namespace

TEST_CASE_METHOD(Passing, "one process answers many messages, with any kind of answer") {
    const std::string spec =
        program("kinds", "text = hear()\n"
                         "if text == b'same': say('same\\n')\n"
                         "elif text == b'fail': say('fail virus found\\n')\n"
                         "elif text == b'stream':\n"
                         "    say('stream\\nchunk 3\\nabcchunk 0\\n'); say('chunk 2\\n'); say('de'); "
                         "say('end\\n')\n"
                         "elif text == b'none': say('message 0\\n')\n"
                         "else: say(b'message 3\\n' + text[:3])");
    for (int i = 0; i < 20; ++i) {
        CHECK(pass(spec, "same") == "same");
        CHECK(pass(spec, "stream") == "abcde");
        CHECK(pass(spec, "none").empty());
        CHECK(pass(spec, "fail").ends_with("/kinds: virus found"));
        CHECK(letters.back()->ended->cause == Cause::answer);
        CHECK(pass(spec, "xyz") == "xyz");
    }
    CHECK(events.started == 1);
    CHECK(events.restarted == 0);
    CHECK(processes.statistics().idle == 1);
}

TEST_CASE_METHOD(Passing, "a program is told a message's size, user, UIDL and client address") {
    const std::string spec = program("about", "words = first_line(); inp.read(int(words[1]))\n"
                                              "answer = ' '.join(words).encode()\n"
                                              "say(b'message %d\\n%s' % (len(answer), answer))");
    CHECK(pass(spec, "12345") == "message 5 user=ana uidl=uidl-1 ip=::1");
    CHECK(pass(spec, "") == "message 0 user=ana uidl=uidl-1 ip=::1");
}

TEST_CASE_METHOD(Passing, "the environment of a long-running program names no message") {
    const std::string spec = program("environment", "hear()\nanswer = ' '.join(sorted(os.environ)).encode()\n"
                                                    "say(b'message %d\\n%s' % (len(answer), answer))");
    CHECK(pass(spec).starts_with("LANG"));
    CHECK(pass(spec).find("BUZON") == std::string::npos);
}

TEST_CASE_METHOD(Passing, "messages of any size pass in both directions, even while the program is still reading") {
    const std::string all_at_once = program("swap", swaps);
    // Reads a piece, then writes a piece.
    const std::string by_and_by = program("stream", "left = int(first_line()[1])\n"
                                                    "say('stream\\n')\n"
                                                    "while left > 0:\n"
                                                    "    piece = inp.read1(min(left, 10000))\n"
                                                    "    left -= len(piece)\n"
                                                    "    say(b'chunk %d\\n%s' % (len(piece), piece.swapcase()))\n"
                                                    "say('end\\n')");
    for (const std::size_t size : {0UL, 1UL, 65535UL, 65536UL, 65537UL, 1UL << 20, 3'000'000UL}) {
        CAPTURE(size);
        const std::string stored(size, 'a'), wanted(size, 'A');
        CHECK((pass(all_at_once, stored) == wanted));
        CHECK((pass(by_and_by, stored) == wanted));
    }
    CHECK(events.started == 2);
}

TEST_CASE_METHOD(Passing, "a message that is read in small pieces passes whole") {
    Letter& one = letter();
    one.source.piece = 7;
    REQUIRE(one.start(program("swap", swaps), std::string(1000, 'x')).ok());
    CHECK(one.finish().ok());
    CHECK(one.output == std::string(1000, 'X'));
}

TEST_CASE_METHOD(Passing, "a program that breaks the protocol or dies is replaced, and the message gets one more try") {
    struct Row {
        std::string name, lines, before, why;
    };
    const Row row = GENERATE(values<Row>({
        {"garbage", "hear()\nsay('ok\\n')", "hello()\n", "not an answer: \"ok\""},
        {"exit", "hear()\nsys.exit(1)", "hello()\n", "exit status 1 before its answer"},
        {"leave", "hear()\nsys.exit(0)", "hello()\n", "exit status 0 before its answer"},
        {"killed", "hear()\nos.kill(os.getpid(), 9)", "hello()\n", "killed by SIGKILL before its answer"},
        {"half", "hear()\nsay('message 100\\nabc')\nsys.exit(0)", "hello()\n", "before the rest of its message"},
        {"half line", "hear()\nsay('messag')\nsys.exit(0)", "hello()\n", "before the end of its line"},
        {"half chunk", "hear()\nsay('stream\\nchunk 4\\nabc')\nsys.exit(0)", "hello()\n", "before the rest of a chunk"},
        {"no end", "hear()\nsay('stream\\nchunk 3\\nabc')\nsys.exit(0)", "hello()\n", "before the next chunk"},
        {"too much", "hear()\nsay('message 3\\nabcd')", "hello()\n", "it wrote unrequested output"},
        {"twice", "hear()\nsay('same\\nsame\\n')", "hello()\n", "it wrote unrequested output"},
        {"long line", "hear()\nsay('x' * 100000)", "hello()\n", "a line of more than 4096 octets"},
        {"huge", "hear()\nsay('message 9223372036854775808\\n')", "hello()\n", "not an octet count"},
        {"version", "hear()\nsay('same\\n')", "hello('buzon-filter 2\\n')\n", "unsupported version"},
        {"talks at once", "time.sleep(1000)", "hello('buzon-filter 1\\nsame\\n')\n", "it wrote unrequested output"},
        {"no handshake", "pass", "sys.exit(3)\n", "exit status 3 before its handshake"},
        {"blind", "say('same\\n')\ntime.sleep(1000)",
         "hello()\nimport fcntl, termios, struct\n"
         "while struct.unpack('i', fcntl.ioctl(0, termios.FIONREAD, b'    '))[0] == 0: time.sleep(0.001)\n",
         "before it read any of the message"},
        {"closes", "hear()\nos.close(1)\ntime.sleep(1000)", "hello()\n", "before its answer"},
    }));
    CAPTURE(row.name);
    const std::string file = row.name;
    const std::string spec = program("faulty", row.lines, row.before);
    Letter& one = letter();
    REQUIRE(one.start(spec).ok());
    const Outcome& outcome = one.finish();
    CHECK_FALSE(outcome.ok());
    INFO(outcome.text);
    CHECK(outcome.text.find("/faulty: ") != std::string::npos);
    CHECK(outcome.text.find(row.why) != std::string::npos);
    CHECK(one.again == 1);
    CHECK(events.started == 1);
    CHECK(events.restarted == 1);
    turn_until(loop, [&] { return processes.statistics().busy + processes.statistics().idle == 0; });
    // Other programs are not affected.
    CHECK(pass(program("swap", swaps), "abc") == "ABC");
}

TEST_CASE_METHOD(Passing, "a message is not lost if its program dies once") {
    const std::string mark = directory.expect("mark");
    const std::string spec = program("dies", "text = hear()\nif not os.path.exists('" + mark +
                                                 "'):\n"
                                                 "    open('" +
                                                 mark +
                                                 "', 'w').close()\n"
                                                 "    say('message 100\\nhalf of it')\n"
                                                 "    os.kill(os.getpid(), 9)\n"
                                                 "say('message 5\\nwhole')");
    CHECK(pass(spec) == "whole");
    CHECK(letters.back()->again == 1);
    CHECK(events.started + events.restarted == 2);
    CHECK(pass(spec) == "whole");
    CHECK(events.started + events.restarted == 2);
}

TEST_CASE_METHOD(Passing, "there is no second try once something was sent, nor after a time limit") {
    Letter& sent = letter();
    sent.sent = true;
    REQUIRE(sent.start(program("dies", "hear()\nsay('message 100\\nhalf')\nsys.exit(1)")).ok());
    CHECK(sent.finish().cause == Cause::exit_status);
    CHECK(sent.output == "half");
    CHECK(sent.again == 1);
    CHECK(events.started == 1);

    Letter& late = letter();
    late.limits.without_progress = 300ms;
    REQUIRE(late.start(program("hangs", "hear()\ntime.sleep(1000)")).ok());
    CHECK(late.finish().cause == Cause::time_limit);
    CHECK(late.again == 0);
    CHECK(events.started == 2);
    CHECK(events.restarted == 0);
}

TEST_CASE_METHOD(Passing, "a program that sends no handshake reaches its time limit") {
    Letter& late = letter();
    late.limits.without_progress = 200ms;
    REQUIRE(late.start(program("deaf", "time.sleep(1000)", "")).ok());
    CHECK(late.finish().cause == Cause::time_limit);
}

TEST_CASE_METHOD(Passing, "empty chunks are no progress") {
    Letter& late = letter();
    late.limits.without_progress = 300ms;
    REQUIRE(late.start(program("chunks", "hear()\nsay('stream\\n')\nwhile True: say('chunk 0\\n')")).ok());
    CHECK(late.finish().cause == Cause::time_limit);
}

TEST_CASE_METHOD(Passing, "unsolicited output ends the process, and no message gets it") {
    const std::string mark = directory.expect("mark"), written = directory.expect("written");
    const std::string spec = program("talks", "text = hear()\nsay('message 2\\nok')\n"
                                              "if text == b'secret':\n"
                                              "    while not os.path.exists('" +
                                                  mark +
                                                  "'): time.sleep(0.01)\n"
                                                  "    say(b'message 6\\n' + text)\n    open('" +
                                                  written + "', 'w').close()");
    CHECK(pass(spec, "secret") == "ok");
    directory.file("mark", "");
    SECTION("while it is idle") {
        turn_until(loop, [&] { return !events.lines.empty(); });
        REQUIRE(events.lines.size() == 1);
        CHECK(events.lines.front() == "it wrote unrequested output");
        CHECK(pass(spec, "other") == "ok");
    }
    SECTION("before the server has looked") {
        wait_until([&] { return ::access(written.c_str(), F_OK) == 0; });
        CHECK(pass(spec, "other") == "ok");
    }
    CHECK(events.started + events.restarted == 2);
}

TEST_CASE_METHOD(Passing, "a process serves only one owner's mail") {
    const std::string spec = program("mixes", "text = hear()\nlast = globals().get('kept', b'-')\nkept = text\n"
                                              "say(b'message %d\\n%s' % (len(last), last))");
    const auto pass_of = [&](std::uint32_t owner, const std::string& text) {
        Letter& one = letter();
        one.limits.mail_owner = {owner, owner};
        REQUIRE(one.start(spec, text).ok());
        REQUIRE(one.finish().ok());
        return one.output;
    };
    for (const char* text : {"a1", "a2", "a3"}) {
        CHECK(pass_of(1000, text).front() != 'b');
        CHECK(pass_of(1001, std::string{"b"} + text).front() != 'a');
    }
    CHECK(events.started == 2);
}

TEST_CASE_METHOD(Passing, "messages with different limits need different processes") {
    const std::string spec = program("swap", swaps);
    for (int i = 0; i < 2; ++i) {
        Letter& one = letter();
        one.limits.resources.open_files = 100 + static_cast<unsigned>(i);
        REQUIRE(one.start(spec, "a").ok());
        CHECK(one.finish().ok());
    }
    CHECK(events.started == 2);
}

TEST_CASE_METHOD(Passing, "at the limit, the process that has been idle longest makes room") {
    processes.set_limit(2);
    const std::string a = program("a", swaps), b = program("b", swaps), c = program("c", swaps);
    (void)pass(a), (void)pass(b), (void)pass(a);
    CHECK(events.started == 2);
    (void)pass(c); // b goes
    CHECK(events.started == 3);
    CHECK(processes.statistics().idle == 2);
    (void)pass(a);
    CHECK(events.started == 3);
    (void)pass(b);
    CHECK(events.started == 4);
}

TEST_CASE_METHOD(Passing, "several messages at the same time have a process each") {
    const std::string spec = program("swap", swaps);
    std::vector<Letter*> many;
    for (int i = 0; i < 3; ++i) {
        many.push_back(&letter());
        REQUIRE(many.back()->start(spec, std::string(100'000, static_cast<char>('a' + i))).ok());
    }
    for (int i = 0; i < 3; ++i) {
        CHECK(many[static_cast<std::size_t>(i)]->finish().ok());
        CHECK((many[static_cast<std::size_t>(i)]->output == std::string(100'000, static_cast<char>('A' + i))));
    }
    CHECK(events.started == 3);
}

TEST_CASE_METHOD(Passing, "a program that keeps failing is restarted after growing pauses") {
    const std::string spec = program("fails", "hear()\nsys.exit(1)");
    const event::Instant began = event::Clock::now();
    std::string why;
    for (int i = 0; i < 20 && why.find("keeps failing") == std::string::npos; ++i) why = pass(spec);
    CHECK(why.find("it keeps failing; the next attempt is in ") != std::string::npos);
    // 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s, before the next one would be longer than a message waits.
    CHECK(event::Clock::now() - began >= 3s);
    CHECK(events.started + events.restarted <= 8);
    CHECK(pass(program("swap", swaps), "a") == "A");
}

TEST_CASE_METHOD(Passing, "a program that cannot be started is reported") {
    const std::string spec = "process:" + directory.path("none");
    CHECK(pass(spec).find("/none: cannot start: ") != std::string::npos);
    CHECK(letters.back()->ended->cause == Cause::cannot_start);
}

TEST_CASE_METHOD(Passing, "the next message uses the program's new file") {
    const auto write = [&](const std::string& name, const std::string& answer) {
        return program(name, "hear()\nsay('message 3\\n" + answer + "')");
    };
    const std::string spec = write("program", "old");
    CHECK(pass(spec) == "old");
    SECTION("renamed into its place") {
        (void)write("other", "new");
        REQUIRE(::rename(directory.path("other").c_str(), directory.path("program").c_str()) == 0);
    }
    SECTION("overwritten") {
        (void)write("program", "new");
    }
    SECTION("behind a link") {
        (void)write("other", "new");
        REQUIRE(::unlink(directory.path("program").c_str()) == 0);
        REQUIRE(::symlink(directory.path("other").c_str(), directory.path("program").c_str()) == 0);
    }
    CHECK(pass(spec) == "new");
    CHECK(events.started == 2);
    CHECK(pass(spec) == "new");
    CHECK(events.started == 2);
}

TEST_CASE_METHOD(Passing, "a program ends when its input ends, and is killed if it does not") {
    const std::string mark = directory.expect("mark");
    const std::string polite =
        program("polite", "words = inp.readline().split()\nif not words:\n    open('" + mark +
                              "', 'w').write('bye\\n')\n    sys.exit(0)\ninp.read(int(words[1]))\nsay('same\\n')");
    CHECK(pass(polite) == "same");
    processes.retire_all();
    wait_until([&] {
        loop.turn(10ms);
        return contents(mark) == "bye\n";
    });
    CHECK(contents(mark) == "bye\n");
    CHECK(pass(program("stays", "hear()\nsay('same\\n')\ntime.sleep(1000)")) == "same");
    // The fixture checks the rest.
}

TEST_CASE_METHOD(Passing, "a program that ends while idle is restarted silently") {
    const std::string spec = program("once", "hear()\nsay('same\\n')\nsys.exit(0)");
    for (int i = 0; i < 5; ++i) CHECK(pass(spec) == "same");
    CHECK(events.lines.empty());
    CHECK(events.started + events.restarted >= 5);
}

TEST_CASE_METHOD(Passing, "standard error belongs to the message that the program is working on") {
    const std::string spec = program("says", "text = hear()\nsys.stderr.write('about %s\\n' % text.decode())\n"
                                             "sys.stderr.flush()\nsay('same\\n')");
    for (const char* text : {"one", "two"}) {
        CHECK(pass(spec, text) == "same");
        CHECK(letters.back()->lines == std::vector<std::string>{std::string{"about "} + text});
    }
    CHECK(pass(program("much", "hear()\nsys.stderr.write('x\\n' * 100)\nsys.stderr.flush()\nsay('same\\n')")) ==
          "same");
    REQUIRE(letters.back()->lines.size() == 21);
    CHECK(letters.back()->lines.back() == "(80 more lines not shown)");
}

TEST_CASE_METHOD(Passing, "a process whose message is abandoned serves the next one, if it has read all of it") {
    const std::string spec = program("long", "text = hear()\nsay('message 1000000\\n' + 1000000 * 'x')");
    Letter& leaves = letter();
    leaves.holds_still = true;
    REQUIRE(leaves.start(spec, "small").ok());
    turn_until(loop, [&] {
        std::string piece(10, '\0');
        return leaves.passage.read(piece).what == posix::Moved::some;
    });
    SECTION("reading") {
        leaves.passage.abandon();
    }
    SECTION("paused") {
        leaves.passage.pause();
        leaves.passage.abandon();
    }
    turn_until(loop, [&] { return processes.statistics().idle == 1; });
    CHECK((pass(spec, "small") == std::string(1'000'000, 'x')));
    CHECK(events.started == 1);
}

TEST_CASE_METHOD(Passing, "a process whose message is abandoned after the answer's last octet is idle at once") {
    const std::string spec = program("short", "hear()\nsay('message 20\\n' + 20 * 'x')");
    Letter& leaves = letter();
    leaves.holds_still = true;
    REQUIRE(leaves.start(spec, "small").ok());
    std::string piece(1000, '\0');
    turn_until(loop, [&] { return leaves.passage.read(piece).what == posix::Moved::some; });
    REQUIRE_FALSE(leaves.passage.outcome().has_value());
    leaves.passage.abandon();
    CHECK(processes.statistics().idle == 1);
    CHECK(pass(spec, "small") == std::string(20, 'x'));
    CHECK(events.started == 1);
}

TEST_CASE_METHOD(Passing, "if clients leave while their program starts, its one process serves the next message") {
    processes.set_limit(1);
    const std::string gate = directory.expect("gate");
    const std::string spec =
        program("slow", swaps, "while not os.path.exists('" + gate + "'): time.sleep(0.01)\nhello()\n");
    for (int i = 0; i < 5; ++i) {
        Letter& leaves = letter();
        REQUIRE(leaves.start(spec).ok());
        leaves.passage.abandon();
    }
    CHECK(processes.statistics().busy == 1);
    CHECK(events.started == 1);
    directory.file("gate", "");
    CHECK(pass(spec, "abc") == "ABC");
    CHECK(events.started == 1);
}

TEST_CASE_METHOD(Passing, "at the limit, a process that starts for nobody makes room for another program") {
    processes.set_limit(1);
    Letter& leaves = letter();
    REQUIRE(leaves.start(program("slow", swaps, "time.sleep(1000)\n")).ok());
    leaves.passage.abandon();
    Letter& other = letter();
    REQUIRE(other.start(program("swap", swaps), "abc").ok());
    CHECK(processes.statistics().busy == 1);
    CHECK(other.finish().ok());
    CHECK(other.output == "ABC");
    CHECK(events.started == 2);
}

TEST_CASE_METHOD(Passing, "only a limited part of an unwanted answer is read") {
    const std::string spec =
        program("endless", "hear()\nsay('stream\\n')\nwhile True: say('chunk 65536\\n' + 65536 * 'x')");
    Letter& leaves = letter();
    leaves.holds_still = true;
    REQUIRE(leaves.start(spec, "small").ok());
    turn_until(loop, [&] {
        std::string piece(10, '\0');
        return leaves.passage.read(piece).what == posix::Moved::some;
    });
    leaves.passage.abandon();
    turn_until(loop, [&] { return processes.statistics().busy == 0; });
    CHECK(processes.statistics().idle == 0);
    CHECK(events.lines.empty());
}

TEST_CASE_METHOD(Passing, "a process whose message is abandoned ends, if it has not read all of it") {
    const std::string mark = directory.expect("mark");
    const std::string spec = program("waits", "first_line()\nopen('" + mark + "', 'w').close()\ntime.sleep(1000)");
    Letter& leaves = letter();
    REQUIRE(leaves.start(spec, std::string(4'000'000, 'x')).ok());
    turn_until(loop, [&] { return ::access(mark.c_str(), F_OK) == 0; });
    leaves.passage.abandon();
    CHECK(processes.statistics().busy == 0);
}

TEST_CASE_METHOD(Passing, "a paused program waits, and its time limit does not run") {
    const std::string spec = program("long", "hear()\nsay('message 4000000\\n' + 4000000 * 'x')");
    CHECK(pass(spec).size() == 4'000'000); // it must run already: no handshake is read while paused
    Letter& slow = letter();
    slow.limits.without_progress = 500ms;
    REQUIRE(slow.start(spec).ok());
    slow.passage.pause();
    const event::Instant until = event::Clock::now() + 1500ms;
    while (event::Clock::now() < until) loop.turn(10ms);
    CHECK_FALSE(slow.ended);
    slow.passage.resume();
    CHECK(slow.finish().ok());
    CHECK(slow.output.size() == 4'000'000);
    CHECK(events.started == 1);
}

TEST_CASE_METHOD(Passing, "long-running programs can be chained with plain ones") {
    const std::string swap = program("swap", swaps);
    const std::string same = program("same", "hear()\nsay('same\\n')");
    CHECK(pass(swap + " | " + same, "abc") == "same");
    posix::UniqueFd made = letters.back()->passage.take_result();
    REQUIRE(made);
    char piece[10];
    CHECK(::read(made.get(), piece, sizeof piece) == 3);
    CHECK(std::string{piece, 3} == "ABC");

    CHECK(pass("/usr/bin/sed:s/a/b/ | " + swap, "abc\n") == "BBC\n");
    CHECK(pass(swap + " | /usr/bin/sed:s/A/b/", "abc\n") == "bBC\n");
    CHECK(pass(same + " | /usr/bin/sed:s/a/x/", "abc\n") == "xbc\n");
    CHECK(pass(same + " | " + same, "abc\n") == "same");
    CHECK_FALSE(letters.back()->passage.take_result());
    CHECK(pass("/bin/cat | /usr/bin/tr:-d b | " + swap, "abc\n").find("tr") != std::string::npos); // tr wants two words
    CHECK(pass("/bin/cat | /usr/bin/tr -d b | " + swap + " | /bin/cat | " + swap + " | /usr/bin/sed:s/a/x/", "abc\n") ==
          "xc\n");
    const std::string large(2'000'000, 'a');
    CHECK((pass("/bin/cat | " + swap + " | /bin/cat", large) == std::string(2'000'000, 'A')));
}

TEST_CASE_METHOD(Passing, "a chain fails if any of its members does, before any output has been read") {
    const std::string swap = program("swap", swaps);
    const std::string no = program("no", "hear()\nsay('fail no\\n')");
    CHECK(pass(no + " | /bin/cat").ends_with("/no: no"));
    CHECK(pass("/bin/false | " + swap).find("/bin/false: exit status 1") != std::string::npos);
    CHECK(pass(swap + " | /bin/false").find("/bin/false: exit status 1") != std::string::npos);
    CHECK(pass(swap + " | " + no + " | " + swap).ends_with("/no: no"));
    const std::string dies = program("dies", "hear()\nsay('stream\\nchunk 1\\nx')\nsys.exit(1)");
    Letter& one = letter();
    REQUIRE(one.start(dies + " | " + swap).ok());
    CHECK(one.finish().cause == Cause::exit_status);
    CHECK(one.output.empty());
    CHECK(one.again == 0); // no output had to be discarded
    CHECK(events.restarted == 1);
}

TEST_CASE_METHOD(Passing, "what passes between two programs is limited in size") {
    const std::string swap = program("swap", swaps);
    Letter& one = letter();
    one.limits.resources.file_size = 100'000;
    REQUIRE(one.start(swap + " | " + swap, std::string(200'000, 'x')).ok());
    CHECK(one.finish().text.find("between two programs") != std::string::npos);
    Letter& other = letter();
    other.limits.resources.file_size = 100'000;
    REQUIRE(other.start("/bin/cat | " + swap, std::string(200'000, 'x')).ok());
    CHECK_FALSE(other.finish().ok());
}

TEST_CASE_METHOD(Passing, "a result is stable if every program says so") {
    const std::string stable = program("stable", swaps, "hello('buzon-filter 1 stable\\n')\n");
    CHECK(pass(stable, "a") == "A");
    CHECK(letters.back()->passage.stable());
    CHECK(pass(stable + " | " + stable, "a") == "a");
    CHECK(letters.back()->passage.stable());
    CHECK(pass(stable + " | /bin/cat", "a") == "A");
    CHECK_FALSE(letters.back()->passage.stable());
    CHECK(pass(stable + " | " + program("swap", swaps), "a") == "a");
    CHECK_FALSE(letters.back()->passage.stable());
}

TEST_CASE_METHOD(Passing, "a host that is killed takes its program along, and the next message gets a new one") {
    const std::string spec = program("swap", swaps);
    CHECK(pass(spec, "a") == "A");
    ::kill(starter.hosts.back(), SIGKILL);
    turn_until(loop, [&] { return processes.statistics().idle == 0; });
    CHECK(pass(spec, "b") == "B");
    CHECK(events.started + events.restarted == 2);
}

TEST_CASE_METHOD(Passing, "a host that is killed is given as the cause, even if its program's end is noticed first") {
    const std::string mark = directory.expect("mark");
    // It has begun to answer: until the loop has reported output, read() does not look for its end.
    const std::string spec = program("waits", "hear()\nsay('stream\\nchunk 1\\nx')\nopen('" + mark +
                                                  "', 'w').write('%d\\n' % os.getpid())\n" + "time.sleep(1000)");
    Letter& one = letter();
    one.sent = true; // no second try
    REQUIRE(one.start(spec).ok());
    turn_until(loop, [&] { return contents(mark).ends_with('\n') && one.output == "x"; });
    const pid_t program = std::stoi(contents(mark));
    ::kill(starter.hosts.back(), SIGKILL);
    wait_until([&] { return !process_exists(program); });
    REQUIRE_FALSE(process_exists(program));
    one.look(); // before the loop can report the host's end
    CHECK(one.finish().cause == Cause::system);
}
