// login/line_programs.h - programs that live on and answer each line with a line: --token, and --checkpassword with
// process:. Never blocks.
//
// A process gets one question at a time. If all are busy, another one is started, up to max_programs, since some
// programs delay the answer to a wrong password. A process that dies, writes something unasked or something that is not
// an answer, or leaves a question unanswered for 10 seconds is killed. Its question fails, and the next start waits: 1,
// 2, 4, ... at most 60 seconds, until a question has been answered. While no process is left, questions fail at once.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/hosts.h"
#include "buzon/posix/secret_text.h"

namespace buzon::login {

class LinePrograms final : private event::TimerHandler {
public:
    static constexpr std::size_t max_programs = 8;
    static constexpr std::size_t max_waiting = 1024; // questions; the others fail at once
    static constexpr std::size_t max_answer = 4096;  // octets, with its line end

    // `hosts` start the programs. `is_answer`: whether a line is an answer.
    using IsAnswer = bool (*)(std::string_view line);
    LinePrograms(event::EventLoop& loop, filter::Hosts& hosts, IsAnswer is_answer);
    LinePrograms(const LinePrograms&) = delete;
    LinePrograms& operator=(const LinePrograms&) = delete;
    ~LinePrograms();

    // The program, with one member; or none. If it changes, the running processes are killed, and their questions fail.
    void use(filter::FilterSpec program);
    [[nodiscard]] bool in_use() const noexcept { return !program_.empty(); }
    [[nodiscard]] std::size_t running() const noexcept { return seats_.size(); }

    // Destroying it gives it up.
    class Question {
    public:
        // The answer without its line end, or why there is none, for the log. Called once, never by the constructor. It
        // may destroy the question.
        using OnAnswer = std::function<void(std::string_view answer, const std::string& why)>;

        // `line`: without its end, which must not occur in it.
        Question(LinePrograms& programs, posix::WipedString line, OnAnswer then);
        Question(const Question&) = delete;
        Question& operator=(const Question&) = delete;
        ~Question();

    private:
        friend class LinePrograms;
        LinePrograms& programs_;
        posix::WipedString line_;
        OnAnswer then_;
        event::Instant deadline_;
        bool refused_ = false; // by a full queue or a pause
    };

private:
    class Seat; // one program

    void ask(Question& question);
    void give_up(Question& question) noexcept;
    void seat_questions();
    void answered_well();
    void seat_failed(Seat& seat, const std::string& why);
    [[nodiscard]] bool pausing() const noexcept;
    void fail(Question& question, const std::string& why);
    void plan();
    void on_timer(event::Timer&) override;

    event::EventLoop& loop_;
    filter::Hosts& hosts_;
    IsAnswer is_answer_;
    filter::FilterSpec program_;
    std::list<std::unique_ptr<Seat>> seats_;
    std::list<std::unique_ptr<Seat>> ended_; // destroyed in the next turn
    std::deque<Question*> waiting_;          // in the order of their deadlines
    event::Instant not_before_{};            // the next start
    std::chrono::seconds pause_{0};          // after the next failure
    std::string last_failure_;
    event::Timer timer_{*this};
};

} // namespace buzon::login
