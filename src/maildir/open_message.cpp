#include "buzon/maildir/open_message.h"

#include <sys/stat.h>

#include <utility>

#include "buzon/message/file_name.h"
#include "directory.h"
#include "locator.h"

namespace buzon::maildir {
namespace {

using posix::Result;
using posix::UniqueFd;

std::error_code gone() noexcept {
    return {ENOENT, std::system_category()};
}

// With an inode, only the file that has it matches.
Result<UniqueFd> open_at(const Folders& folders, const Place& place, std::uint64_t inode) {
    struct stat about {};
    if (folders.fd(place.in_new) < 0) return gone();
    Result<UniqueFd> file = open_regular(folders.fd(place.in_new), place.file_name.c_str(), about);
    if (file && inode != 0 && about.st_ino != inode) return gone();
    return file;
}

// Looks where other programs usually move messages, so that a reader that moves everything from new to cur does not
// make us read the directory for each message.
Result<UniqueFd> open_at_likely_place(const Folders& folders, std::string_view file_name, std::uint64_t inode) {
    const std::string base{message::base_name(file_name)};
    for (const std::string& name : {base + ":2,", base + ":2,S", message::seen_name(file_name), base}) {
        Result<UniqueFd> file = open_at(folders, {name, false}, inode);
        if (file || file.error().value() != ENOENT) return file;
    }
    return gone();
}

} // namespace

struct MessageOpener::Open {
    Open(UniqueFd maildir, Folders its_folders) : root{std::move(maildir)}, folders{std::move(its_folders)} {}

    UniqueFd root;
    Folders folders;
    Locator locator{root.get()}; // reads the directories once for many messages
};

MessageOpener::MessageOpener() = default;
MessageOpener::MessageOpener(MessageOpener&&) noexcept = default;
MessageOpener::~MessageOpener() = default;

Result<MessageOpener> MessageOpener::of(const std::string& maildir) {
    Result<UniqueFd> root = open_maildir(maildir);
    if (!root) return root.error();
    Result<Folders> folders = Folders::open(root.value().get());
    if (!folders) return folders.error();
    MessageOpener opener;
    opener.open_ = std::make_unique<Open>(std::move(root).value(), std::move(folders).value());
    return opener;
}

Result<UniqueFd> MessageOpener::open(std::string_view file_name, bool in_new, std::uint64_t inode) const {
    if (!message::is_message_name(file_name)) return gone();
    const Folders& folders = open_->folders;
    const auto missing = [](const Result<UniqueFd>& file) { return file.error().value() == ENOENT; };
    Result<UniqueFd> file = open_at(folders, {std::string{file_name}, in_new}, inode);
    if (missing(file)) file = open_at_likely_place(folders, file_name, inode);
    Locator& locator = open_->locator;
    for (int searches = 0; missing(file) && searches != max_searches; ++searches) {
        if (searches != 0) locator.refresh();
        const Result<std::optional<Place>> found = locator.find(message::base_name(file_name), inode);
        if (!found) return found.error();
        if (!found.value()) return gone();
        file = open_at(folders, *found.value(), inode);
    }
    return file;
}

Result<UniqueFd> MessageOpener::open_listed(std::string_view file_name, bool in_new, std::uint64_t inode) const {
    if (!message::is_message_name(file_name)) return gone();
    return open_at(open_->folders, {std::string{file_name}, in_new}, inode);
}

Result<UniqueFd> open_message(const std::string& maildir, std::string_view file_name, bool in_new,
                              std::uint64_t inode) {
    const Result<MessageOpener> opener = MessageOpener::of(maildir);
    return opener ? opener.value().open(file_name, in_new, inode) : opener.error();
}

} // namespace buzon::maildir
