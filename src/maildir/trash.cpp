#include "buzon/maildir/trash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "buzon/message/file_name.h"
#include "directory.h"
#include "own_file.h"
#include "trash_folder.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t max_folders = 100; // for messages with the same name deleted in the same second

bool no_room(std::error_code why) noexcept {
    return is_no_room(why) || why.value() == EMLINK;
}

Result<UniqueFd> make_directory(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return last_error();
    return open_own_folder(parent, name.c_str());
}

// An empty descriptor if there is no trash.
Result<UniqueFd> open_trash(const Result<UniqueFd>& root) {
    if (!root) return root.error();
    Result<UniqueFd> trash = open_own_folder(root.value().get(), trash_name);
    if (!trash && trash.error().value() == ENOENT) return UniqueFd{};
    return trash;
}

// Calls `act` with the directory and listing of each trash folder whose time `wanted` accepts.
template <class Wanted, class Act>
std::error_code each_folder(int trash, Wanted wanted, Act act) {
    for (const std::int64_t time : trash_times(trash)) {
        if (!wanted(time)) continue;
        const std::string name = std::to_string(time);
        const Result<UniqueFd> folder = open_own_folder(trash, name.c_str());
        if (!folder) continue; // expired meanwhile, or not ours
        const Result<Listing> listing = list_directory(folder.value().get());
        if (!listing) return listing.error();
        act(folder.value().get(), listing.value());
        ::unlinkat(trash, name.c_str(), AT_REMOVEDIR); // fails unless it is empty
    }
    return {};
}

// A user who has never logged in has no Maildir yet. A Maildir behind a broken link, or below a missing folder, is an
// error instead.
bool not_made_yet(const std::string& maildir) {
    struct stat about {};
    if (::lstat(maildir.c_str(), &about) == 0 || errno != ENOENT) return false;
    const std::size_t slash = maildir.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : maildir.substr(0, slash + 1);
    return ::access(parent.c_str(), F_OK) == 0;
}

} // namespace

std::vector<std::int64_t> trash_times(int trash) {
    std::vector<std::int64_t> times;
    const Result<Listing> listing = list_directory(trash);
    if (!listing) return times;
    for (const Listing::Name& entry : listing.value().all) {
        const std::string_view name = listing.value().view(entry);
        std::int64_t time = 0;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), time);
        if (error == std::errc{} && stop == name.data() + name.size()) times.push_back(time);
    }
    std::sort(times.begin(), times.end());
    return times;
}

std::error_code TrashFolder::open_next() {
    if (!trash_) {
        Result<UniqueFd> trash = make_directory(maildir_, trash_name);
        if (!trash) return trash.error();
        trash_ = std::move(trash).value();
    }
    const std::int64_t time = deleted_at_ + static_cast<std::int64_t>(folders_.size());
    Result<UniqueFd> folder = make_directory(trash_.get(), std::to_string(time));
    if (!folder) return folder.error();
    folders_.push_back(std::move(folder).value());
    return {};
}

std::error_code TrashFolder::take(int directory, const std::string& file_name) {
    std::error_code why{ENOENT, std::system_category()};
    for (std::size_t at = 0; at != max_folders; ++at) {
        if (at == folders_.size())
            why = open_next();
        else
            why = {};
        if (!why) why = move_without_replacing(directory, file_name, folders_[at].get(), file_name);
        if (why.value() != EEXIST) break;
    }
    if (!no_room(why)) return why;
    return ::unlinkat(directory, file_name.c_str(), 0) == 0 ? std::error_code{} : last_error();
}

std::error_code TrashFolder::sync() {
    if (folders_.empty()) return {};
    for (const UniqueFd& folder : folders_)
        if (const std::error_code why = sync_directory(folder.get())) return why;
    if (const std::error_code why = sync_directory(trash_.get())) return why;
    return sync_directory(maildir_);
}

RestoreOutcome restore(const std::string& maildir, std::int64_t since) {
    RestoreOutcome outcome;
    const auto failed = [&](std::error_code why) {
        if (outcome.failed++ == 0) outcome.first_error = why;
    };
    const Result<UniqueFd> root = open_maildir(maildir);
    if (!root && not_made_yet(maildir)) return outcome;
    const Result<UniqueFd> trash = open_trash(root);
    const Result<UniqueFd> cur = root ? open_folder(root.value().get(), "cur") : root.error();
    if (trash && !trash.value()) return outcome;
    for (const std::error_code why : {trash.error(), cur.error()})
        if (why) {
            failed(why);
            return outcome;
        }
    // First sync the removal of journals: one that reappeared after a crash would remove restored messages again.
    if (const std::error_code why = sync_directory(cur.value().get())) {
        failed(why);
        return outcome;
    }
    const auto bring_back = [&](int folder, const Listing& listing) {
        for (const Listing::Name& entry : listing.all) {
            if (!entry.may_be_file) continue; // not a message: we did not put it there
            const std::string name{listing.view(entry)};
            const bool bare = name.find(':') == name.npos && name.size() + 3 <= 255;
            const std::error_code why =
                move_without_replacing(folder, name, cur.value().get(), bare ? name + ":2," : name);
            if (why)
                failed(why);
            else
                ++outcome.restored;
        }
    };
    const std::error_code why = each_folder(
        trash.value().get(), [&](std::int64_t time) { return time >= since; }, bring_back);
    if (why) failed(why);
    if (const std::error_code unsynced = sync_directory(cur.value().get())) failed(unsynced);
    return outcome;
}

Result<std::uint32_t> expire_trash(const std::string& maildir, std::int64_t before) {
    const Result<UniqueFd> trash = open_trash(open_maildir(maildir));
    if (!trash) return trash.error();
    if (!trash.value()) return std::uint32_t{0};
    std::uint32_t removed = 0;
    std::error_code first;
    const auto remove_all = [&](int folder, const Listing& listing) {
        for (const Listing::Name& entry : listing.all) {
            if (::unlinkat(folder, listing.path(entry), 0) == 0)
                ++removed;
            else if (errno != ENOENT && !first)
                first = last_error();
        }
    };
    const std::error_code why = each_folder(
        trash.value().get(), [&](std::int64_t time) { return time < before; }, remove_all);
    if (why || first) return why ? why : first;
    return removed;
}

} // namespace buzon::maildir
