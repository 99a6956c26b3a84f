#include "journal.h"

#include <fcntl.h>
#include <unistd.h>

#include "buzon/mail/scan.h"
#include "buzon/posix/io.h"
#include "bytes.h"
#include "checksum.h"
#include "directory.h"
#include "updater.h"

namespace buzon::mail {
namespace {

using posix::Result;
using posix::UniqueFd;

constexpr std::size_t largest = std::size_t{1} << 30;   // a million names of the longest kind have room

Result<UpdateRequest> read(int maildir, const std::string& path) {
    struct stat about {};
    const Result<UniqueFd> file = open_regular(maildir, path.c_str(), about);
    if (!file) return file.error();
    if (about.st_size < 8 || static_cast<std::size_t>(about.st_size) > largest) return bad_bytes();
    std::string content(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t got = 0;
    while (got < content.size()) {
        const posix::Transfer step = posix::read_some(file.value().get(), std::span{content}.subspan(got));
        if (step.what == posix::Moved::failed) return step.why;
        if (step.what != posix::Moved::some) return bad_bytes();
        got += step.bytes;
    }
    BytesIn in{std::string_view{content}.substr(0, 8)};
    const std::string_view request = std::string_view{content}.substr(8);
    if (in.get<std::uint64_t>() != checksum(request)) return bad_bytes();
    return UpdateRequest::from_bytes(request);
}

} // namespace

std::optional<Journal> Journal::write(int maildir, const UpdateRequest& request, bool sync) {
    const UpdateRequest placeless{{}, request.items, request.keep_since};   // the Maildir may be moved meanwhile
    const std::string bytes = placeless.to_bytes();
    const std::string content = BytesOut{}.put(checksum(bytes)).take() + bytes;
    const std::string name = unique_name("buzon-journal");
    Journal journal{maildir, "cur/." + name};
    const auto put_down = [&] { return write_and_rename(maildir, "tmp/" + name, journal.path_, content, sync); };
    std::error_code why = put_down();
    // The index takes more room than any journal, and can be made again.
    if (is_no_room(why) && ::unlinkat(maildir, index_file_name, 0) == 0) why = put_down();
    if (why) return std::nullopt;
    if (!sync) return journal;
    const Result<UniqueFd> cur = open_directory(maildir, "cur");
    if (!cur || sync_directory(cur.value().get())) {
        journal.remove();   // a journal that may be on disk or not promises nothing
        return std::nullopt;
    }
    return journal;
}

void Journal::remove() {
    // Not synced: should it come back after a crash, all of it is found to be done.
    ::unlinkat(maildir_, path_.c_str(), 0);
}

void Journal::replay(int maildir, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        Journal journal{maildir, "cur/" + name};
        const Result<UpdateRequest> request = read(maildir, journal.path_);
        if (!request && request.error().value() != EBADMSG) continue;   // gone, or another time
        if (request) {
            Result<Updater> updater = Updater::open(maildir, request.value().keep_since);
            if (!updater) continue;
            if (updater.value().run(request.value().items).failed != 0 || updater.value().sync()) continue;
        }
        journal.remove();
    }
}

} // namespace buzon::mail
