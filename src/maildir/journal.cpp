#include "journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <span>

#include "buzon/maildir/scan.h"
#include "buzon/message/bytes.h"
#include "buzon/message/checksum.h"
#include "buzon/posix/io.h"
#include "directory.h"
#include "own_file.h"
#include "updater.h"

namespace buzon::maildir {
namespace {

using posix::Result;
using posix::UniqueFd;

constexpr std::size_t largest = std::size_t{1} << 30; // enough for a million names of maximum length

std::error_code damaged() noexcept {
    return {EBADMSG, std::system_category()};
}

// Returns the request in the journal: PackedUpdate::placeless().
Result<std::string> read(int cur, const std::string& name) {
    struct stat about {};
    const Result<UniqueFd> file = open_own(cur, name.c_str(), O_RDONLY, about);
    if (!file) return file.error();
    if (about.st_size < 8 || static_cast<std::size_t>(about.st_size) > largest) return message::bad_bytes();
    const posix::UniqueFd& open = file.value();
    const auto take = [&open](std::span<char> into) -> std::error_code {
        for (std::size_t got = 0; got < into.size();) {
            const posix::Transfer step = posix::read_some(open.get(), into.subspan(got));
            if (step.what == posix::Moved::failed) return step.why;
            if (step.what != posix::Moved::some) return message::bad_bytes();
            got += step.bytes;
        }
        return {};
    };
    std::uint64_t sum = 0;
    std::string request(static_cast<std::size_t>(about.st_size) - sizeof sum, '\0');
    char head[sizeof sum];
    if (const std::error_code why = take(head)) return why;
    if (const std::error_code why = take(request)) return why;
    std::memcpy(&sum, head, sizeof sum);
    if (sum != message::checksum(request)) return message::bad_bytes();
    return request;
}

} // namespace

std::optional<Journal> Journal::write(int maildir, std::string_view request, bool sync) {
    const std::string head = message::BytesOut{}.put(message::checksum(request)).take();
    const std::string_view content[] = {head, request};
    const std::string name = unique_name("buzon-journal");
    const Result<UniqueFd> tmp = open_folder(maildir, "tmp");
    Result<UniqueFd> cur = open_folder(maildir, "cur");
    if (!tmp || !cur) return std::nullopt;
    Journal journal{std::move(cur).value(), '.' + name};
    const FileAt to{journal.cur_.get(), journal.name_};
    const auto put_down = [&] { return write_and_rename({tmp.value().get(), name}, to, content, sync); };
    std::error_code why = put_down();
    // The index takes more space than any journal, and can be rebuilt.
    if (is_no_room(why) && ::unlinkat(maildir, index_file_name, 0) == 0) why = put_down();
    if (why) return std::nullopt;
    if (sync && sync_directory(journal.cur_.get())) {
        journal.remove(); // a journal that may or may not be on disk is no guarantee
        return std::nullopt;
    }
    return journal;
}

void Journal::remove() {
    // Not synced: if it reappears after a crash, everything in it turns out to be done already.
    ::unlinkat(cur_.get(), name_.c_str(), 0);
}

void Journal::replay(int maildir, int cur, const std::vector<std::string>& names, std::vector<std::string>& discarded) {
    for (const std::string& name : names) {
        const Result<std::string> bytes = read(cur, name);
        const Result<message::PackedUpdate> request =
            bytes ? message::PackedUpdate::from_placeless(bytes.value()) : bytes.error();
        if (request) {
            Result<Updater> updater = Updater::open(maildir, request.value().keep_since());
            if (!updater) continue;
            if (updater.value().run(request.value()).failed != 0 || updater.value().sync()) continue;
        } else if (request.error() == not_ours() || request.error() == damaged()) {
            discarded.push_back(name);
        } else {
            continue; // it is gone, or can be read another time
        }
        ::unlinkat(cur, name.c_str(), 0);
    }
}

} // namespace buzon::maildir
