#include "buzon/maildir/scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <tuple>

#include "buzon/local/freshness.h"
#include "buzon/maildir/report.h"
#include "buzon/maildir/trash.h"
#include "buzon/message/file_name.h"
#include "buzon/message/large.h"
#include "directory.h"
#include "foreign_list.h"
#include "found.h"
#include "frozen_list.h"
#include "index_file.h"
#include "journal.h"
#include "locator.h"
#include "naming.h"
#include "own_file.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::int64_t second_ns = 1'000'000'000;

// A change within the same tick of the file system's clock does not change a directory's time. Ticks are at most 10 ms
// on Linux, but a second or two on file systems that store whole seconds.
bool rested(const message::DirectoryStamp& directory, std::int64_t now_ns) noexcept {
    const bool whole_seconds = directory.ctime_ns % second_ns == 0 || directory.mtime_ns % second_ns == 0;
    return now_ns - directory.ctime_ns > (whole_seconds ? 5 * second_ns / 2 : second_ns / 10);
}

std::int64_t clock_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return message::nanoseconds(now);
}

constexpr std::size_t max_to_stat = 4096; // about 5 ms

// Keeps regular files only, with their stat data and what the index knows about them. Without an index, every file is
// opened to be measured, which gives the same data with one call fewer per file. (That does not work for single unknown
// files: on some file systems readdir and stat return different inodes, so only stat shows that a file is unknown.) If
// there are very many files, those with a known name and inode are trusted, so that one new message does not cost a
// hundred thousand calls. A modification of such a file is noticed when it is retrieved.
Result<std::vector<Found>> identify(const MaildirListing& listing, const KnownFiles& known) {
    std::vector<Found> files;
    message::reserve_all(files, listing.in_new.all.size() + listing.cur.all.size());
    const bool very_many = files.capacity() > max_to_stat;
    for (const bool in_new : {true, false}) {
        const Listing& folder = listing.folder(in_new);
        for (const Listing::Name& name : folder.all) {
            if (!name.may_be_file) continue;
            Found file;
            file.file_name = folder.view(name);
            file.base_size = static_cast<std::uint16_t>(message::base_name(file.file_name).size());
            file.in_new = in_new;
            file.inode = name.inode;
            if (name.surely_file && known.empty()) {
                files.push_back(file);
                continue;
            }
            if (very_many && name.surely_file && known.recognise_by_name(file)) {
                files.push_back(file);
                continue;
            }
            struct stat about {};
            if (::fstatat(listing.fd(in_new), folder.path(name), &about, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno != ENOENT && errno != ESTALE) return last_error();
                files.push_back(file); // measure() will mark it as gone
                continue;
            }
            if (!S_ISREG(about.st_mode)) continue;
            file.take_identity(about);
            known.recognise(file);
            files.push_back(file);
        }
    }
    return files;
}

// A message's place in the session order (contract section 2), kept small because sorting moves it often.
struct SortKey {
    std::uint64_t seconds;
    std::uint64_t microseconds;
    std::uint32_t file;

    SortKey(const Found& found, std::uint32_t at, const message::Delivered& when, message::SessionOrder order) noexcept
        : seconds{when.seconds}, microseconds{when.microseconds}, file{at} {
        if (when.known && order == message::SessionOrder::delivery) return;
        const std::int64_t mtime_ns = std::max<std::int64_t>(found.mtime_ns, 0);
        seconds = static_cast<std::uint64_t>(mtime_ns / second_ns);
        microseconds = static_cast<std::uint64_t>(mtime_ns % second_ns / 1000);
    }
};

bool delivered_before(const SortKey& a, const SortKey& b, const std::vector<Found>& files) noexcept {
    if (a.seconds != b.seconds) return a.seconds < b.seconds;
    if (a.microseconds != b.microseconds) return a.microseconds < b.microseconds;
    const Found& one = files[a.file];
    const Found& other = files[b.file];
    // new before cur: false sorts before true.
    return std::tuple{one.base(), !one.in_new, one.file_name} <
           std::tuple{other.base(), !other.in_new, other.file_name};
}

// Sorts the messages by delivery or by mtime, drops those that have gone, and marks shared base names. If only names
// decide the order, equal base names end up adjacent.
void put_in_order(std::vector<Found>& files, message::SessionOrder order) {
    bool by_name = order == message::SessionOrder::delivery;
    std::vector<SortKey> places;
    message::reserve_all(places, files.size());
    for (std::uint32_t i = 0; i < files.size(); ++i) {
        if (files[i].gone) continue;
        const message::Delivered when = message::delivered(files[i].base());
        by_name = by_name && when.known;
        places.emplace_back(files[i], i, when, order);
    }
    std::sort(places.begin(), places.end(),
              [&](const SortKey& a, const SortKey& b) { return delivered_before(a, b, files); });
    // A file with two names is one message moving from new to cur: the name in cur sorts last and is the new one. (If
    // new is on another file system, two files may have the same inode number.)
    const auto same = [](const Found& a, const Found& b) {
        return a.inode == b.inode && a.base() == b.base() && a.stored_size == b.stored_size && a.mtime_ns == b.mtime_ns;
    };
    std::vector<Found> sorted;
    message::reserve_all(sorted, places.size());
    for (const SortKey& place : places) {
        const Found& file = files[place.file];
        if (!sorted.empty() && same(sorted.back(), file))
            sorted.back() = file;
        else
            sorted.push_back(file);
    }
    files = std::move(sorted);
    mark_shared_bases(files, by_name);
}

Result<std::string> build_snapshot(const std::vector<Found>& files, const message::Stamps& stamps, bool settled,
                                   std::uint64_t rules) {
    message::SnapshotBuilder builder;
    std::size_t name_octets = 0;
    for (const Found& file : files) name_octets += file.file_name.size();
    builder.reserve(files.size(), name_octets);
    for (const Found& file : files)
        builder.add({.file_name = file.file_name,
                     .in_new = file.in_new,
                     .octets = file.octets,
                     .uidl = file.uidl,
                     .stored_size = file.stored_size,
                     .inode = file.inode,
                     .mtime_ns = file.mtime_ns,
                     .wire_form = file.wire_form,
                     .measured = file.measured,
                     .shares_base = file.shares_base});
    builder.set_stamps(stamps, settled);
    builder.set_rules(rules);
    return builder.bytes();
}

// Every message of a hostile Maildir may have a problem: only the first few are logged.
constexpr std::size_t max_warnings = 8;

void warn(message::ScanFindings& findings, std::string line) {
    if (findings.warnings.size() < max_warnings) findings.warnings.push_back(std::move(line));
}

std::error_code is_a_link() noexcept {
    return {ELOOP, std::system_category()};
}

// Finds out why the scan of the whole Maildir failed: the first problem with its folders and lists.
std::string name_trouble(const std::string& maildir, int root, const message::UidlRules& rules) {
    for (const char* const name : {"cur", "new", "tmp"})
        if (open_folder(root, name).error() == is_a_link()) return maildir + '/' + name + " is a symbolic link";
    if (const std::string_view fault = fault_of_own(root, frozen_list_name); !fault.empty())
        return maildir + '/' + frozen_list_name + ' ' + std::string{fault};
    return foreign_trouble(maildir, root, rules);
}

// A message that we may not read is left out: the others are worth a login, and it appears once its permissions are
// fixed. But after a disk or server failure, the client must not be told that a message has gone.
std::error_code settle_unreadable(std::vector<Found>& files, const std::string& maildir,
                                  message::ScanFindings& findings) {
    for (Found& file : files) {
        if (file.unreadable == 0) continue;
        const std::error_code why{file.unreadable, std::system_category()};
        std::string path = maildir + '/' + folder_of(file.in_new) + '/' + std::string{file.file_name};
        if (why != std::errc::permission_denied && why != std::errc::operation_not_permitted) {
            findings.trouble = std::move(path) + " cannot be read";
            return why;
        }
        file.gone = true;
        warn(findings, std::move(path) + " was skipped: " + why.message());
    }
    return {};
}

// Completes an interrupted update and lists the result.
std::error_code end_updates(int root, const std::string& maildir, MaildirListing& listing,
                            message::ScanFindings& findings) {
    std::vector<std::string> discarded;
    Journal::replay(root, listing.fd(false), listing.cur.journals, discarded);
    for (const std::string& name : discarded)
        warn(findings,
             std::string{maildir}.append("/cur/").append(name).append(" was discarded: it is damaged, or not ours"));
    Result<MaildirListing> again = list_maildir(root);
    if (!again) return again.error();
    listing = std::move(again).value();
    return {};
}

// Warns about files of ours that a scan does not need or that are rebuilt.
void warn_of_own(int root, const std::string& maildir, message::ScanFindings& findings) {
    const auto say = [&](const char* name, std::string_view fault) {
        if (!fault.empty()) warn(findings, maildir + '/' + name + ' ' + std::string{fault} + " and was ignored");
    };
    say(index_file_name, fault_of_own(root, index_file_name));
    say(report_file_name, fault_of_own(root, report_file_name));
    say(trash_name, fault_of_own_folder(root, trash_name));
}

// Called if there was no list of ours. Warns if that one was lost, or if an expected Dovecot list is missing.
void warn_of_lists(int root, const std::string& maildir, const message::UidlRules& rules,
                   const std::vector<Found>& files, message::ScanFindings& findings) {
    const auto was_told = [](const Found& file) { return !file.last_uidl.empty(); };
    if (std::any_of(files.begin(), files.end(), was_told))
        warn(findings, maildir + '/' + frozen_list_name + " was missing: using the UIDLs in " + index_file_name);
    else if (!files.empty() && !rules.dovecot_control.empty() && !has_dovecot_list(root, rules))
        warn(findings, rules.dovecot_control + " contains no dovecot-uidlist for " + maildir);
}

bool is_gone(const Found& file) noexcept {
    return file.gone;
}

// Looks for messages that another program has renamed since they were listed: they are still in the maildrop. `names`
// stores the new names.
std::error_code follow_renamed(int root, const MaildirListing& listing, const KnownFiles& known,
                               std::vector<Found>& files, std::deque<std::string>& names) {
    Locator locator{root};
    for (int searches = 0; searches != max_searches && std::any_of(files.begin(), files.end(), is_gone); ++searches) {
        locator.refresh();
        std::vector<Found> found;
        for (Found& file : files) {
            if (!file.gone) continue;
            Result<std::optional<Place>> place = locator.find(file.base(), file.inode);
            if (!place) return place.error();
            if (!place.value() || listing.fd(place.value()->in_new) < 0) continue;
            file.file_name = names.emplace_back(std::move(place.value()->file_name));
            file.in_new = place.value()->in_new;
            file.gone = false;
            found.push_back(file);
        }
        if (found.empty()) return {};
        if (const std::error_code why = measure(found, listing)) return why;
        auto again = found.begin(); // they are in the order of `files`
        for (Found& file : files) {
            if (again == found.end() || again->file_name.data() != file.file_name.data()) continue;
            file = *again++;
            if (file.measured) known.recognise(file); // for its UIDL in the last session
        }
    }
    return {};
}

Result<UniqueFd> scan(int root, const std::string& maildir, const message::ScanOptions& options,
                      message::ScanFindings& findings) {
    const std::shared_ptr<const message::Snapshot> index = options.read_index ? read_index(root) : nullptr;
    // If our list is lost and `index` has messages, do not return `index` as it is: the list is rebuilt from it below.
    const bool has_list = ::faccessat(root, frozen_list_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (index && (has_list || index->count() == 0) && index->settled() && index->rules() == options.uidl.digest()) {
        const Result<message::Stamps> now = local::stamps(maildir);
        if (!now) return now.error();
        if (index->is_current(now.value())) return message::seal_in_memfd(index->bytes(), "buzon-snapshot");
    }

    const Result<UniqueFd> tmp = open_folder(root, "tmp");
    if (!tmp && tmp.error() == is_a_link()) return tmp.error();
    NextIndex next_index{root, options.write_index && tmp ? tmp.value().get() : -1};
    const std::int64_t now_ns = next_index.made_at_ns() != 0 ? next_index.made_at_ns() : clock_ns();
    Result<MaildirListing> listed = list_maildir(root, index ? index->count() : 0);
    if (!listed) return listed.error();
    MaildirListing& listing = listed.value();
    warn_of_own(root, maildir, findings);
    if (!listing.cur.journals.empty())
        if (const std::error_code why = end_updates(root, maildir, listing, findings)) return why;
    const KnownFiles known{index};
    Result<std::vector<Found>> found = identify(listing, known);
    if (!found) return found.error();
    std::vector<Found>& files = found.value();
    if (const std::error_code why = measure(files, listing)) return why;
    std::deque<std::string> renamed;
    if (const std::error_code why = follow_renamed(root, listing, known, files, renamed)) return why;
    const bool complete =
        listing.fd(true) >= 0 && listing.fd(false) >= 0 && std::none_of(files.begin(), files.end(), is_gone);
    if (const std::error_code why = settle_unreadable(files, maildir, findings)) return why;
    const bool all_read =
        std::none_of(files.begin(), files.end(), [](const Found& file) { return file.unreadable != 0; });
    put_in_order(files, options.uidl.order);
    std::deque<std::string> given;
    if (const std::error_code why =
            name_messages(root, options.uidl, files, given, findings.change, complete && all_read))
        return why;

    if (!has_list) warn_of_lists(root, maildir, options.uidl, files, findings);

    const message::Stamps& before = listing.before;
    const bool ended = listing.cur.journals.empty(); // otherwise the next login tries again to complete the update
    const bool settled = all_read && ended && rested(before.in_new, now_ns) && rested(before.cur, now_ns);
    const Result<std::string> block = build_snapshot(files, before, settled, options.uidl.digest());
    if (!block) return block.error();
    if (!index || index->bytes() != block.value()) next_index.keep(block.value());
    return message::seal_in_memfd(block.value(), "buzon-snapshot");
}

} // namespace

Result<UniqueFd> scan(const std::string& maildir, const message::ScanOptions& options,
                      message::ScanFindings* findings) {
    message::ScanFindings nobody_asks;
    message::ScanFindings& told = findings != nullptr ? *findings : nobody_asks;
    const Result<UniqueFd> root = open_maildir(maildir);
    if (!root) {
        if (root.error() == not_ours()) told.trouble = maildir + " is a link to another user's directory";
        return root.error();
    }
    Result<UniqueFd> made = scan(root.value().get(), maildir, options, told);
    if (!made && told.trouble.empty()) told.trouble = name_trouble(maildir, root.value().get(), options.uidl);
    return made;
}

std::error_code create_maildir(const std::string& maildir, int below, bool parents) {
    const auto make_folders = [&]() -> std::error_code {
        const Result<UniqueFd> root = open_maildir(maildir, below);
        if (!root) return root.error();
        for (const char* const part : {"cur", "new", "tmp"})
            if (::mkdirat(root.value().get(), part, 0700) != 0 && errno != EEXIST) return last_error();
        return {};
    };
    // Usually everything exists, and the parents need no check.
    const std::error_code why = make_folders();
    if (why.value() != ENOENT) return why;
    const auto make = [below](const std::string& path) {
        return ::mkdirat(below, path.c_str(), 0700) == 0 || errno == EEXIST ? std::error_code{} : last_error();
    };
    for (std::size_t slash = maildir.find('/', 1); parents && slash != maildir.npos;
         slash = maildir.find('/', slash + 1))
        if (const std::error_code failed = make(maildir.substr(0, slash))) return failed;
    if (const std::error_code failed = make(maildir)) return failed;
    return make_folders();
}

} // namespace buzon::maildir
