// Whatever a long-running program writes is understood the same wherever it is split; no message is longer than what
// was written; after an error, nothing more is parsed. The first octet says where to split.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "buzon/filter/answer_parser.h"

using buzon::filter::AnswerParser;
using What = AnswerParser::What;

namespace {

struct Heard {
    AnswerParser parser;
    std::string text;
    std::size_t octets = 0;

    void hear(std::string_view input) {
        for (;;) {
            const std::size_t before = input.size();
            const What what = parser.next(input);
            if (input.size() > before) std::abort();
            if (what == What::octets) {
                if (parser.text().empty()) std::abort();
                octets += parser.text().size();
                text += parser.text();
                continue;
            }
            if (what == What::more) {
                if (!input.empty()) std::abort();
                return;
            }
            text += '\0';
            text += static_cast<char>(what);
            if (what == What::fail || what == What::broken) text += parser.text();
            if (what == What::broken) return;
            if (parser.idle()) parser.expect();
        }
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};
    Heard whole;
    whole.hear(input);
    if (whole.octets > input.size()) std::abort();
    Heard parts;
    const std::size_t cut = data[0] % (input.size() + 1);
    parts.hear(input.substr(0, cut));
    parts.hear(input.substr(cut));
    // An error is reported again at each call.
    if (!parts.text.starts_with(whole.text)) std::abort();
    return 0;
}
