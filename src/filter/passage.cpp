#include "buzon/filter/passage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"
#include "process.h"

namespace buzon::filter {

using posix::Moved;
using posix::Transfer;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t piece_size = 64 * 1024;
constexpr int pieces_a_turn = 8;
// The longest that a message waits, keeping its turn, until a program may be started again.
constexpr auto longest_wait = 2s;

Outcome in_between(std::error_code why) {
    return {Cause::system, "the message between two programs: " + why.message()};
}

} // namespace

// --- between two stages ---

std::error_code Passage::Between::make() {
    file_.reset(::memfd_create("buzon-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    return file_ ? std::error_code{} : posix::last_error();
}

std::error_code Passage::Between::write(std::string_view octets, std::uint64_t limit) {
    size_ += octets.size();
    if (limit != 0 && size_ > limit) return {EFBIG, std::system_category()};
    return posix::write_all(file_.get(), octets); // to memory, so it does not block
}

std::error_code Passage::Between::seal() {
    struct stat about {};
    if (::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0 ||
        ::fstat(file_.get(), &about) != 0)
        return posix::last_error();
    size_ = static_cast<std::uint64_t>(about.st_size);
    return {};
}

Transfer Passage::Between::read(std::uint64_t offset, std::string_view& octets) {
    if (!piece_) piece_.reset(new char[piece_size]);
    const ssize_t n = ::pread(file_.get(), piece_.get(), piece_size, static_cast<off_t>(offset));
    if (n < 0) return {Moved::failed, 0, posix::last_error()};
    if (n == 0) return {Moved::end};
    octets = {piece_.get(), static_cast<std::size_t>(n)};
    return {Moved::some, octets.size(), {}};
}

posix::UniqueFd Passage::Between::take_file() {
    ::lseek(file_.get(), 0, SEEK_SET);
    return std::move(file_);
}

// --- stages ---

Passage::Passage(event::EventLoop& loop, Hosts& hosts, Processes& processes, PassageEvents& events)
    : loop_{loop}, processes_{processes}, events_{events}, run_{loop, hosts, *this} {}

Passage::~Passage() {
    abandon();
}

Outcome Passage::start(const FilterSpec& spec, MessageSource& source, const Environment& environment, std::string about,
                       const Limits& limits) {
    spec_ = &spec;
    source_ = &source;
    environment_ = environment;
    about_ = std::move(about);
    limits_ = limits;
    first_ = next_ = 0;
    Outcome outcome = begin_stage();
    if (outcome.ok() && process_ && process_->outcome()) { // at once: the process had ended while it was idle
        stage_ended(*process_->outcome());
        if (outcome_) outcome = *std::exchange(outcome_, std::nullopt);
    }
    if (!outcome.ok()) abandon();
    return outcome;
}

Outcome Passage::begin_stage() {
    const auto& members = spec_->members();
    next_ = first_ + 1;
    const bool lives_on = members[first_].lives_on;
    while (!lives_on && next_ < members.size() && !members[next_].lives_on) ++next_;
    made_.reset();
    if (!last_stage()) {
        made_ = std::make_unique<Between>();
        if (const std::error_code why = made_->make()) return in_between(why);
    }
    return lives_on ? begin_process() : begin_run();
}

Outcome Passage::begin_run() {
    const bool all = first_ == 0 && last_stage();
    if (!all) part_ = spec_->part(first_, next_ - first_);
    return run_.start(all ? *spec_ : part_, source_->take_file(), environment_, limits_, made_ ? made_->file() : -1);
}

Outcome Passage::begin_process() {
    const ProcessKey key{spec_->members()[first_], limits_.owner, limits_.mail_owner,
                         limits_.maildrop,         limits_.jail,  limits_.resources};
    Processes::Taken taken = processes_.take(key, limits_);
    if (taken.process) {
        process_ = taken.process;
        process_->begin(*source_, about_, limits_, *this);
        return {};
    }
    if (!taken.outcome.ok()) return taken.outcome;
    if (taken.later > loop_.now() + longest_wait) {
        const auto pause = std::chrono::ceil<std::chrono::seconds>(taken.later - loop_.now());
        return {Cause::cannot_start,
                key.member.name() + ": it keeps failing; the next attempt is in " + in_words(pause)};
    }
    timer_.arm(loop_.timers(), taken.later);
    return {};
}

void Passage::on_timer(event::Timer&) {
    survive([this] {
        if (Outcome outcome = begin_process(); !outcome.ok()) outcome_ = std::move(outcome);
    });
    if (outcome_) return tell_end();
    if (process_ && process_->outcome()) on_process_output();
}

// --- output and results ---

Transfer Passage::read(std::span<char> into) {
    if (outcome_) return {Moved::end};
    if (!spec_ || !last_stage() || timer_.armed()) return {Moved::would_block};
    if (!process_) return run_.read(into);
    const Transfer got = process_->read(into);
    if (got.what != Moved::end) return got;
    stage_ended(*process_->outcome());
    return {outcome_ ? Moved::end : Moved::would_block};
}

void Passage::on_process_output() {
    if (!process_->outcome() && last_stage()) return events_.on_output();
    survive([this] {
        if (process_->outcome() || pump()) stage_ended(*process_->outcome());
    });
    if (outcome_) tell_end();
}

// If this runs out of memory, the owner must still learn how the message ends.
template <class Work>
void Passage::survive(Work work) {
    event::guarded(work, [this] {
        leave_process();
        outcome_.emplace().cause = Cause::system;
    });
}

// Reads the output of a stage that is not the last. True: the stage has an outcome.
bool Passage::pump() {
    const std::unique_ptr<char[]> piece{new char[piece_size]};
    for (int pieces = 0; pieces < pieces_a_turn || process_->answered(); ++pieces) {
        const Transfer got = process_->read({piece.get(), piece_size});
        if (got.what == Moved::would_block) return false;
        if (got.what != Moved::some) return true;
        if (const std::error_code why = made_->write({piece.get(), got.bytes}, limits_.resources.file_size)) {
            outcome_ = in_between(why);
            leave_process();
            return false;
        }
    }
    return false;
}

void Passage::on_ended(const Outcome& outcome) {
    survive([&] { stage_ended(outcome); });
    if (outcome_) tell_end();
}

void Passage::stage_ended(Outcome outcome) {
    if (!outcome.ok() && try_again(outcome)) return;
    if (outcome.ok()) outcome = stage_result();
    leave_process();
    while (outcome.ok() && !last_stage()) {
        first_ = next_;
        outcome = begin_stage();
        if (outcome.ok() && !(process_ && process_->outcome())) return;
        if (!outcome.ok()) break;
        outcome = *process_->outcome(); // as in start()
        if (try_again(outcome)) return;
        leave_process();
    }
    outcome_ = std::move(outcome);
}

// For a stage that has succeeded: its output becomes the source of the next one.
Outcome Passage::stage_result() {
    same_ = process_ && process_->same();
    stable_ = stable_ && process_ && process_->stable();
    if (last_stage() || same_) return {};
    if (const std::error_code why = made_->seal()) return in_between(why);
    given_ = std::move(made_);
    source_ = given_.get();
    return {};
}

// Do not retry after "fail" or a timeout: the program would only do the same again.
bool Passage::try_again(const Outcome& outcome) {
    const bool may_help = outcome.cause == Cause::exit_status || outcome.cause == Cause::signal ||
                          outcome.cause == Cause::protocol || outcome.cause == Cause::system;
    if (!process_ || !may_help || tried_again_) return false;
    if (last_stage() && !events_.on_again()) return false;
    tried_again_ = true;
    leave_process();
    Outcome again = begin_stage();
    if (again.ok() && process_ && process_->outcome()) again = *process_->outcome();
    if (again.ok()) return true;
    leave_process();
    outcome_ = std::move(again);
    return true;
}

posix::UniqueFd Passage::take_result() {
    return given_ ? given_->take_file() : posix::UniqueFd{};
}

// --- while it runs ---

void Passage::go_on() {
    survive([this] {
        if (process_) process_->feed();
    });
    if (outcome_) return tell_end();
    if (process_ && process_->outcome()) on_process_output();
}

void Passage::pause() noexcept {
    if (process_)
        process_->pause();
    else
        run_.pause();
}

void Passage::resume() {
    if (process_)
        process_->resume();
    else
        run_.resume();
}

void Passage::abandon() noexcept {
    timer_.disarm();
    leave_process();
    run_.abandon();
    spec_ = nullptr;
}

void Passage::leave_process() noexcept {
    Process* const process = std::exchange(process_, nullptr);
    if (!process) return;
    event::guarded([process] { process->leave(); }, [process] { process->drop(); });
}

void Passage::tell_end() {
    const Outcome outcome{outcome_->cause, std::move(outcome_->text)};
    events_.on_ended(outcome); // last: it may destroy this
}

} // namespace buzon::filter
