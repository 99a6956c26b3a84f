// support/snapshots.h - snapshots of maildrops that exist on no disk.
#pragma once

#include "buzon/message/snapshot.h"

namespace buzon::test {

using Picture = posix::Result<std::shared_ptr<const message::Snapshot>>;

[[nodiscard]] inline Picture snapshot_of(std::string_view block) {
    auto file = message::seal_in_memfd(block, "test");
    if (!file) return file.error();
    return message::Snapshot::from_fd(std::move(file).value());
}

[[nodiscard]] inline Picture snapshot_of(message::SnapshotBuilder& builder) {
    const auto block = builder.bytes();
    if (!block) return block.error();
    return snapshot_of(block.value());
}

} // namespace buzon::test
