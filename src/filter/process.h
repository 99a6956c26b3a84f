// filter/process.h - one process of a long-running program.
//
//   starting ── its handshake ──► idle ── begin() ──► busy ── the answer is complete ──► idle
//      └───────────┴───────────────┴─ it ended, or broke the protocol ────► leaving ── it has ended ──► gone
//                                     retire(): its input is closed ──────────┘    2 s, then SIGKILL
//
// begin() may be called before the handshake. A message is complete when its answer is complete and the program has
// been given the whole message. If the owner of a message leaves before that, the rest of the answer is read and
// dropped. But if it is long, or the program has not been given the whole message, the process is ended. If the owner
// leaves before the handshake, the process waits for the next message.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/answer_parser.h"
#include "buzon/filter/processes.h"
#include "stderr_pipe.h"

namespace buzon::filter {

class Process final : private ProgramEvents, private event::TimerHandler {
public:
    Process(event::EventLoop& loop, Processes& pool, const ProcessKey& key, const Limits& limits);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] Outcome start(Hosts& hosts);

    // The message is read from the source until the owner leaves. about: the rest of its first line. Only those limits
    // apply that are not fixed at the start of the process.
    void begin(MessageSource& source, std::string_view about, const Limits& limits, MessageOwner& owner);
    // Octets of the new message. would_block: on_process_output() follows. end: there is an outcome().
    [[nodiscard]] posix::Transfer read(std::span<char> into);
    // Call it when the source has more.
    void feed();
    void pause() noexcept;
    void resume();
    // Set once the message has been dealt with. On success, same() tells whether it goes out unchanged.
    [[nodiscard]] const std::optional<Outcome>& outcome() const noexcept { return message_.outcome; }
    // The whole answer has been read, but read() has not reported that yet. Call it again: nothing else will report it.
    [[nodiscard]] bool answered() const noexcept { return message_.answered; }
    [[nodiscard]] bool same() const noexcept { return message_.same; }
    [[nodiscard]] bool stable() const noexcept { return parser_.stable(); }
    void leave();
    // Kills the process, if there is no memory for leave().
    void drop() noexcept {
        message_ = {};
        if (state_ != State::gone) be_gone();
    }

    void retire();
    void end() { let_go(true); }
    [[nodiscard]] const ProcessKey& key() const noexcept { return key_; }
    [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }
    // It can have the next message: it is starting, and its message has been given up.
    [[nodiscard]] bool unclaimed() const noexcept {
        return state_ == State::starting && !message_.owner && !stale_ && output_.fd && !end_;
    }
    // Nobody waits for it: it is starting, or reading the rest of an answer, for a message that has been given up.
    [[nodiscard]] bool unwanted() const noexcept {
        return (state_ == State::starting || state_ == State::busy) && !message_.owner;
    }
    [[nodiscard]] bool counts() const noexcept { return state_ != State::leaving && state_ != State::gone; }
    [[nodiscard]] bool gone() const noexcept { return state_ == State::gone && !message_.owner; }
    // Its file has been replaced, even if the loop has not reported that yet.
    [[nodiscard]] bool outdated() const noexcept;
    [[nodiscard]] event::Instant idle_since() const noexcept { return times_.last; }

private:
    enum class State : std::uint8_t { starting, idle, busy, leaving, gone };

    // Our end of a pipe, or the descriptor that reports changes of the file.
    struct Channel final : event::Handler {
        Channel(Process& p, void (Process::*w)()) : process{p}, what{w} {}
        void on_ready(std::uint32_t) override { (process.*what)(); }
        void close() noexcept {
            watch.stop();
            fd.reset();
        }
        Process& process;
        void (Process::*what)();
        posix::UniqueFd fd;
        event::Watch watch;
    };
    struct Times {
        event::Instant last{};             // idle: since when; busy: last progress
        event::Instant began{};            // when its message began
        std::chrono::nanoseconds worked{}; // in total, on all its messages
        int unread = 0;                    // octets of its input that were unread at the last check
    };
    // The message that it is working on.
    struct Message {
        MessageOwner* owner = nullptr;
        MessageSource* source = nullptr;
        std::string head;
        std::uint64_t size = 0;
        std::uint64_t given = 0;   // octets of head and message
        std::uint64_t drained = 0; // octets of the answer that were dropped
        bool silent = true;        // the loop has not reported any output yet
        bool heard = false;        // the program has begun to answer
        bool answered = false;     // completely
        bool same = false;
        std::optional<std::string> refusal; // the reason behind "fail"
        std::optional<Outcome> outcome;

        [[nodiscard]] bool given_whole() const noexcept { return given == head.size() + size; }
    };

    [[nodiscard]] std::error_code start_program(Hosts& hosts, const std::array<int, 3>& descriptors);
    void hand_over();
    enum class Given : std::uint8_t { some, source_waits, pipe_full, closed, fault };
    [[nodiscard]] Given give_some();
    [[nodiscard]] std::size_t take_answer(std::span<char> read);
    [[nodiscard]] bool answers_too_early();
    void finish_when_complete();
    void become_idle();

    void on_output();
    void on_room();
    void on_file_changed();
    void hear_hello();
    void drain();
    void hear_when_idle();
    void output_ended();
    void ended_too_early();
    void tell_lines(const std::vector<std::string>& lines);
    void tell();
    void watch_the_clock();

    void on_started(pid_t) override {}
    void on_watched(posix::UniqueFd file) override;
    void on_refused(std::error_code why, std::string_view step) override;
    void on_program_ended(const End& end) override;
    void on_host_lost() override;
    void on_timer(event::Timer&) override;

    void fault(Cause cause, std::string_view why);
    void let_go(bool at_once);
    void be_gone() noexcept;

    event::EventLoop& loop_;
    Processes& pool_;
    const ProcessKey key_;
    Limits limits_;
    State state_ = State::starting;
    bool stale_ = false; // it gets no further message
    bool paused_ = false;
    Message message_;
    AnswerParser parser_;
    Lease lease_;
    Channel input_{*this, &Process::on_room};
    Channel output_{*this, &Process::on_output};
    Channel file_{*this, &Process::on_file_changed};
    StderrPipe errors_{[this] { tell_lines(errors_.read()); }};
    std::optional<End> end_;
    Times times_;
    event::Timer timer_{*this};
};

} // namespace buzon::filter
