// filter/member.h - one running program of a chain, and its process group. Does not handle output.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/event/child.h"
#include "buzon/event/event_loop.h"
#include "buzon/filter/spawn.h"

namespace buzon::filter {

// How a program ended.
struct End {
    bool killed = false;
    int code = 0; // exit status (-1: unknown), or the signal that killed it

    [[nodiscard]] bool well() const noexcept { return !killed && code == 0; }
    [[nodiscard]] std::string text() const; // "exit status 1", "killed by SIGKILL"
};

// When the process ends it is not reaped at once: until then its pid cannot be reused, so its group can be killed by
// that id. Destroying a member kills what is left of the group, then reaps the process (the loop reaps one that is
// still running).
class Member final : private event::Handler {
public:
    class Owner {
    public:
        virtual void on_member_ended() = 0;

    protected:
        ~Owner() = default;
    };

    // All the memory that it needs in its life is taken here, before there is a process.
    Member(event::EventLoop& loop, Owner& owner);
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();

    void take(Started started) noexcept { started_ = std::move(started); }
    [[nodiscard]] std::error_code watch();

    [[nodiscard]] const std::optional<End>& end() const noexcept { return end_; }
    [[nodiscard]] pid_t pid() const noexcept { return started_.pid; }
    void signal_group(int number) const noexcept;
    // Call it when this member has ended and others have not: kills what it left, which may hold the pipe that the next
    // one reads to its end. The guard soon kills what left the group. A second call does nothing.
    void clear_behind() noexcept;

private:
    void on_ready(std::uint32_t events) override;
    // If somebody else reaped it, its pid may be reused: then the guard, which can tell, kills the group.
    [[nodiscard]] bool number_is_ours() const noexcept { return !end_ || end_->code >= 0; }

    event::EventLoop& loop_;
    Owner& owner_;
    std::unique_ptr<event::Undertaker> undertaker_;
    Started started_;
    event::Watch watch_;
    std::optional<End> end_;
    bool cleared_ = false;
};

} // namespace buzon::filter
