#include "buzon/mail/mail_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "buzon/mail/scan.h"
#include "bytes.h"

namespace buzon::mail {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

namespace {

bool shows(const RootMark& mark, const struct stat& about) noexcept {
    return about.st_dev == mark.device && about.st_ino == mark.inode;
}

void put_held(BytesOut& out, const std::vector<HeldLock>& locks) {
    out.put(static_cast<std::uint32_t>(locks.size()));
    for (const HeldLock& one : locks) out.put(one.hash).put(one.kind);
}

std::vector<HeldLock> get_held(BytesIn& in) {
    std::vector<HeldLock> locks;
    for (auto count = in.get<std::uint32_t>(); count > 0 && !in.failed(); --count) {
        HeldLock one;
        one.hash = in.get<std::uint64_t>();
        one.kind = static_cast<LockKind>(in.get_up_to(static_cast<std::uint8_t>(LockKind::shared)));
        locks.push_back(one);
    }
    return locks;
}

void put_root(BytesOut& out, const MailRoot& root) {
    out.put_text(root.path).put(root.mark.device).put(root.mark.inode).put(root.mark.of_locks);
}

MailRoot get_root(BytesIn& in) {
    MailRoot root;
    root.path = in.get_text();
    root.mark.device = in.get<std::uint64_t>();
    root.mark.inode = in.get<std::uint64_t>();
    root.mark.of_locks = in.get_bool();
    return root;
}

Result<std::string> absolute(const std::string& path) {
    std::error_code why;
    std::string whole = std::filesystem::absolute(path, why).lexically_normal().string();
    if (why) return why;
    while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
    return whole;
}

} // namespace

std::error_code root_has_gone() noexcept {
    return {ENOMEDIUM, std::system_category()}; // no file system says so of a directory
}

Result<UniqueFd> open_root(const MailRoot& root) {
    UniqueFd folder{::open(root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat about {};
    if (!folder) return root_has_gone();
    const bool looked = root.mark.of_locks ? ::fstatat(folder.get(), root_mark_file, &about, AT_SYMLINK_NOFOLLOW) == 0
                                           : ::fstat(folder.get(), &about) == 0;
    if (!looked || !shows(root.mark, about)) return root_has_gone();
    return folder;
}

bool is_there(const MailRoot& root) {
    struct stat about {};
    const std::string path = root.mark.of_locks ? root.path + '/' + root_mark_file : root.path;
    return ::stat(path.c_str(), &about) == 0 && shows(root.mark, about);
}

std::error_code create_maildir_below(const MailRoot& root, const std::string& maildir) {
    const Result<UniqueFd> folder = open_root(root);
    if (!folder) return folder.error();
    const std::string below = root.path == "/" ? root.path : root.path + '/';
    if (!maildir.starts_with(below) || maildir.size() == below.size()) return create_maildir(maildir);
    return create_maildir(maildir.substr(below.size()), folder.value().get());
}

std::string RootRequest::to_bytes() const {
    BytesOut out;
    out.put(why);
    put_root(out, root);
    put_held(out, held);
    return out.take();
}

Result<RootRequest> RootRequest::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    RootRequest request;
    request.why = static_cast<Why>(in.get_up_to(static_cast<std::uint8_t>(Why::locks)));
    request.root = get_root(in);
    request.held = get_held(in);
    if (!in.good()) return bad_bytes();
    return request;
}

std::string OpenedRoot::to_bytes() const {
    BytesOut out;
    put_root(out, root);
    put_held(out, taken);
    return out.take();
}

Result<OpenedRoot> OpenedRoot::from_bytes(std::string_view bytes, int bundle) {
    BytesIn in{bytes};
    OpenedRoot opened;
    opened.root = get_root(in);
    opened.taken = get_held(in);
    if (!in.good()) return bad_bytes();
    Result<LockFiles> files = LockFiles::unbundle(bundle, opened.root.mark);
    if (!files) return files.error();
    opened.files = std::move(files).value();
    return opened;
}

Result<OpenedRoot> open_mail_root(const RootRequest& request, std::string& at_fault) {
    at_fault = request.root.path;
    Result<std::string> path = absolute(request.root.path);
    if (!path) return path.error();
    OpenedRoot opened;
    opened.root.path = std::move(path).value();
    // Opened for reading: a directory that we may not read is of no use.
    UniqueFd folder{::open(opened.root.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return last_error();
    if (request.why == RootRequest::Why::locks) {
        Result<UniqueFd> same = open_root(request.root);
        if (!same) return same.error();
        folder = std::move(same).value();
    }
    at_fault = opened.root.path + "/buzon-locks";
    Result<LockFiles> files = LockFiles::open(folder.get(), request.why != RootRequest::Why::return_);
    if (!files) return files.error();
    opened.files = std::move(files).value();
    opened.root.mark = opened.files.mark();
    for (const HeldLock& one : request.held)
        if (!opened.files.lock(one)) opened.taken.push_back(one);
    return opened;
}

Result<OpenedRoot> open_without_locks(const std::string& path) {
    Result<LockFiles> none = LockFiles::none(path);
    if (!none) return none.error();
    OpenedRoot opened;
    opened.root = {path, none.value().mark()};
    opened.files = std::move(none).value();
    return opened;
}

} // namespace buzon::mail
