#include "buzon/mail/scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "directory.h"
#include "file_name.h"
#include "found.h"
#include "index_file.h"
#include "journal.h"
#include "large.h"
#include "naming.h"

namespace buzon::mail {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::int64_t second_ns = 1'000'000'000;

// A change within the same tick of the file system's clock leaves a directory's time as it is. Ticks are 10 ms at most
// on Linux, but a second or two where the file system keeps whole seconds.
bool rested(const DirectoryStamp& directory, std::int64_t now_ns) noexcept {
    const bool whole_seconds = directory.ctime_ns % second_ns == 0 || directory.mtime_ns % second_ns == 0;
    return now_ns - directory.ctime_ns > (whole_seconds ? 5 * second_ns / 2 : second_ns / 10);
}

std::int64_t clock_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return nanoseconds(now);
}

constexpr std::size_t most_to_stat = 4096; // some 5 ms

// Regular files only, with what stat says of them and what the index knows. Without an index every file is opened to be
// measured, and that tells the same: one call less for each. (Not so for single unknown files: what readdir says of
// inodes is not on every file system what stat says, so only the latter can tell that a file is unknown.)
// Of very many, those with a known name and inode are believed: a new message must not cost a hundred thousand calls.
// What somebody has written into such a file shows when it is retrieved.
Result<std::vector<Found>> identify(const MaildirListing& listing, const KnownFiles& known) {
    std::vector<Found> files;
    reserve_all(files, listing.in_new.all.size() + listing.cur.all.size());
    const bool very_many = files.capacity() > most_to_stat;
    for (const bool in_new : {true, false}) {
        const Listing& folder = listing.folder(in_new);
        for (const Listing::Name& name : folder.all) {
            if (!name.may_be_file) continue;
            Found file;
            file.file_name = folder.view(name);
            file.base_size = static_cast<std::uint16_t>(base_name(file.file_name).size());
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
                if (errno == ENOENT || errno == ESTALE) continue;
                return last_error();
            }
            if (!S_ISREG(about.st_mode)) continue;
            file.take_identity(about);
            known.recognise(file);
            files.push_back(file);
        }
    }
    return files;
}

// A message's place in the session order (contract section 2), short: what is sorted is moved again and again.
struct Place {
    std::uint64_t seconds;
    std::uint64_t microseconds;
    std::uint32_t file;

    Place(const Found& found, std::uint32_t at, const Delivered& when, SessionOrder order) noexcept
        : seconds{when.seconds}, microseconds{when.microseconds}, file{at} {
        if (when.known && order == SessionOrder::delivery) return;
        const std::int64_t mtime_ns = std::max<std::int64_t>(found.mtime_ns, 0);
        seconds = static_cast<std::uint64_t>(mtime_ns / second_ns);
        microseconds = static_cast<std::uint64_t>(mtime_ns % second_ns / 1000);
    }
};

bool delivered_before(const Place& a, const Place& b, const std::vector<Found>& files) noexcept {
    if (a.seconds != b.seconds) return a.seconds < b.seconds;
    if (a.microseconds != b.microseconds) return a.microseconds < b.microseconds;
    const Found& one = files[a.file];
    const Found& other = files[b.file];
    // new before cur: false sorts before true.
    return std::tuple{one.base(), !one.in_new, one.file_name} <
           std::tuple{other.base(), !other.in_new, other.file_name};
}

// Messages of one base name stand together afterwards where all go by their names.
void put_in_order(std::vector<Found>& files, SessionOrder order) {
    bool by_name = order == SessionOrder::delivery;
    std::vector<Place> places;
    reserve_all(places, files.size());
    for (std::uint32_t i = 0; i < files.size(); ++i) {
        if (files[i].gone) continue;
        const Delivered when = delivered(files[i].base());
        by_name = by_name && when.known;
        places.emplace_back(files[i], i, when, order);
    }
    std::sort(places.begin(), places.end(),
              [&](const Place& a, const Place& b) { return delivered_before(a, b, files); });
    // One file with two names is one message on its way from new to cur: the name in cur sorts last and is the new one.
    // (Where new lies on another file system, two files may have one inode's number.)
    const auto same = [](const Found& a, const Found& b) {
        return a.inode == b.inode && a.base() == b.base() && a.stored_size == b.stored_size && a.mtime_ns == b.mtime_ns;
    };
    std::vector<Found> sorted;
    reserve_all(sorted, places.size());
    for (const Place& place : places) {
        const Found& file = files[place.file];
        if (!sorted.empty() && same(sorted.back(), file))
            sorted.back() = file;
        else
            sorted.push_back(file);
    }
    files = std::move(sorted);
    mark_shared_bases(files, by_name);
}

Result<std::string> picture(const std::vector<Found>& files, const Stamps& stamps, bool settled, std::uint64_t rules) {
    SnapshotBuilder builder;
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

} // namespace

Result<UniqueFd> scan(const std::string& maildir, const ScanOptions& options, UidlChange* change) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, maildir.c_str());
    if (!root) return root.error();
    const std::shared_ptr<const Snapshot> index = options.read_index ? read_index(root.value().get()) : nullptr;
    if (index && index->settled() && index->rules() == options.uidl.digest()) {
        const Result<Stamps> now = stamps(maildir);
        if (!now) return now.error();
        if (index->is_current(now.value())) return seal_in_memfd(index->bytes(), "buzon-snapshot");
    }

    NextIndex next_index{options.write_index ? root.value().get() : -1};
    const std::int64_t now_ns = next_index.made_at_ns() != 0 ? next_index.made_at_ns() : clock_ns();
    Result<MaildirListing> listing = list_maildir(root.value().get(), index ? index->count() : 0);
    if (!listing) return listing.error();
    if (!listing.value().cur.journals.empty()) { // an update was cut short: it is ended first
        Journal::replay(root.value().get(), listing.value().cur.journals);
        listing = list_maildir(root.value().get());
        if (!listing) return listing.error();
    }
    Result<std::vector<Found>> found = identify(listing.value(), KnownFiles{index});
    if (!found) return found.error();
    std::vector<Found>& files = found.value();
    if (const std::error_code why = measure(files, listing.value())) return why;
    put_in_order(files, options.uidl.order);
    std::deque<std::string> given;
    UidlChange would_change;
    if (const std::error_code why = name_messages(root.value().get(), options.uidl, files, given, would_change)) {
        if (change != nullptr) *change = would_change;
        return why;
    }

    const Stamps& before = listing.value().before;
    // What could not be read is tried again next time.
    const bool all_measured = std::all_of(files.begin(), files.end(), [](const Found& file) { return file.measured; });
    const bool ended = listing.value().cur.journals.empty(); // else the next login tries again to end the update
    const bool settled = all_measured && ended && rested(before.in_new, now_ns) && rested(before.cur, now_ns);
    const Result<std::string> block = picture(files, before, settled, options.uidl.digest());
    if (!block) return block.error();
    if (!index || index->bytes() != block.value()) next_index.keep(block.value());
    return seal_in_memfd(block.value(), "buzon-snapshot");
}

std::error_code create_maildir(const std::string& maildir, int below) {
    const auto make = [below](const std::string& path) {
        return ::mkdirat(below, path.c_str(), 0700) == 0 || errno == EEXIST ? std::error_code{} : last_error();
    };
    const auto make_folders = [&] {
        for (const char* const part : {"/cur", "/new", "/tmp"})
            if (const std::error_code why = make(maildir + part)) return why;
        return std::error_code{};
    };
    // Nearly always everything is there, and the way to it need not be looked at.
    const std::error_code why = make_folders();
    if (why.value() != ENOENT) return why;
    for (std::size_t slash = maildir.find('/', 1); slash != maildir.npos; slash = maildir.find('/', slash + 1))
        if (const std::error_code failed = make(maildir.substr(0, slash))) return failed;
    if (const std::error_code failed = make(maildir)) return failed;
    return make_folders();
}

} // namespace buzon::mail
