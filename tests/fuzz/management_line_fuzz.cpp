// tests/fuzz/management_line_fuzz.cpp - any lines sent to a management session: replies and states remain valid.
#include <cstdint>
#include <cstdlib>

#include "manage/fake_host.h"

using namespace buzon;
using namespace buzon::manage;

namespace {

void must(bool good) {
    if (!good) std::abort();
}

// Every line ends in CRLF and contains no other control character.
void check_wire(std::string_view out) {
    must(out.empty() || out.ends_with("\r\n"));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto c = static_cast<unsigned char>(out[i]);
        if (c == '\r')
            must(out[++i] == '\n');
        else
            must(c >= 0x20 && c != 0x7F);
    }
}

} // namespace

// The first octet chooses the peer; the rest is lines, separated by LF.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned peer = data[0];
    std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};
    FakeHost host;
    host.administrators = (peer & 1u) != 0;
    host.rows[1] = {.id = 1, .user = "user1", .address = "[::1]:1", .state = "transaction"};
    host.transforms["user1"] = "on /bin/cat";
    Session session{host, {"[::1]:2", (peer & 2u) != 0, 1}, [] {}};
    bool live = false;
    while (!input.empty()) {
        const std::size_t end = std::min(input.find('\n'), input.size());
        const std::string_view line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        std::string out;
        Action action = session.line(line, out);
        if (live) must(std::holds_alternative<Answered>(action) && out.ends_with(".\r\n"));
        live = std::holds_alternative<Following>(action);
        if (std::holds_alternative<Producing>(action)) {
            while (session.produce(out, 64)) {
            }
            must(out.ends_with("\r\n.\r\n"));
        } else if (action.index() > Action{Closing{}}.index()) {
            must(out.empty());
            action = session.done({(line.size() & 1u) != 0, "result"}, out);
        }
        if (!live)
            must(!out.empty());
        else
            (void)session.produce(out, 64);
        check_wire(out);
        if (std::holds_alternative<Closing>(action)) break;
    }
    return 0;
}
