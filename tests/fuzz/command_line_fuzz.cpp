// Any octets, split in two anywhere, sent to a session with mail: the answers are the same wherever they are split.
#include <algorithm>

#include "pop3_peer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace buzon;
    if (size < 3) return 0;
    static const auto mail = fuzz::three_messages();
    pop3::Settings settings;
    settings.plain_secrets_known = (data[0] & 1) != 0;
    settings.cram_md5 = (data[0] & 2) != 0;
    settings.max_message_size = (data[0] & 4) != 0 ? 200 : 0;

    // The first octet chooses settings and whether the session starts logged in; the next two, where to split.
    const std::string_view octets{reinterpret_cast<const char*>(data) + 3, size - 3};
    const std::string_view prelude = (data[0] & 8) != 0 ? "USER a\r\nPASS bb\r\n" : "";
    const std::size_t cut = std::min<std::size_t>(octets.size(), data[1] * 256u + data[2]);

    fuzz::Pop3Peer whole{settings, mail};
    whole.feed(prelude);
    whole.feed(octets);
    fuzz::Pop3Peer pieces{settings, mail};
    pieces.feed(prelude);
    pieces.feed(octets.substr(0, cut));
    pieces.feed(octets.substr(cut));
    fuzz::require(whole.all_answers() == pieces.all_answers());
    return 0;
}
