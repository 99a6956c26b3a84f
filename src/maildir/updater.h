// maildir/updater.h - does the items of one update, one after the other. Private to mail/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "buzon/maildir/update.h"
#include "directory.h"
#include "locator.h"
#include "trash_folder.h"

namespace buzon::maildir {

class Updater {
public:
    // `root` is borrowed. A missing new or cur is empty.
    [[nodiscard]] static posix::Result<Updater> open(int root, std::int64_t keep_since);

    // First every message where it was listed, then those that were not there wherever they are now. Only a message
    // that a fresh reading of both directories does not show is gone.
    [[nodiscard]] message::UpdateOutcome run(const message::PackedUpdate& request);
    // All that was done reaches the disk.
    [[nodiscard]] std::error_code sync();

private:
    explicit Updater(int root) noexcept : locator_{root} {}
    void search();
    void attempt(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new);
    void settle(const message::PackedUpdate::Item& item, std::error_code why);
    void settle_gone(const message::PackedUpdate::Item& item);
    std::error_code remove(const std::string& file_name, bool in_new);
    std::error_code mark_seen(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new);

    Folders folders_;
    TrashFolder trash_;
    Locator locator_;
    std::vector<message::PackedUpdate::Item> missing_;
    message::UpdateOutcome outcome_;
};

} // namespace buzon::maildir
