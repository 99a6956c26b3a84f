// filter/member.h - one program of a chain. Does not handle output.
#pragma once

#include <optional>
#include <string_view>
#include <system_error>

#include "buzon/filter/hosts.h"

namespace buzon::filter {

// Destroying a member kills the program and everything that it has started.
class Member final : private ProgramEvents {
public:
    class Owner {
    public:
        virtual void on_member_started() = 0;
        virtual void on_member_refused(Member& member, std::error_code why, std::string_view step) = 0;
        virtual void on_member_ended() = 0;
        virtual void on_member_progress() = 0; // it has read input

    protected:
        ~Owner() = default;
    };

    Member(Owner& owner, Lease lease) noexcept : owner_{owner}, lease_{std::move(lease)} {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() = default;

    [[nodiscard]] std::error_code start(const Program& program) { return lease_.start(program, *this); }

    [[nodiscard]] bool started() const noexcept { return pid_ > 0; }
    [[nodiscard]] const std::optional<End>& end() const noexcept { return end_; }
    [[nodiscard]] bool host_lost() const noexcept { return host_lost_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal_group(int number) noexcept { lease_.signal(number); }
    // on_member_progress() follows if it has read input since the last look.
    void look() noexcept { lease_.look(); }

private:
    void on_started(pid_t pid) override;
    void on_refused(std::error_code why, std::string_view step) override;
    void on_program_ended(const End& end) override;
    void on_host_lost() override;
    void on_input(int octets) override;

    Owner& owner_;
    Lease lease_;
    pid_t pid_ = 0;
    std::optional<End> end_;
    bool host_lost_ = false;
    int input_ = -1; // unread octets at the last look
};

} // namespace buzon::filter
