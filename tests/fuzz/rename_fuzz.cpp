// Renaming the attachments of any mail comes to an end, and a second time there is nothing left to rename.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "../../src/programs/rename.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace buzon::programs;
    static const RenameRules rules;
    const std::string once = renamed({reinterpret_cast<const char*>(data), size}, rules);
    if (once.size() > 8 * size + 100) std::abort();
    if (renamed(once, rules) != once) std::abort();
    return 0;
}
