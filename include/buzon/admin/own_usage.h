// admin/own_usage.h - what this process uses, by the kernel's account of it.
#pragma once

#include "buzon/posix/unique_fd.h"
#include "buzon/state/metrics.h"

namespace buzon::admin {

// Opens its files when it is made: later, as another user, the process may not. They are in kernel memory, so reading
// them never blocks.
class OwnUsage {
public:
    OwnUsage();
    [[nodiscard]] state::Count resident_octets() const;
    [[nodiscard]] state::Count open_descriptors() const;

private:
    posix::UniqueFd memory_, descriptors_;
};

} // namespace buzon::admin
