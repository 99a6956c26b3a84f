#include "buzon/login/checkpassword_run.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "buzon/filter/rules.h"
#include "buzon/posix/io.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr auto time_limit = 30s;
constexpr std::size_t max_output = 64 * 1024; // the capacity of a pipe: a program that writes more never ends

std::string text_of(const filter::End& end) {
    return (end.killed ? "ended by signal " : "exit code ") + std::to_string(end.code);
}

} // namespace

std::vector<std::string> checkpassword_arguments(std::vector<std::string> own) {
    const std::vector<std::string>& last = filter::last_login_program();
    own.insert(own.end(), last.begin(), last.end());
    return own;
}

CheckpasswordRun::CheckpasswordRun(CheckpasswordPool& pool, std::string message, OnVerdict on_verdict)
    : pool_{pool}, message_{std::move(message)}, on_verdict_{std::move(on_verdict)} {
    pool_.enter(*this);
}

CheckpasswordRun::~CheckpasswordRun() {
    pool_.leave(*this);
}

// Its timer is armed already.
void CheckpasswordRun::start() {
    failed_ = send();
    // The result is never delivered from within a call by the owner.
    if (failed_) timer_.arm(pool_.loop_.timers(), pool_.loop_.now());
}

std::error_code CheckpasswordRun::send() {
    auto made = posix::make_pipe(false);
    if (!made) return made.error();
    posix::Pipe pipe = std::move(made).value();
    // At most 512 octets go into an empty pipe, so this never blocks. The program reads until end of file.
    if (const std::error_code why = posix::write_all(pipe.write_end.get(), message_)) return why;
    auto output = posix::make_pipe(false);
    if (!output) return output.error();
    output_ = std::move(output.value().read_end);
    if (::fcntl(output_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    auto host = pool_.hosts_.take({});
    if (!host) return host.error();
    host_ = std::move(host).value();
    const filter::FilterMember& program = pool_.program_.members().front();
    const std::vector<std::string> arguments = checkpassword_arguments(program.arguments);
    const std::vector<std::string> variables = filter::login_variables();
    const filter::ResourceLimits none{0, 0, 0, 0, 0};
    return host_.start(
        {program.path, arguments, variables, {-1, output.value().write_end.get(), -1, pipe.read_end.get()}, none},
        *this);
}

void CheckpasswordRun::on_refused(std::error_code why, std::string_view) {
    fail(pool_.name() + ": " + why.message());
}

void CheckpasswordRun::on_program_ended(const filter::End& end) {
    switch (checkpassword_verdict(end.killed ? end.code : end.code << 8)) {
    case Verdict::unknown: return fail(text_of(end));
    case Verdict::wrong: return tell({Verdict::wrong, {}, {}, {}});
    case Verdict::right: break;
    }
    // The program has ended, so everything it wrote is in the pipe.
    std::string text(max_output, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const posix::Transfer got = posix::read_some(output_.get(), std::span{text}.subspan(size));
        if (got.what != posix::Moved::some) break;
        size += got.bytes;
    }
    tell(read_environment(std::string_view{text}.substr(0, size)));
}

void CheckpasswordRun::on_host_lost() {
    fail(pool_.name() + ": its host process died");
}

void CheckpasswordRun::on_timer(event::Timer&) {
    fail(failed_ ? pool_.name() + ": " + failed_.message() : "no reply in time");
}

void CheckpasswordRun::tell(PasswordAnswer answer) {
    timer_.disarm();
    host_.release();
    pool_.leave(*this);
    const OnVerdict tell = std::exchange(on_verdict_, nullptr);
    if (tell) tell(answer);
}

void CheckpasswordPool::enter(CheckpasswordRun& run) {
    // First, because a run for which there is no memory must not stay in the queue.
    if (running_ < max_running)
        next_.arm(loop_.timers(), loop_.now());
    else if (!next_.armed())
        next_.arm(loop_.timers(), loop_.now() + time_limit);
    queue_.push_back(&run);
}

void CheckpasswordPool::leave(CheckpasswordRun& run) noexcept {
    if (std::exchange(run.counted_, false)) {
        --running_;
        // While a run waits, the timer is armed, so this needs no memory. One that is due is about to fire.
        if (!queue_.empty() && next_.deadline() > loop_.now()) next_.arm(loop_.timers(), loop_.now());
        return;
    }
    queue_.erase(std::remove(queue_.begin(), queue_.end(), &run), queue_.end());
}

void CheckpasswordPool::on_timer(event::Timer&) {
    while (running_ < max_running && !queue_.empty()) {
        CheckpasswordRun& next = *queue_.front();
        next.timer_.arm(loop_.timers(), loop_.now() + time_limit); // if this fails, the run stays in the queue
        queue_.pop_front();
        ++running_;
        next.counted_ = true;
        next.start();
    }
    if (!queue_.empty()) next_.arm(loop_.timers(), loop_.now() + time_limit);
}

} // namespace buzon::login
