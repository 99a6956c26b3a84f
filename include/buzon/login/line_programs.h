// login/line_programs.h - long-running programs that answer each line with a line: --token, and --checkpassword with
// process:. Never blocks.
//
// A process gets one question at a time. If all are busy, another one is started, up to max_programs, since some
// programs delay the answer to a wrong password. A process that dies, writes something unasked or something that is not
// an answer, or leaves a question unanswered for 10 seconds is killed. Its question fails, and the next start is
// delayed by 1, 2, 4, ... up to 60 seconds; an answered question restarts the series, and failures during a delay do
// not count. If no process is left during the delay, questions fail at once. A question that has waited 10 seconds for
// a free process fails, too.
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
    static constexpr std::size_t max_waiting = 1024; // questions; further ones fail at once
    static constexpr std::size_t max_answer = 4096;  // octets, with its line end

    // `hosts` start the programs. `is_answer`: whether a line is an answer.
    using IsAnswer = bool (*)(std::string_view line);
    LinePrograms(event::EventLoop& loop, filter::Hosts& hosts, IsAnswer is_answer);
    LinePrograms(const LinePrograms&) = delete;
    LinePrograms& operator=(const LinePrograms&) = delete;
    ~LinePrograms();

    // Sets the program: one member, or none. If it changes, the running processes are killed, and their questions fail.
    void use(filter::FilterSpec program);
    [[nodiscard]] bool in_use() const noexcept { return !program_.empty(); }
    [[nodiscard]] std::size_t running() const noexcept { return seats_.size(); }

    // Destroying a question cancels it.
    class Question {
    public:
        // The answer without its line end, or why there is none, for the log. Called once, never from the constructor.
        // It may destroy the question.
        using OnAnswer = std::function<void(std::string_view answer, const std::string& why)>;

        // `line`: without its line end. A line that contains one fails.
        Question(LinePrograms& programs, posix::WipedString line, OnAnswer then);
        Question(const Question&) = delete;
        Question& operator=(const Question&) = delete;
        ~Question();

    private:
        friend class LinePrograms;
        LinePrograms& programs_;
        posix::WipedString line_;
        OnAnswer then_;
        event::Instant deadline_; // for being asked
        bool refused_ = false;    // because of a full queue, a pause or a line end in it
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
    event::Instant not_before_{};            // when the next one may start
    std::chrono::seconds pause_{0};          // after the last failure; the next one doubles it
    std::string last_failure_;
    event::Timer timer_{*this};
};

} // namespace buzon::login
