// maildir/trash_folder.h - the trash folder for the messages of one update. Private to maildir/.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

class TrashFolder {
public:
    TrashFolder() = default; // no trash
    TrashFolder(int maildir, std::int64_t deleted_at) noexcept : maildir_{maildir}, deleted_at_{deleted_at} {}

    [[nodiscard]] bool wanted() const noexcept { return deleted_at_ != 0; }
    // Moves the message to the folder. If there is no space for a folder, removes the message, because it was deleted
    // to free space.
    [[nodiscard]] std::error_code take(int directory, const std::string& file_name);
    [[nodiscard]] std::error_code sync();

private:
    [[nodiscard]] std::error_code open_next();

    int maildir_ = -1; // borrowed
    std::int64_t deleted_at_ = 0;
    posix::UniqueFd trash_;
    std::vector<posix::UniqueFd> folders_; // more than one only if the first already has a message of this name
};

// The folders in `trash`, by time.
[[nodiscard]] std::vector<std::int64_t> trash_times(int trash);

} // namespace buzon::maildir
