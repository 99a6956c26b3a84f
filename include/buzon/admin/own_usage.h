// admin/own_usage.h - how much memory and how many descriptors this process uses, according to the kernel.
#pragma once

#include "buzon/posix/unique_fd.h"
#include "buzon/state/metrics.h"

namespace buzon::admin {

// The constructor opens its files, because the process may not be allowed to later, as another user. The files are in
// kernel memory, so reading them never blocks.
class OwnUsage {
public:
    OwnUsage();
    [[nodiscard]] state::Count resident_octets() const;
    [[nodiscard]] state::Count open_descriptors() const;

private:
    posix::UniqueFd memory_, descriptors_;
};

} // namespace buzon::admin
