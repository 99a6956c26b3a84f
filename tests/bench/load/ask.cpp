// bench/load/ask.cpp - logged-in sessions that ask one question after the other (scenario.h).
#include <deque>

#include "load/scenario.h"

namespace bench {
namespace {

class Asking final : public Customer {
public:
    Asking(Loop& loop, const std::vector<Question>& questions, const Limits& limits, double pause, Result& result)
        : loop_{&loop}
        , questions_{&questions}
        , limits_{limits}
        , pause_{static_cast<std::uint64_t>(pause * 1e9)}
        , result_{&result} {}

    void begin(Crowd& crowd) {
        end_ = Loop::now() + static_cast<std::uint64_t>(limits_.seconds * 1e9);
        active_ = crowd.members().size();
        // Each session starts at another question, so that they do not all want the same message.
        next_.resize(active_);
        for (std::size_t i = 0; i < active_; ++i) next_[i] = i % questions_->size();
        for (Connection& member : crowd.members()) ask(member);
    }

    void tick() {
        while (!resting_.empty() && resting_.front().until <= Loop::now()) {
            Connection* const rested = resting_.front().who;
            resting_.pop_front();
            ask(*rested);
        }
    }

    [[nodiscard]] std::size_t active() const noexcept { return active_; }

private:
    struct Resting {
        std::uint64_t until;
        Connection* who;
    };

    void ask(Connection& member) {
        const Question& question = (*questions_)[next_[member.number()]];
        member.ask(question.text, question.answer);
    }

    void answered(Connection& member) override {
        const std::uint64_t now = Loop::now();
        std::size_t& next = next_[member.number()];
        result_->times.add(now - member.asked_at());
        result_->units += (*questions_)[next].units;
        next = (next + 1) % questions_->size();
        if (now >= end_ || result_->units >= limits_.count)
            finish();
        else if (pause_ > 0)
            resting_.push_back({now + pause_, &member});
        else
            ask(member);
    }

    void ended(Connection&, const std::string& trouble) override {
        result_->errors.add(trouble);
        finish();
    }

    void finish() {
        if (--active_ == 0) loop_->stop();
    }

    Loop* loop_;
    const std::vector<Question>* questions_;
    Limits limits_;
    std::uint64_t pause_;
    Result* result_;
    std::uint64_t end_ = 0;
    std::size_t active_ = 0;
    std::vector<std::size_t> next_; // a session's next question
    std::deque<Resting> resting_;   // in order of time: all rest equally long
};

} // namespace

void ask_on(Loop& loop, Crowd& crowd, const std::vector<Question>& questions, const Limits& limits, double pause,
            Meter& meter, Result& result) {
    Asking asking{loop, questions, limits, pause, result};
    crowd.serve(asking);
    std::uint64_t before = 0, after = 0;
    for (Connection& member : crowd.members()) before += member.received();
    meter.begin();
    asking.begin(crowd);
    if (!loop.run(limits.seconds + limits.patience, [&] { asking.tick(); })) {
        result.errors.add(std::to_string(asking.active()) + " sessions wait in vain");
    }
    meter.end();
    for (Connection& member : crowd.members()) after += member.received();
    result.octets = after - before;
}

} // namespace bench
