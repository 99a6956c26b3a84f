// support/snapshots.h - snapshots of maildrops that no disk has.
#pragma once

#include "buzon/mail/snapshot.h"

namespace buzon::test {

using Picture = posix::Result<std::shared_ptr<const mail::Snapshot>>;

[[nodiscard]] inline Picture snapshot_of(std::string_view block) {
    auto file = mail::seal_in_memfd(block, "test");
    if (!file) return file.error();
    return mail::Snapshot::from_fd(std::move(file).value());
}

[[nodiscard]] inline Picture snapshot_of(mail::SnapshotBuilder& builder) {
    const auto block = builder.bytes();
    if (!block) return block.error();
    return snapshot_of(block.value());
}

} // namespace buzon::test
