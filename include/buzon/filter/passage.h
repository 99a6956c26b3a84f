// filter/passage.h - one message's way through the programs of a SPEC, whether they run once (filter_run.h) or are
// long-running (processes.h). Knows nothing of POP3.
//
// Adjacent plain programs form one stage; each long-running program is a stage of its own. Between two stages, the
// message is a file in memory, no longer than transform-file-size, so that a long-running program can be told its
// length.
//
//   start() ─► a stage ── it has succeeded ───► the next one … the last one: its output can be read() ──► outcome()
//                └─ it failed: one more try, for a long-running program, unless output has been used ──────►
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "buzon/event/timers.h"
#include "buzon/filter/filter_run.h"
#include "buzon/filter/processes.h"

namespace buzon::filter {

// The passage may be abandoned or destroyed in any of these. on_ended(): there is an outcome(); not called if read()
// has already returned its end.
class PassageEvents : public RunEvents {
public:
    // A failed program can have one more try. Return true if none of the output that was read has been used, and
    // discard it.
    virtual bool on_again() = 0;

protected:
    ~PassageEvents() = default;
};

class Passage final : private RunEvents, private MessageOwner, private event::TimerHandler {
public:
    // All must outlive the passage.
    Passage(event::EventLoop& loop, Hosts& hosts, Processes& processes, PassageEvents& events);
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    ~Passage();

    // As Run::start(). The spec and the source must outlive the passage. about: what long-running programs are told
    // after the octet count of the message, "user=ana …".
    [[nodiscard]] Outcome start(const FilterSpec& spec, MessageSource& source, const Environment& environment,
                                std::string about, const Limits& limits);

    // Up to into.size() octets of output. would_block: wait for on_output() or on_ended(). end: there is an outcome(),
    // or on_ended() follows.
    [[nodiscard]] posix::Transfer read(std::span<char> into);
    [[nodiscard]] const std::optional<Outcome>& outcome() const noexcept { return outcome_; }
    // On success: there was nothing to read, because the last program has left its message unchanged.
    [[nodiscard]] bool same() const noexcept { return same_; }
    // Every program is long-running and declares that its results depend on nothing but the message.
    [[nodiscard]] bool stable() const noexcept { return stable_; }
    // If same(): the unchanged message, if it is not the stored one because earlier programs have changed that.
    [[nodiscard]] posix::UniqueFd take_result();

    // Call it when the source has more.
    void go_on();
    // As in Run.
    void pause() noexcept;
    void resume();
    void abandon() noexcept;
    [[nodiscard]] bool running() const noexcept { return spec_ != nullptr && !outcome_; }

private:
    // A message in memory, between two stages.
    class Between final : public MessageSource {
    public:
        [[nodiscard]] std::error_code make();
        [[nodiscard]] std::error_code write(std::string_view octets, std::uint64_t limit);
        // Seals the file, so that even a program that still holds its descriptor cannot write to it, and takes its
        // final size.
        [[nodiscard]] std::error_code seal();
        [[nodiscard]] int file() const noexcept { return file_.get(); }
        [[nodiscard]] std::uint64_t size() const override { return size_; }
        [[nodiscard]] posix::Transfer read(std::uint64_t offset, std::string_view& octets) override;
        [[nodiscard]] posix::UniqueFd take_file() override;

    private:
        posix::UniqueFd file_;
        std::uint64_t size_ = 0;
        std::unique_ptr<char[]> piece_;
    };

    void on_started() override { events_.on_started(); }
    void on_output() override { events_.on_output(); }
    void on_ended(const Outcome& outcome) override;
    void on_stderr_line(std::string_view line) override { events_.on_stderr_line(line); }
    void on_process_output() override;
    void on_process_line(std::string_view line) override { events_.on_stderr_line(line); }
    void on_timer(event::Timer&) override;

    [[nodiscard]] bool last_stage() const noexcept { return next_ == spec_->members().size(); }
    [[nodiscard]] Outcome begin_stage();
    [[nodiscard]] Outcome begin_run();
    [[nodiscard]] Outcome begin_process();
    [[nodiscard]] bool pump();
    void stage_ended(Outcome outcome);
    [[nodiscard]] Outcome stage_result();
    [[nodiscard]] bool try_again(const Outcome& outcome);
    void leave_process() noexcept;
    template <class Work>
    void survive(Work work);
    void tell_end();

    event::EventLoop& loop_;
    Processes& processes_;
    PassageEvents& events_;
    const FilterSpec* spec_ = nullptr;
    MessageSource* source_ = nullptr; // of this stage
    Environment environment_;
    std::string about_;
    Limits limits_;
    std::size_t first_ = 0; // the members of this stage: from first_ to the one before next_
    std::size_t next_ = 0;
    FilterSpec part_; // those members, if they are not all
    Run run_;
    Process* process_ = nullptr;
    std::unique_ptr<Between> given_; // what source_ points to, unless that is the stored message
    std::unique_ptr<Between> made_;
    bool tried_again_ = false;
    bool same_ = false;
    bool stable_ = true; // as far as known
    std::optional<Outcome> outcome_;
    event::Timer timer_{*this}; // until a program may be started again
};

} // namespace buzon::filter
