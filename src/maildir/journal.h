// maildir/journal.h - what an update is about to do, on disk before it is done. Private to mail/.
//
//   tmp/buzon-journal.ID          being written: nothing has been done yet, and nothing will be
//   cur/.buzon-journal.ID         complete: all of it is to be done, by whoever comes
//   (gone)                        all of it is done
//
// It lies in cur, as a dot file, so that the directory's time changes with it: no login takes an older snapshot for
// current while a journal waits, and the scan meets it when it reads the directory. Doing it twice does no harm.
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
    // `request`: PackedUpdate::placeless(). Nothing where it could not be written.
    [[nodiscard]] static std::optional<Journal> write(int maildir, std::string_view request, bool sync);
    // Ends what the journals of `names` (as found in `cur`) began, which other processes left behind. What is none of
    // ours, or names anything but messages, is thrown away; `thrown_away` says which.
    static void replay(int maildir, int cur, const std::vector<std::string>& names,
                       std::vector<std::string>& thrown_away);

    void remove();

private:
    Journal(posix::UniqueFd cur, std::string name) noexcept : cur_{std::move(cur)}, name_{std::move(name)} {}

    posix::UniqueFd cur_;
    std::string name_;
};

} // namespace buzon::maildir
