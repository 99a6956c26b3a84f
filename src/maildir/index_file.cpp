#include "index_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "buzon/maildir/scan.h"
#include "buzon/posix/io.h"
#include "directory.h"
#include "own_file.h"

namespace buzon::maildir {
namespace {

using posix::Result;
using posix::UniqueFd;

constexpr std::int64_t leftover_age_ns =
    std::int64_t{36} * 3600 * 1'000'000'000; // the age at which other programs clean tmp/, too

// Removes our own files in tmp/ whose writer was killed.
void clear_leftovers(int tmp, std::int64_t now_ns) {
    const Result<Listing> listing = list_directory(tmp);
    if (!listing) return;
    for (const Listing::Name& name : listing.value().all) {
        struct stat about {};
        const char* const path = listing.value().path(name);
        if (listing.value().view(name).substr(0, 6) != "buzon-") continue;
        if (::fstatat(tmp, path, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (now_ns - message::nanoseconds(about.st_ctim) > leftover_age_ns) ::unlinkat(tmp, path, 0);
    }
}

} // namespace

std::shared_ptr<const message::Snapshot> read_index(int maildir) {
    struct stat about {};
    Result<UniqueFd> file = open_own(maildir, index_file_name, O_RDONLY, about);
    if (!file) return nullptr;
    Result<std::shared_ptr<const message::Snapshot>> index = message::Snapshot::from_fd(std::move(file).value());
    return index ? std::move(index).value() : nullptr;
}

NextIndex::NextIndex(int maildir, int tmp) : maildir_{maildir}, tmp_{tmp} {
    if (tmp_ < 0) return;
    name_ = unique_name(index_file_name);
    file_.reset(::openat(tmp_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat about {};
    if (!file_ || ::fstat(file_.get(), &about) != 0) return;
    made_at_ns_ = message::nanoseconds(about.st_ctim);
    clear_leftovers(tmp_, made_at_ns_);
}

NextIndex::~NextIndex() {
    if (file_) ::unlinkat(tmp_, name_.c_str(), 0);
}

void NextIndex::keep(std::string_view block) {
    // No fsync: a torn file is detected by its checksum and only costs measuring again.
    if (!file_ || posix::write_all(file_.get(), block)) return;
    if (::renameat(tmp_, name_.c_str(), maildir_, index_file_name) == 0) file_.reset();
}

} // namespace buzon::maildir
