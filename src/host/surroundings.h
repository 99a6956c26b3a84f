// host/surroundings.h - everything on this machine except some hidden paths, in the form that Landlock needs.
//
// Landlock can only allow. So a folder above a hidden path is not allowed itself, but each of its entries is, except
// those that are hidden or lead to a hidden path. A program can reach everything else as before, but in the folders
// above a hidden path it can neither list nor create entries. Entries that appear there later are allowed only for the
// next program.
#pragma once

#include <sys/stat.h>

#include <set>
#include <string>
#include <vector>

#include "buzon/sandbox/landlock.h"

namespace buzon::host {

class Surroundings {
public:
    // Replaces what was hidden before. May wait for a disk.
    void hide(const std::vector<std::string>& paths);
    // Whether something has appeared in, or vanished from, a folder above a hidden path. Also true if that is unknown.
    [[nodiscard]] bool changed() const;
    // A hidden path lies below this one, or is it.
    [[nodiscard]] bool is_above_hidden(const std::string& folder) const { return above_.contains(folder); }

    [[nodiscard]] const std::vector<sandbox::Allowed>& allowed() const noexcept { return allowed_; }

private:
    struct Folder {
        std::string path;
        timespec changed{};
        bool settled = false; // it had not changed for a while when it was read
    };
    void read(const std::string& folder);

    std::set<std::string> hidden_; // without links
    std::set<std::string> above_;  // the same and all folders above them
    std::vector<Folder> folders_;  // those that were read
    std::vector<sandbox::Allowed> allowed_;
};

} // namespace buzon::host
