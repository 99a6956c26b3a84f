// mail/journal.h - what an update is about to do, on disk before it is done. Private to mail/.
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

#include "buzon/mail/update.h"

namespace buzon::mail {

inline constexpr std::string_view journal_prefix = ".buzon-journal.";

class Journal {
public:
    // `request`: PackedUpdate::placeless(). Nothing where it could not be written.
    [[nodiscard]] static std::optional<Journal> write(int maildir, std::string_view request, bool sync);
    // The journals of `names` (as found in cur) that other processes left behind.
    static void replay(int maildir, const std::vector<std::string>& names);

    void remove();

private:
    Journal(int maildir, std::string path) noexcept : maildir_{maildir}, path_{std::move(path)} {}

    int maildir_;      // borrowed
    std::string path_; // from the Maildir
};

} // namespace buzon::mail
