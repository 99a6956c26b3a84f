#include "updater.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "buzon/message/file_name.h"
#include "directory.h"
#include "locator.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;

} // namespace

Result<Updater> Updater::open(int root, std::int64_t keep_since) {
    Result<Folders> folders = Folders::open(root);
    if (!folders) return folders.error();
    Updater updater{root};
    updater.folders_ = std::move(folders).value();
    updater.trash_ = TrashFolder{root, keep_since};
    return updater;
}

message::UpdateOutcome Updater::run(const message::PackedUpdate& request) {
    message::PackedUpdate::Where where;
    while (const std::optional<message::PackedUpdate::Item> item = request.next(where))
        attempt(*item, std::string{item->file_name}, item->in_new);
    for (int searches = 0; !missing_.empty() && searches != max_searches; ++searches) search();
    for (const message::PackedUpdate::Item& item : missing_) settle(item, {EBUSY, std::system_category()});
    return outcome_;
}

void Updater::search() {
    locator_.refresh();
    for (const message::PackedUpdate::Item& item : std::exchange(missing_, {})) {
        const Result<std::optional<Place>> found = locator_.find(message::base_name(item.file_name), item.inode);
        if (!found)
            settle(item, found.error());
        else if (!found.value())
            settle_gone(item);
        else
            attempt(item, found.value()->file_name, found.value()->in_new);
    }
}

void Updater::attempt(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new) {
    const bool removal = item.action == message::UpdateAction::remove;
    std::error_code why{ENOENT, std::system_category()};
    if (is_file_of(item, file_name, in_new))
        why = removal ? remove(file_name, in_new) : mark_seen(item, file_name, in_new);
    // EBADF: the directory itself was missing.
    if (why.value() == ENOENT || why.value() == EBADF)
        missing_.push_back(item);
    else
        settle(item, why);
}

void Updater::settle(const message::PackedUpdate::Item& item, std::error_code why) {
    if (item.action != message::UpdateAction::remove) return;
    if (!why)
        ++outcome_.removed;
    else if (outcome_.failed++ == 0)
        outcome_.first_error = why;
}

void Updater::settle_gone(const message::PackedUpdate::Item& item) {
    if (item.action == message::UpdateAction::remove) ++outcome_.gone;
}

// If several messages share a base name, another one may have taken this name meanwhile.
bool Updater::is_file_of(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new) const {
    struct stat about {};
    return item.inode == 0 || ::fstatat(folders_.fd(in_new), file_name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 ||
           about.st_ino == item.inode;
}

std::error_code Updater::remove(const std::string& file_name, bool in_new) {
    if (trash_.wanted()) return trash_.take(folders_.fd(in_new), file_name);
    return ::unlinkat(folders_.fd(in_new), file_name.c_str(), 0) == 0 ? std::error_code{} : last_error();
}

// A message that another program has moved to cur meanwhile gets its S flag there.
std::error_code Updater::mark_seen(const message::PackedUpdate::Item& item, const std::string& file_name, bool in_new) {
    if (!item.in_new || (!in_new && message::has_seen(file_name))) return {};
    const std::error_code why =
        move_without_replacing(folders_.fd(in_new), file_name, folders_.cur.get(), message::seen_name(file_name));
    if (!why) ++outcome_.moved;
    return why;
}

std::error_code Updater::sync() {
    for (const int directory : {folders_.in_new.get(), folders_.cur.get()})
        if (const std::error_code why = sync_directory(directory)) return why;
    return trash_.sync();
}

} // namespace buzon::maildir
