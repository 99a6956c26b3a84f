#include "buzon/login/line_programs.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "buzon/event/memory.h"
#include "buzon/posix/io.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_limit = 10s;
constexpr auto first_pause = 1s;
constexpr auto longest_pause = 60s;

} // namespace

class LinePrograms::Seat final : private filter::ProgramEvents, private event::Handler {
public:
    explicit Seat(LinePrograms& all) : all_{all} {}
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    virtual ~Seat() = default;

    [[nodiscard]] std::error_code start();
    void ask(Question& question);
    [[nodiscard]] bool free() const noexcept { return !busy_; }
    // Its question, unless that was cancelled.
    Question* question = nullptr;
    [[nodiscard]] event::Instant deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool late(event::Instant now) const noexcept { return busy_ && now >= deadline_; }

private:
    void on_started(pid_t) override {}
    void on_refused(std::error_code why, std::string_view step) override {
        failed("cannot start: " + why.message() + " (" + std::string{step} + ')');
    }
    void on_program_ended(const filter::End& end) override { failed("ended: " + end.text()); }
    void on_host_lost() override { failed("died with its host process"); }
    void on_ready(std::uint32_t events) override;
    void take_answer();
    void failed(const std::string& why) {
        if (!std::exchange(over_, true)) all_.seat_failed(*this, why);
    }

    LinePrograms& all_;
    posix::UniqueFd socket_; // the program's standard input and output
    event::Watch watch_;
    filter::Lease host_;
    posix::WipedString heard_;
    event::Instant deadline_{};
    bool busy_ = false;
    bool over_ = false;
};

std::error_code LinePrograms::Seat::start() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return posix::last_error();
    socket_.reset(pair[0]);
    const posix::UniqueFd theirs{pair[1]};
    if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error(); // our end only
    if (const std::error_code why = watch_.start(all_.loop_, socket_.get(), EPOLLIN, *this)) return why;
    auto host = all_.hosts_.take({});
    if (!host) return host.error();
    host_ = std::move(host).value();
    const filter::FilterMember& program = all_.program_.members().front();
    const filter::ResourceLimits none{0, 0, 0, 0, 0};
    const std::vector<std::string> variables = filter::login_variables();
    return host_.start({program.path, program.arguments, variables, {theirs.get(), theirs.get()}, none}, *this);
}

void LinePrograms::Seat::ask(Question& asked) {
    question = &asked;
    busy_ = true;
    deadline_ = all_.loop_.now() + answer_limit; // the question may have waited
    posix::WipedString line;
    line.reserve(asked.line_.size() + 1);
    line.append(asked.line_).append("\n");
    // The program has read everything before this, so there is room in the socket.
    const posix::Transfer sent = posix::send_some(socket_.get(), line);
    if (sent.what != posix::Moved::some || sent.bytes != line.size()) failed("does not read its input");
}

void LinePrograms::Seat::on_ready(std::uint32_t) {
    event::guarded(
        [this] {
            std::array<char, 1024> room;
            const posix::Transfer got = posix::read_some(socket_.get(), room);
            if (got.what == posix::Moved::would_block) return;
            if (got.what != posix::Moved::some) return failed("closed its output");
            heard_.append(room.data(), got.bytes);
            posix::wipe(room.data(), got.bytes);
            if (!busy_) return failed("wrote unrequested output");
            if (heard_.size() > max_answer) return failed("wrote an answer that is too long");
            if (heard_.find('\n') != heard_.npos) take_answer();
        },
        [this] { failed("out of memory"); });
}

void LinePrograms::Seat::take_answer() {
    const std::size_t end = heard_.find('\n');
    if (end + 1 != heard_.size()) return failed("wrote unrequested output");
    if (!all_.is_answer_(std::string_view{heard_}.substr(0, end)))
        return failed("wrote something that is not an answer");
    const posix::WipedString line = std::exchange(heard_, {});
    busy_ = false;
    Question* const asked = std::exchange(question, nullptr);
    all_.answered_well();
    if (!asked) return;
    const auto then = std::exchange(asked->then_, nullptr);
    then(std::string_view{line}.substr(0, end), {});
}

LinePrograms::LinePrograms(event::EventLoop& loop, filter::Hosts& hosts, IsAnswer is_answer)
    : loop_{loop}, hosts_{hosts}, is_answer_{is_answer} {}
LinePrograms::~LinePrograms() = default;

void LinePrograms::use(filter::FilterSpec program) {
    if (program == program_) return;
    while (!seats_.empty()) seat_failed(*seats_.front(), "was replaced by another program");
    program_ = std::move(program);
    last_failure_.clear();
    pause_ = 0s;
    not_before_ = {};
}

bool LinePrograms::pausing() const noexcept {
    return loop_.now() < not_before_;
}

LinePrograms::Question::Question(LinePrograms& programs, posix::WipedString line, OnAnswer then)
    : programs_{programs}, line_{std::move(line)}, then_{std::move(then)} {
    programs_.ask(*this);
}

LinePrograms::Question::~Question() {
    programs_.give_up(*this);
}

void LinePrograms::ask(Question& question) {
    question.deadline_ = loop_.now() + answer_limit;
    const bool nobody = seats_.empty() && pausing();
    question.refused_ = nobody || waiting_.size() >= max_waiting || question.line_.find('\n') != question.line_.npos;
    waiting_.push_back(&question);
    timer_.arm(loop_.timers(), loop_.now()); // never from within a call by the owner
}

void LinePrograms::give_up(Question& question) noexcept {
    std::erase(waiting_, &question);
    for (const auto& seat : seats_)
        if (seat->question == &question) seat->question = nullptr; // its answer is still to come
}

void LinePrograms::fail(Question& question, const std::string& why) {
    std::erase(waiting_, &question);
    const auto then = std::exchange(question.then_, nullptr);
    then({}, program_.empty() ? why : program_.members().front().path + ' ' + why);
}

void LinePrograms::seat_questions() {
    while (!waiting_.empty()) {
        const auto refused =
            std::find_if(waiting_.begin(), waiting_.end(), [](const Question* one) { return one->refused_; });
        if (refused != waiting_.end()) {
            fail(**refused, seats_.empty() && !last_failure_.empty() ? last_failure_ : "has too many requests waiting");
            continue;
        }
        auto seat = std::find_if(seats_.begin(), seats_.end(), [](const auto& one) { return one->free(); });
        if (seat == seats_.end()) {
            if (seats_.size() >= max_programs) return;
            if (pausing() || program_.empty()) {
                if (!seats_.empty()) return;
                fail(*waiting_.front(), last_failure_.empty() ? "is not running" : last_failure_);
                continue;
            }
            seats_.push_back(std::make_unique<Seat>(*this));
            seat = std::prev(seats_.end());
            if (const std::error_code why = (*seat)->start()) {
                seat_failed(**seat, "cannot start: " + why.message());
                continue;
            }
        }
        Question* const next = waiting_.front();
        waiting_.pop_front();
        (*seat)->ask(*next);
    }
}

void LinePrograms::answered_well() {
    pause_ = 0s;
    last_failure_.clear();
    timer_.arm(loop_.timers(), loop_.now());
}

void LinePrograms::seat_failed(Seat& seat, const std::string& why) {
    const auto place = std::find_if(seats_.begin(), seats_.end(), [&](const auto& one) { return one.get() == &seat; });
    if (place == seats_.end()) return;
    ended_.splice(ended_.end(), seats_, place);
    if (!pausing()) { // programs that fail together count as one failure
        pause_ = pause_ == 0s ? first_pause : std::min<std::chrono::seconds>(2 * pause_, longest_pause);
        not_before_ = loop_.now() + pause_;
    }
    last_failure_ = why;
    timer_.arm(loop_.timers(), loop_.now());
    if (Question* const asked = std::exchange(seat.question, nullptr)) fail(*asked, why);
}

// Arms the timer for the next deadline.
void LinePrograms::plan() {
    std::optional<event::Instant> next;
    const auto consider = [&next](event::Instant when) { next = next ? std::min(*next, when) : when; };
    for (const auto& seat : seats_)
        if (!seat->free()) consider(seat->deadline());
    if (!waiting_.empty()) consider(waiting_.front()->deadline_);
    if (next) timer_.arm(loop_.timers(), *next);
}

void LinePrograms::on_timer(event::Timer&) {
    ended_.clear();
    for (;;) {
        const auto late =
            std::find_if(seats_.begin(), seats_.end(), [this](const auto& seat) { return seat->late(loop_.now()); });
        if (late == seats_.end()) break;
        seat_failed(**late, "does not answer");
    }
    while (!waiting_.empty() && waiting_.front()->deadline_ <= loop_.now())
        fail(*waiting_.front(), "is busy with other requests");
    seat_questions();
    if (!timer_.armed()) plan();
}

} // namespace buzon::login
