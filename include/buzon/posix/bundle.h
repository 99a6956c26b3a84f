// posix/bundle.h - many descriptors as one: a socket in which the others wait for whoever takes them out.
#pragma once

#include <span>
#include <vector>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// At most 253, as the kernel has it. The descriptors stay the caller's, too.
[[nodiscard]] Result<UniqueFd> bundle(std::span<const int> descriptors);

// Never waits. EMFILE: there is no room for all of them.
[[nodiscard]] Result<std::vector<UniqueFd>> unbundle(int bundle);

} // namespace buzon::posix
