// manage/line_filter.h - which lines of EVNT and LOGG FOLLOW a manager wants to see.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/manage/host.h"

namespace buzon::manage {

// user=, ip= and session=: a line must have one of the wanted values of each key that was given. An address also
// selects the sessions that came from it, because their later lines do not repeat it.
class LineFilter {
public:
    // Returns whether the word is a filter, that is, begins with one of the keys. If its value is invalid, `wrong` says
    // why.
    [[nodiscard]] bool add(std::string_view word, std::string& wrong);
    [[nodiscard]] bool passes(std::string_view line, const Host& host);

private:
    [[nodiscard]] bool is_from(std::string_view ip, std::string_view session, const Host& host);

    std::vector<std::string> users_, ips_, sessions_; // as they appear in lines
    std::deque<std::string> seen_;                    // sessions from these addresses, the latest last
};

} // namespace buzon::manage
