#include "buzon/maildir/trash.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "buzon/message/file_name.h"
#include "directory.h"
#include "journal.h"
#include "own_file.h"
#include "trash_folder.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t max_folders = 100;  // for messages with the same name deleted in the same second
constexpr int max_mail_folders = 100'000; // Maildir++ folders of one Maildir, each with a trash of its own

bool no_room(std::error_code why) noexcept {
    return is_no_room(why) || why.value() == EMLINK;
}

Result<UniqueFd> make_directory(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return last_error();
    return open_own_folder(parent, name.c_str());
}

// An empty descriptor if there is no trash.
Result<UniqueFd> open_trash(int maildir) {
    Result<UniqueFd> trash = open_own_folder(maildir, trash_name);
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

// EBUSY if a journal is left that a later scan would carry out.
std::error_code end_updates(int maildir, int cur) {
    std::vector<std::string> discarded; // damaged or not ours: they do nothing, even if they cannot be removed
    for (const bool again : {false, true}) {
        const Result<Listing> listing = list_directory(cur);
        if (!listing) return listing.error();
        const std::vector<std::string>& journals = listing.value().journals;
        const auto is_harmless = [&](const std::string& name) {
            return std::binary_search(discarded.begin(), discarded.end(), name);
        };
        if (std::all_of(journals.begin(), journals.end(), is_harmless)) return {};
        if (again) break;
        Journal::replay(maildir, cur, journals, discarded);
        std::sort(discarded.begin(), discarded.end());
    }
    return {EBUSY, std::system_category()};
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
    const Result<UniqueFd> cur = root ? open_folder(root.value().get(), "cur") : root.error();
    // First complete interrupted updates, as a scan does: their journals would remove restored messages again.
    const std::error_code unfinished = cur ? end_updates(root.value().get(), cur.value().get()) : std::error_code{};
    const Result<UniqueFd> trash = root ? open_trash(root.value().get()) : root.error();
    if (trash && !trash.value()) return outcome;
    for (const std::error_code why : {trash.error(), cur.error(), unfinished})
        if (why) {
            failed(why);
            return outcome;
        }
    // Then sync the removal of journals, because one that reappeared after a crash would do the same.
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

namespace {

struct Expired {
    std::uint32_t removed = 0;
    std::error_code first;

    void failed(std::error_code why) {
        if (!first) first = why;
    }
};

void expire_in(int maildir, std::int64_t before, Expired& into) {
    const Result<UniqueFd> trash = open_trash(maildir);
    if (!trash) return into.failed(trash.error());
    if (!trash.value()) return;
    const auto remove_all = [&](int folder, const Listing& listing) {
        for (const Listing::Name& entry : listing.all) {
            if (::unlinkat(folder, listing.path(entry), 0) == 0)
                ++into.removed;
            else if (errno != ENOENT)
                into.failed(last_error());
        }
    };
    const std::error_code why = each_folder(
        trash.value().get(), [&](std::int64_t time) { return time < before; }, remove_all);
    if (why) into.failed(why);
}

bool may_be_mail_folder(const dirent64& entry) {
    const std::string_view name{entry.d_name};
    return name.starts_with('.') && name != "." && name != ".." &&
           (entry.d_type == DT_DIR || entry.d_type == DT_UNKNOWN);
}

// Calls `act` with each Maildir++ folder in the Maildir. list_directory() leaves out names with a dot.
template <class Act>
std::error_code each_mail_folder(int maildir, Act act) {
    return each_entry(maildir, [&, folders = 0](const dirent64& entry) mutable -> std::error_code {
        if (!may_be_mail_folder(entry)) return {};
        if (++folders > max_mail_folders) return {EOVERFLOW, std::system_category()};
        const Result<UniqueFd> folder = open_own_folder(maildir, entry.d_name);
        if (folder) act(folder.value().get()); // else it is a link, for example, which no login follows either
        return {};
    });
}

} // namespace

Result<std::uint32_t> expire_trash(const std::string& maildir, std::int64_t before) {
    const Result<UniqueFd> root = open_maildir(maildir);
    if (!root) return root.error();
    Expired all;
    expire_in(root.value().get(), before, all);
    const std::error_code why =
        each_mail_folder(root.value().get(), [&](int folder) { expire_in(folder, before, all); });
    if (why) all.failed(why);
    if (all.first) return all.first;
    return all.removed;
}

} // namespace buzon::maildir
