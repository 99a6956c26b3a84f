// maildir/index_file.h - `buzon-index`, the last snapshot, stored beside the mail. It is only a cache. Private to
// maildir/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/message/snapshot.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Null if there is none or anything about it is wrong.
[[nodiscard]] std::shared_ptr<const message::Snapshot> read_index(int maildir);

// Writes the next index to a file in tmp/, which is renamed when complete and removed otherwise. Does nothing if the
// file cannot be created (disk full, read-only).
class NextIndex {
public:
    NextIndex(int maildir, int tmp); // borrowed; tmp -1: write no index
    ~NextIndex();
    NextIndex(const NextIndex&) = delete;
    NextIndex& operator=(const NextIndex&) = delete;

    // The file system's clock at construction, which may differ from ours on a file server. 0: unknown.
    [[nodiscard]] std::int64_t made_at_ns() const noexcept { return made_at_ns_; }
    void keep(std::string_view block);

private:
    int maildir_;
    int tmp_;
    std::string name_; // in tmp
    posix::UniqueFd file_;
    std::int64_t made_at_ns_ = 0;
};

} // namespace buzon::maildir
