#include "index_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "buzon/mail/scan.h"
#include "buzon/posix/io.h"
#include "directory.h"

namespace buzon::mail {
namespace {

using posix::Result;
using posix::UniqueFd;

constexpr std::int64_t leftover_age_ns = std::int64_t{36} * 3600 * 1'000'000'000; // as others clean tmp/

// Files of ours in tmp/ whose writer was killed.
void clear_leftovers(int maildir, std::int64_t now_ns) {
    const Result<UniqueFd> tmp = open_directory(maildir, "tmp");
    const Result<Listing> listing = tmp ? list_directory(tmp.value().get()) : tmp.error();
    if (!listing) return;
    for (const Listing::Name& name : listing.value().all) {
        struct stat about {};
        const char* const path = listing.value().path(name);
        if (listing.value().view(name).substr(0, 6) != "buzon-") continue;
        if (::fstatat(tmp.value().get(), path, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (now_ns - nanoseconds(about.st_ctim) > leftover_age_ns) ::unlinkat(tmp.value().get(), path, 0);
    }
}

} // namespace

std::shared_ptr<const Snapshot> read_index(int maildir) {
    struct stat about {};
    Result<UniqueFd> file = open_regular(maildir, index_file_name, about);
    if (!file) return nullptr;
    Result<std::shared_ptr<const Snapshot>> index = Snapshot::from_fd(std::move(file).value());
    return index ? std::move(index).value() : nullptr;
}

NextIndex::NextIndex(int maildir) : maildir_{maildir} {
    path_ = "tmp/" + unique_name(index_file_name);
    file_.reset(::openat(maildir, path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat about {};
    if (!file_ || ::fstat(file_.get(), &about) != 0) return;
    made_at_ns_ = nanoseconds(about.st_ctim);
    clear_leftovers(maildir_, made_at_ns_);
}

NextIndex::~NextIndex() {
    if (file_) ::unlinkat(maildir_, path_.c_str(), 0);
}

void NextIndex::keep(std::string_view block) {
    // No fsync: a torn file is known by its checksum, and all it costs is to measure again.
    if (!file_ || posix::write_all(file_.get(), block)) return;
    if (::renameat(maildir_, path_.c_str(), maildir_, index_file_name) == 0) file_.reset();
}

} // namespace buzon::mail
