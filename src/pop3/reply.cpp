#include "reply.h"

namespace buzon::pop3 {

namespace {

std::string_view word(Code code) noexcept {
    switch (code) {
    case Code::none: return "";
    case Code::auth: return "[AUTH] ";
    case Code::in_use: return "[IN-USE] ";
    case Code::login_delay: return "[LOGIN-DELAY] ";
    case Code::sys_temp: return "[SYS/TEMP] ";
    case Code::sys_perm: return "[SYS/PERM] ";
    case Code::utf8: return "[UTF8] ";
    }
    return "";
}

void append_text(std::string& out, std::string_view text, Numbers numbers) {
    for (const std::uint64_t number : numbers) {
        const std::size_t place = text.find("{}");
        if (place == std::string_view::npos) break;
        out.append(text.substr(0, place));
        append_number(out, number);
        text.remove_prefix(place + 2);
    }
    out.append(text);
    out.append("\r\n");
}

void finish_pair(std::string& out, char* line, char* end) {
    *end++ = '\r';
    *end++ = '\n';
    out.append(line, end);
}

} // namespace

void append_pair(std::string& out, std::uint64_t first, std::uint64_t second) {
    char line[PairLines::longest];
    char* end = std::to_chars(line, line + 20, first).ptr;
    *end++ = ' ';
    finish_pair(out, line, std::to_chars(end, end + 20, second).ptr);
}

void append_pair(std::string& out, std::uint64_t first, std::string_view second) {
    char line[PairLines::longest];
    char* end = std::to_chars(line, line + 20, first).ptr;
    *end++ = ' ';
    finish_pair(out, line, end + second.copy(end, longest_uidl));
}

void ok(std::string& out, std::string_view text, Numbers numbers) {
    out.append("+OK ");
    append_text(out, text, numbers);
}

void err(std::string& out, Code code, std::string_view text, Numbers numbers) {
    out.append("-ERR ");
    out.append(word(code));
    append_text(out, text, numbers);
}

} // namespace buzon::pop3
