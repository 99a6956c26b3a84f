// maildir/updater.h - carries out the items of one update, one by one. Private to maildir/.
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
    // `root` is borrowed. A missing new or cur counts as empty.
    [[nodiscard]] static posix::Result<Updater> open(int root, std::int64_t keep_since);

    // First tries every message where it was listed, then looks for those that have moved. A message counts as gone
    // only if a fresh reading of both directories does not show it.
    [[nodiscard]] message::UpdateOutcome run(const message::PackedUpdate& request);
    // Syncs everything to disk.
    [[nodiscard]] std::error_code sync();

private:
    explicit Updater(int root) noexcept : locator_{root} {}
    void search();
    void attempt(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new);
    void settle(const message::PackedUpdate::Item& item, std::error_code why);
    void settle_gone(const message::PackedUpdate::Item& item);
    [[nodiscard]] bool is_file_of(const message::PackedUpdate::Item& item, const std::string& file_name,
                                  bool in_new) const;
    std::error_code remove(const std::string& file_name, bool in_new);
    std::error_code mark_seen(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new);

    Folders folders_;
    TrashFolder trash_;
    Locator locator_;
    std::vector<message::PackedUpdate::Item> missing_;
    message::UpdateOutcome outcome_;
};

} // namespace buzon::maildir
