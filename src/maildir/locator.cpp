#include "locator.h"

#include <algorithm>

#include "buzon/message/file_name.h"

namespace buzon::maildir {

using posix::Result;

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
    std::stable_sort(by_name_.begin(), by_name_.end(), [](const Entry& a, const Entry& b) {
        return message::base_name(a.name) < message::base_name(b.name);
    });
    read_ = true;
    return {};
}

Result<std::optional<Place>> Locator::find(std::string_view base, std::uint64_t inode) {
    if (!read_)
        if (const std::error_code why = read()) return why;
    auto entry = std::lower_bound(by_name_.begin(), by_name_.end(), base, [](const Entry& a, std::string_view name) {
        return message::base_name(a.name) < name;
    });
    std::optional<Place> place;
    for (; entry != by_name_.end() && message::base_name(entry->name) == base; ++entry)
        if (inode == 0 || entry->inode == inode)
            place = Place{std::string{entry->name}, entry->in_new}; // cur takes precedence
    return place;
}

} // namespace buzon::maildir
