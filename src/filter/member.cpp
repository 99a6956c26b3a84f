#include "member.h"

#include <utility>

namespace buzon::filter {

// Each of these calls its owner last: it may destroy this.

void Member::on_started(pid_t pid) {
    pid_ = pid;
    owner_.on_member_started();
}

void Member::on_refused(std::error_code why, std::string_view step) {
    owner_.on_member_refused(*this, why, step);
}

void Member::on_program_ended(const End& end) {
    end_ = end;
    owner_.on_member_ended();
}

void Member::on_host_lost() {
    if (pid_ == 0) return owner_.on_member_refused(*this, std::make_error_code(std::errc::broken_pipe), "host");
    host_lost_ = true;
    end_ = End{true, 9};
    owner_.on_member_ended();
}

void Member::on_input(int octets) {
    if (std::exchange(input_, octets) != octets) owner_.on_member_progress();
}

} // namespace buzon::filter
