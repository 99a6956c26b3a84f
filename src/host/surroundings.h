// host/surroundings.h - everything on this machine but some hidden paths, as Landlock takes it.
//
// Landlock can only allow. So each folder above a hidden path is not allowed itself, but each of its entries is, except
// those that are hidden or lead there. A program can reach all else as before, but in the folders above a hidden path
// it can neither list nor make entries. What appears there later counts for the next program.
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
    // Has something appeared in, or gone from, a folder above a hidden path? (Also where it cannot be said.)
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
    std::set<std::string> above_;  // them and the folders that they lie in
    std::vector<Folder> folders_;  // that were read
    std::vector<sandbox::Allowed> allowed_;
};

} // namespace buzon::host
