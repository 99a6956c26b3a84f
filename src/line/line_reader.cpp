#include "buzon/line/line_reader.h"

#include <algorithm>

namespace buzon::line {

LineReader::Next LineReader::next(std::string_view& input) noexcept {
    if (swallowing_ && !swallow_rest(input)) return {Kind::more};

    // Skip what was searched before: a line that arrives octet by octet is searched once, not n times.
    const std::string_view window = input.substr(0, limit_);
    const std::size_t end = window.find('\n', std::min<std::size_t>(searched_, window.size()));
    if (end == std::string_view::npos) {
        searched_ = static_cast<std::uint32_t>(window.size());
        if (window.size() < limit_) return {Kind::more};
        searched_ = 0;
        swallowing_ = true;
        input.remove_prefix(window.size());
        return {Kind::too_long};
    }

    searched_ = 0;
    std::string_view text = window.substr(0, end);
    input.remove_prefix(end + 1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.find('\0') != std::string_view::npos) return {Kind::invalid};
    return {Kind::line, text};
}

bool LineReader::swallow_rest(std::string_view& input) noexcept {
    const std::size_t end = input.find('\n');
    if (end == std::string_view::npos) {
        input = {};
        return false;
    }
    input.remove_prefix(end + 1);
    swallowing_ = false;
    return true;
}

} // namespace buzon::line
