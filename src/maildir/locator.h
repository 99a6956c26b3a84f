// maildir/locator.h - finds messages that have been renamed. Private to maildir/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/result.h"
#include "directory.h"

namespace buzon::maildir {

// A program that keeps renaming a message is not followed forever.
constexpr int max_searches = 5;

struct Place {
    std::string file_name;
    bool in_new = false;
};

// Looks messages up by base name. Reads the directories once for many lookups, until refresh().
class Locator {
public:
    explicit Locator(int maildir) noexcept : maildir_{maildir} {} // borrowed

    // With an inode, only the file that has it matches; otherwise any file with the base name.
    [[nodiscard]] posix::Result<std::optional<Place>> find(std::string_view base, std::uint64_t inode);
    // Discards what was read.
    void refresh() noexcept { read_ = false; }

private:
    struct Entry {
        std::string_view name;
        std::uint64_t inode;
        bool in_new;
    };
    std::error_code read();

    int maildir_;
    bool read_ = false;
    MaildirListing listing_;
    std::vector<Entry> by_name_;
};

} // namespace buzon::maildir
