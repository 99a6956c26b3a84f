// maildir/journal.h - records on disk what an update is about to do. Private to maildir/.
//
//   tmp/buzon-journal.ID          being written: nothing has been done yet, and nothing will be
//   cur/.buzon-journal.ID         complete: all of it must be done, by any process that finds it
//   (removed)                     all of it has been done
//
// The journal is a dot file in cur, so that creating it changes the directory's time: no login uses an older snapshot
// while a journal exists, and the scan finds it when it reads the directory. Carrying it out twice does no harm.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/maildir/update.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

inline constexpr std::string_view journal_prefix = ".buzon-journal.";

class Journal {
public:
    // `request`: from PackedUpdate::placeless(). std::nullopt if the journal could not be written.
    [[nodiscard]] static std::optional<Journal> write(int maildir, std::string_view request, bool sync);
    // Completes the updates of the journals `names` in `cur`, left by other processes. Journals that are not ours, or
    // that name anything but messages, are discarded and reported in `discarded`.
    static void replay(int maildir, int cur, const std::vector<std::string>& names,
                       std::vector<std::string>& discarded);

    void remove();

private:
    Journal(posix::UniqueFd cur, std::string name) noexcept : cur_{std::move(cur)}, name_{std::move(name)} {}

    posix::UniqueFd cur_;
    std::string name_;
};

} // namespace buzon::maildir
