// posix/bundle.h - sends many descriptors as one: a socket that holds the others until they are taken out.
#pragma once

#include <span>
#include <vector>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// At most max_descriptors_sent (posix/datagram.h). The caller keeps its descriptors.
[[nodiscard]] Result<UniqueFd> bundle(std::span<const int> descriptors);

// The same through an existing datagram socket: unbundle() at its other end takes them out.
[[nodiscard]] std::error_code send_bundle(int socket, std::span<const int> descriptors);

// Never blocks. EMFILE: our descriptor table has no room for all of them.
[[nodiscard]] Result<std::vector<UniqueFd>> unbundle(int bundle);

} // namespace buzon::posix
