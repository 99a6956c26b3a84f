#include "locator.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <tuple>

#include "buzon/message/file_name.h"

namespace buzon::maildir {

using posix::Result;

namespace {

// The order of entries: by base name, then new before cur, then by inode.
constexpr auto key = [](const auto& entry) {
    return std::tuple{message::base_name(entry.name), !entry.in_new, entry.inode};
};

} // namespace

std::error_code Locator::read() {
    Result<MaildirListing> listing = list_maildir(maildir_);
    if (!listing) return listing.error();
    listing_ = std::move(listing).value();
    by_name_.clear();
    for (const bool in_new : {true, false}) {
        const Listing& folder = listing_.folder(in_new);
        for (const Listing::Name& name : folder.all)
            if (name.may_be_file) by_name_.push_back({folder.view(name), name.inode, in_new});
    }
    std::stable_sort(by_name_.begin(), by_name_.end(), [](const Entry& a, const Entry& b) { return key(a) < key(b); });
    read_ = true;
    return {};
}

Result<std::optional<Place>> Locator::find(std::string_view base, std::uint64_t inode) {
    if (!read_)
        if (const std::error_code why = read()) return why;
    constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
    for (const bool in_new : {false, true}) { // cur takes precedence
        const std::tuple wanted{base, !in_new, inode == 0 ? highest : inode};
        const auto end = std::upper_bound(by_name_.begin(), by_name_.end(), wanted,
                                          [](const auto& its_key, const Entry& entry) { return its_key < key(entry); });
        if (end == by_name_.begin()) continue;
        const Entry& last = *std::prev(end);
        if (message::base_name(last.name) == base && last.in_new == in_new && (inode == 0 || last.inode == inode))
            return std::optional{Place{std::string{last.name}, in_new}};
    }
    return std::optional<Place>{};
}

} // namespace buzon::maildir
