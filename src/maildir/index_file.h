// maildir/index_file.h - `buzon-index`, the last snapshot kept beside the mail: only ever a cache. Private to mail/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/message/snapshot.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// nullptr when there is none or anything about it is odd.
[[nodiscard]] std::shared_ptr<const message::Snapshot> read_index(int maildir);

// The next index, while it is being made: a file in tmp/ that takes the index's name when it is whole, and vanishes
// otherwise. Where none can be made (full, read-only) it does nothing.
class NextIndex {
public:
    NextIndex(int maildir, int tmp); // borrowed; tmp -1: none is wanted
    ~NextIndex();
    NextIndex(const NextIndex&) = delete;
    NextIndex& operator=(const NextIndex&) = delete;

    // The file system's own clock at the time of construction; a server's may differ from ours. 0: not known.
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
