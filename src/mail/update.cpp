#include "buzon/mail/update.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <utility>

#include "directory.h"
#include "file_name.h"
#include "locator.h"

namespace buzon::mail {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

// A program that renames a message again and again is not followed for ever.
constexpr int most_searches = 5;

class Updater {
public:
    Updater(UniqueFd root, UniqueFd in_new, UniqueFd cur)
        : root_{std::move(root)}, in_new_{std::move(in_new)}, cur_{std::move(cur)}, locator_{root_.get()} {}

    // First every message where it was listed, then those that were not there wherever they are now. Only a message
    // that a fresh reading of both directories does not show is gone.
    UpdateOutcome run(const std::vector<UpdateRequest::Item>& items) {
        for (const UpdateRequest::Item& item : items) attempt(item, item.file_name, item.in_new);
        for (int searches = 0; !missing_.empty() && searches != most_searches; ++searches) search();
        for (const UpdateRequest::Item* const item : missing_) settle(*item, {EBUSY, std::system_category()});
        return outcome_;
    }

    std::error_code sync() {
        for (const UniqueFd* const directory : {&in_new_, &cur_})
            // Some file systems cannot do this for directories: they are as safe as they can be.
            if (*directory && ::fsync(directory->get()) != 0 && errno != EINVAL && errno != ENOTSUP) return last_error();
        return {};
    }

private:
    using Action = UpdateRequest::Action;

    int folder(bool in_new) const noexcept { return in_new ? in_new_.get() : cur_.get(); }

    void search() {
        locator_.refresh();
        for (const UpdateRequest::Item* const item : std::exchange(missing_, {})) {
            const Result<std::optional<Place>> found = locator_.find(base_name(item->file_name), item->inode);
            if (!found) settle(*item, found.error());
            else if (!found.value()) settle(*item, {});
            else attempt(*item, found.value()->file_name, found.value()->in_new);
        }
    }

    void attempt(const UpdateRequest::Item& item, const std::string& file_name, bool in_new) {
        const std::error_code why = item.action == Action::remove ? remove(file_name, in_new)
                                                                  : mark_seen(item, file_name, in_new);
        // EBADF: the directory itself was missing.
        if (why.value() == ENOENT || why.value() == EBADF) missing_.push_back(&item);
        else settle(item, why);
    }

    void settle(const UpdateRequest::Item& item, std::error_code why) {
        if (item.action != Action::remove) return;
        if (!why) ++outcome_.removed;
        else if (outcome_.failed++ == 0) outcome_.first_error = why;
    }

    std::error_code remove(const std::string& file_name, bool in_new) {
        return ::unlinkat(folder(in_new), file_name.c_str(), 0) == 0 ? std::error_code{} : last_error();
    }

    // One that another program has moved to cur meanwhile gets its S there.
    std::error_code mark_seen(const UpdateRequest::Item& item, const std::string& file_name, bool in_new) {
        if (!item.in_new || (!in_new && has_seen(file_name))) return {};
        const std::error_code why = move(folder(in_new), file_name, seen_name(file_name));
        if (!why) ++outcome_.moved;
        return why;
    }

    std::error_code move(int source, const std::string& from, const std::string& to) {
        if (::renameat2(source, from.c_str(), cur_.get(), to.c_str(), RENAME_NOREPLACE) == 0) return {};
        if (errno != EINVAL && errno != ENOSYS) return last_error();
        // Not on this file system (NFS): a link replaces nothing either. A crash between the two calls leaves one
        // message with two names, and the scan lists it once.
        if (::linkat(source, from.c_str(), cur_.get(), to.c_str(), 0) != 0) return last_error();
        return ::unlinkat(source, from.c_str(), 0) == 0 ? std::error_code{} : last_error();
    }

    UniqueFd root_;
    UniqueFd in_new_;
    UniqueFd cur_;
    Locator locator_;
    std::vector<const UpdateRequest::Item*> missing_;
    UpdateOutcome outcome_;
};

UpdateOutcome all_failed(const UpdateRequest& request, std::error_code why) {
    UpdateOutcome outcome;
    for (const UpdateRequest::Item& item : request.items)
        if (item.action == UpdateRequest::Action::remove) ++outcome.failed;
    outcome.first_error = why;
    return outcome;
}

Result<UniqueFd> open_folder(int root, bool in_new) {
    Result<UniqueFd> folder = open_directory(root, folder_of(in_new));
    if (!folder && folder.error().value() == ENOENT) return UniqueFd{};
    return folder;
}

} // namespace

UpdateRequest UpdateRequest::of(const Maildrop& maildrop, std::string maildir) {
    UpdateRequest request{std::move(maildir), {}};
    const Snapshot& snapshot = maildrop.snapshot();
    const auto add = [&](MessageNumber number, Action action) {
        const std::uint32_t at = Maildrop::index(number);
        request.items.push_back({std::string{snapshot.file_name(at)}, snapshot.in_new(at), action, snapshot.inode(at)});
    };
    for (auto at = maildrop.next_deleted({}); at; at = maildrop.next_deleted(*at)) add(*at, Action::remove);
    for (auto at = maildrop.next_live({}); at; at = maildrop.next_live(*at))
        if (maildrop.retrieved(*at) && snapshot.in_new(Maildrop::index(*at))) add(*at, Action::mark_seen);
    return request;
}

UpdateOutcome update(const UpdateRequest& request, const UpdateOptions& options) {
    Result<UniqueFd> root = open_directory(AT_FDCWD, request.maildir.c_str());
    if (!root) return all_failed(request, root.error());
    Result<UniqueFd> in_new = open_folder(root.value().get(), true);
    if (!in_new) return all_failed(request, in_new.error());
    Result<UniqueFd> cur = open_folder(root.value().get(), false);
    if (!cur) return all_failed(request, cur.error());

    Updater updater{std::move(root).value(), std::move(in_new).value(), std::move(cur).value()};
    UpdateOutcome outcome = updater.run(request.items);
    if (!options.fsync) return outcome;
    if (const std::error_code why = updater.sync(); why && outcome.removed != 0) {
        if (outcome.failed == 0) outcome.first_error = why;
        outcome.failed += std::exchange(outcome.removed, 0);
    }
    return outcome;
}

} // namespace buzon::mail
