// maildir/locator.h - where a message is now that is not where it was. Private to mail/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/result.h"
#include "directory.h"

namespace buzon::maildir {

// A program that renames a message again and again is not followed for ever.
constexpr int max_searches = 5;

struct Place {
    std::string file_name;
    bool in_new = false;
};

// Looks messages up by base name. One reading of the directories serves for many questions, until refresh().
class Locator {
public:
    explicit Locator(int maildir) noexcept : maildir_{maildir} {} // borrowed

    // With an inode only the file that has it counts, else any of that base name.
    [[nodiscard]] posix::Result<std::optional<Place>> find(std::string_view base, std::uint64_t inode);
    // What was read is out of date.
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
