// The process behind a StallingFileSystem: answers the kernel's FUSE requests from a directory, one after the other,
// and holds back those that are to hang until told to release them (linux/fuse.h; Documentation/filesystems/fuse.rst).
#include "support/stalling_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace buzon::test {
namespace {

constexpr std::size_t request_size = 64 * 1024;
constexpr std::size_t max_read = 128 * 1024;

std::string_view name_of(std::uint32_t opcode) {
    switch (opcode) {
    case FUSE_LOOKUP: return "lookup";
    case FUSE_GETATTR: return "getattr";
    case FUSE_SETATTR: return "setattr";
    case FUSE_OPEN: return "open";
    case FUSE_CREATE: return "create";
    case FUSE_READ: return "read";
    case FUSE_WRITE: return "write";
    case FUSE_RELEASE: return "close";
    case FUSE_FLUSH: return "flush";
    case FUSE_FSYNC: return "fsync";
    case FUSE_OPENDIR: return "opendir";
    case FUSE_READDIR: return "readdir";
    case FUSE_FSYNCDIR: return "fsyncdir";
    case FUSE_RENAME:
    case FUSE_RENAME2: return "rename";
    case FUSE_UNLINK: return "unlink";
    case FUSE_MKDIR: return "mkdir";
    case FUSE_RMDIR: return "rmdir";
    case FUSE_LINK: return "link";
    case FUSE_STATFS: return "statfs";
    default: return "";
    }
}

// One request as the kernel wrote it: a header, the operation's arguments, names and data.
class Request {
public:
    explicit Request(std::vector<char> octets) : octets_{std::move(octets)} {}

    [[nodiscard]] fuse_in_header header() const { return at<fuse_in_header>(0); }
    template <class T>
    [[nodiscard]] T arguments() const {
        return at<T>(sizeof(fuse_in_header));
    }
    // The text after arguments of this size; `which` selects the first or the second one.
    [[nodiscard]] std::string name(std::size_t size_of_arguments, int which = 0) const {
        const char* text = octets_.data() + sizeof(fuse_in_header) + size_of_arguments;
        if (which == 1) text += std::strlen(text) + 1;
        return text;
    }
    [[nodiscard]] const char* data(std::size_t size_of_arguments) const {
        return octets_.data() + sizeof(fuse_in_header) + size_of_arguments;
    }
    // The name by which a test makes it hang.
    [[nodiscard]] std::string_view operation() const {
        const std::uint32_t opcode = header().opcode;
        if (opcode != FUSE_SETLK && opcode != FUSE_SETLKW) return name_of(opcode);
        return arguments<fuse_lk_in>().lk.type == F_UNLCK ? "unlock" : "lock";
    }

private:
    template <class T>
    [[nodiscard]] T at(std::size_t offset) const {
        T value{};
        std::memcpy(&value, octets_.data() + offset, sizeof value);
        return value;
    }
    std::vector<char> octets_; // ends with a NUL that the kernel did not send
};

struct LockedRange {
    std::uint64_t owner, file, start, end;
    std::uint32_t type;
};

class StallingServer {
public:
    StallingServer(int device, int control, std::string backing)
        : device_{device}, control_{control}, backing_{std::move(backing)} {
        nodes_[FUSE_ROOT_ID] = "";
    }
    void run();

private:
    [[nodiscard]] bool take_command();
    [[nodiscard]] bool take_request();
    void answer(const Request& request);
    void reply(const Request& request, int error, const void* data = nullptr, std::size_t size = 0);
    template <class T>
    void reply_with(const Request& request, const T& value) {
        reply(request, 0, &value, sizeof value);
    }
    void reply_done(const Request& request, int result) { reply(request, result < 0 ? errno : 0); }

    [[nodiscard]] std::string path(std::uint64_t node) const {
        const auto found = nodes_.find(node);
        return backing_ + (found == nodes_.end() ? std::string{"/no-such-node"} : found->second);
    }
    [[nodiscard]] std::string below(std::uint64_t parent, const std::string& name) const {
        return path(parent) + "/" + name;
    }
    [[nodiscard]] bool make_entry(const std::string& where, fuse_entry_out& entry);
    void enter(const Request& request, const std::string& where);

    void begin(const Request& request);
    void get_attributes(const Request& request);
    void set_attributes(const Request& request);
    void open(const Request& request, int flags);
    void create(const Request& request);
    void read(const Request& request);
    void write(const Request& request);
    void close(const Request& request);
    void read_directory(const Request& request);
    void rename(const Request& request, std::size_t size_of_arguments, std::uint64_t target, std::uint32_t flags);
    void link(const Request& request);
    void lock(const Request& request);
    void measure(const Request& request);

    int device_;
    int control_;
    std::string backing_;
    std::map<std::uint64_t, std::string> nodes_; // path below backing_: "" or "/…"
    std::map<std::pair<dev_t, ino_t>, std::uint64_t> known_;
    std::map<std::uint64_t, std::vector<LockedRange>> locks_; // by node
    std::uint64_t next_node_ = FUSE_ROOT_ID + 1;
    std::set<std::string> stalled_;
    std::vector<Request> hanging_;
};

void StallingServer::run() {
    for (;;) {
        pollfd ready[] = {{device_, POLLIN, 0}, {control_, POLLIN, 0}};
        if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
        if (ready[1].revents != 0 && !take_command()) return;
        if (ready[0].revents != 0 && !take_request()) return;
    }
}

// "stall OPERATION", "release" or "hanging"; the answer is "done", or a number for "hanging".
bool StallingServer::take_command() {
    char text[64] = {};
    if (::recv(control_, text, sizeof text - 1, 0) <= 0) return false;
    const std::string command = text;
    std::string answer_text = "done";
    if (command.starts_with("stall "))
        stalled_.insert(command.substr(6));
    else if (command == "hanging")
        answer_text = std::to_string(hanging_.size());
    else {
        stalled_.clear();
        for (const Request& request : std::exchange(hanging_, {})) answer(request);
    }
    return ::send(control_, answer_text.data(), answer_text.size(), MSG_NOSIGNAL) > 0;
}

bool StallingServer::take_request() {
    std::vector<char> octets(request_size + 1);
    const ssize_t size = ::read(device_, octets.data(), request_size);
    if (size < 0) return errno == EINTR || errno == EAGAIN || errno == ENOENT; // ENODEV: unmounted
    octets.resize(static_cast<std::size_t>(size) + 1);
    octets.back() = '\0';
    Request request{std::move(octets)};
    const std::string operation{request.operation()};
    if (!operation.empty() && (stalled_.contains(operation) || stalled_.contains("all"))) {
        hanging_.push_back(std::move(request));
    } else {
        answer(request);
    }
    return true;
}

void StallingServer::reply(const Request& request, int error, const void* data, std::size_t size) {
    fuse_out_header header{};
    header.unique = request.header().unique;
    header.error = -error;
    header.len = static_cast<std::uint32_t>(sizeof header + size);
    const iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(data), size}};
    (void)!::writev(device_, parts, size > 0 ? 2 : 1); // the caller may have been killed by now
}

void StallingServer::answer(const Request& request) {
    const fuse_in_header header = request.header();
    const auto here = [&](std::size_t arguments) { return below(header.nodeid, request.name(arguments)); };
    switch (header.opcode) {
    case FUSE_INIT: return begin(request);
    case FUSE_DESTROY: return reply(request, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return; // not answered: a file server that hangs does not hear of interruptions either
    case FUSE_LOOKUP: return enter(request, here(0));
    case FUSE_GETATTR: return get_attributes(request);
    case FUSE_SETATTR: return set_attributes(request);
    case FUSE_OPEN: return open(request, static_cast<int>(request.arguments<fuse_open_in>().flags));
    case FUSE_OPENDIR: return open(request, O_RDONLY | O_DIRECTORY);
    case FUSE_CREATE: return create(request);
    case FUSE_READ: return read(request);
    case FUSE_WRITE: return write(request);
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return close(request);
    case FUSE_FLUSH: return reply(request, 0);
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR: return reply_done(request, ::fsync(static_cast<int>(request.arguments<fuse_fsync_in>().fh)));
    case FUSE_READDIR: return read_directory(request);
    case FUSE_UNLINK: return reply_done(request, ::unlink(here(0).c_str()));
    case FUSE_RMDIR: return reply_done(request, ::rmdir(here(0).c_str()));
    case FUSE_MKDIR: {
        const std::string made = here(sizeof(fuse_mkdir_in));
        if (::mkdir(made.c_str(), request.arguments<fuse_mkdir_in>().mode) != 0) return reply(request, errno);
        return enter(request, made);
    }
    case FUSE_RENAME: return rename(request, sizeof(fuse_rename_in), request.arguments<fuse_rename_in>().newdir, 0);
    case FUSE_RENAME2: {
        const auto wanted = request.arguments<fuse_rename2_in>();
        return rename(request, sizeof wanted, wanted.newdir, wanted.flags);
    }
    case FUSE_LINK: return link(request);
    case FUSE_SETLK:
    case FUSE_SETLKW: return lock(request);
    case FUSE_STATFS: return measure(request);
    default: return reply(request, ENOSYS);
    }
}

void StallingServer::begin(const Request& request) {
    const auto wanted = request.arguments<fuse_init_in>();
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = FUSE_KERNEL_MINOR_VERSION;
    out.max_readahead = wanted.max_readahead;
    out.flags = FUSE_POSIX_LOCKS | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC | FUSE_MAX_PAGES;
    out.max_write = 32 * 1024;
    out.max_pages = max_read / 4096;
    out.max_background = 64;
    out.congestion_threshold = 64;
    out.time_gran = 1;
    reply_with(request, out);
}

fuse_attr attributes_of(const struct stat& status) {
    fuse_attr out{};
    out.ino = status.st_ino;
    out.size = static_cast<std::uint64_t>(status.st_size);
    out.blocks = static_cast<std::uint64_t>(status.st_blocks);
    out.atime = static_cast<std::uint64_t>(status.st_atim.tv_sec);
    out.mtime = static_cast<std::uint64_t>(status.st_mtim.tv_sec);
    out.ctime = static_cast<std::uint64_t>(status.st_ctim.tv_sec);
    out.atimensec = static_cast<std::uint32_t>(status.st_atim.tv_nsec);
    out.mtimensec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    out.ctimensec = static_cast<std::uint32_t>(status.st_ctim.tv_nsec);
    out.mode = status.st_mode;
    out.nlink = static_cast<std::uint32_t>(status.st_nlink);
    out.uid = status.st_uid;
    out.gid = status.st_gid;
    out.blksize = 4096;
    return out;
}

bool StallingServer::make_entry(const std::string& where, fuse_entry_out& entry) {
    struct stat status {};
    if (::lstat(where.c_str(), &status) != 0) return false;
    std::uint64_t& node = known_[{status.st_dev, status.st_ino}];
    if (node == 0) node = next_node_++;
    nodes_[node] = where.substr(backing_.size());
    entry = {};
    entry.nodeid = node;
    entry.attr = attributes_of(status); // no caching: each lookup is a request
    return true;
}

void StallingServer::enter(const Request& request, const std::string& where) {
    fuse_entry_out entry{};
    if (!make_entry(where, entry)) return reply(request, errno);
    reply_with(request, entry);
}

void StallingServer::get_attributes(const Request& request) {
    const auto wanted = request.arguments<fuse_getattr_in>();
    struct stat status {};
    const bool open = (wanted.getattr_flags & FUSE_GETATTR_FH) != 0;
    const int result =
        open ? ::fstat(static_cast<int>(wanted.fh), &status) : ::lstat(path(request.header().nodeid).c_str(), &status);
    if (result != 0) return reply(request, errno);
    fuse_attr_out out{};
    out.attr = attributes_of(status);
    reply_with(request, out);
}

void StallingServer::set_attributes(const Request& request) {
    const auto wanted = request.arguments<fuse_setattr_in>();
    const std::string where = path(request.header().nodeid);
    int result = 0;
    if ((wanted.valid & FATTR_SIZE) != 0) result |= ::truncate(where.c_str(), static_cast<off_t>(wanted.size));
    if ((wanted.valid & FATTR_MODE) != 0) result |= ::chmod(where.c_str(), wanted.mode & 07777);
    if ((wanted.valid & (FATTR_UID | FATTR_GID)) != 0) {
        result |= ::lchown(where.c_str(), (wanted.valid & FATTR_UID) != 0 ? wanted.uid : static_cast<uid_t>(-1),
                           (wanted.valid & FATTR_GID) != 0 ? wanted.gid : static_cast<gid_t>(-1));
    }
    if ((wanted.valid & (FATTR_ATIME | FATTR_MTIME)) != 0) {
        const auto time = [&](std::uint32_t given, std::uint32_t now, std::uint64_t seconds, std::uint32_t part) {
            if ((wanted.valid & given) == 0) return timespec{0, UTIME_OMIT};
            if ((wanted.valid & now) != 0) return timespec{0, UTIME_NOW};
            return timespec{static_cast<time_t>(seconds), static_cast<long>(part)};
        };
        const timespec times[] = {time(FATTR_ATIME, FATTR_ATIME_NOW, wanted.atime, wanted.atimensec),
                                  time(FATTR_MTIME, FATTR_MTIME_NOW, wanted.mtime, wanted.mtimensec)};
        result |= ::utimensat(AT_FDCWD, where.c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
    if (result != 0) return reply(request, errno);
    struct stat status {};
    if (::lstat(where.c_str(), &status) != 0) return reply(request, errno);
    fuse_attr_out out{};
    out.attr = attributes_of(status);
    reply_with(request, out);
}

void StallingServer::open(const Request& request, int flags) {
    const int file = ::open(path(request.header().nodeid).c_str(), (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);
    if (file < 0) return reply(request, errno);
    fuse_open_out out{};
    out.fh = static_cast<std::uint64_t>(file);
    reply_with(request, out);
}

void StallingServer::create(const Request& request) {
    const auto wanted = request.arguments<fuse_create_in>();
    const std::string where = below(request.header().nodeid, request.name(sizeof wanted));
    const int file = ::open(where.c_str(), static_cast<int>(wanted.flags) | O_CREAT | O_CLOEXEC, wanted.mode);
    if (file < 0) return reply(request, errno);
    struct {
        fuse_entry_out entry;
        fuse_open_out open;
    } out{};
    if (!make_entry(where, out.entry)) return reply(request, errno);
    out.open.fh = static_cast<std::uint64_t>(file);
    reply_with(request, out);
}

void StallingServer::read(const Request& request) {
    const auto wanted = request.arguments<fuse_read_in>();
    std::vector<char> octets(std::min<std::size_t>(wanted.size, max_read));
    const ssize_t size =
        ::pread(static_cast<int>(wanted.fh), octets.data(), octets.size(), static_cast<off_t>(wanted.offset));
    if (size < 0) return reply(request, errno);
    reply(request, 0, octets.data(), static_cast<std::size_t>(size));
}

void StallingServer::write(const Request& request) {
    const auto wanted = request.arguments<fuse_write_in>();
    const ssize_t size = ::pwrite(static_cast<int>(wanted.fh), request.data(sizeof wanted), wanted.size,
                                  static_cast<off_t>(wanted.offset));
    if (size < 0) return reply(request, errno);
    fuse_write_out out{};
    out.size = static_cast<std::uint32_t>(size);
    reply_with(request, out);
}

void StallingServer::close(const Request& request) {
    const auto wanted = request.arguments<fuse_release_in>();
    const auto held = locks_.find(request.header().nodeid);
    if (held != locks_.end()) std::erase_if(held->second, [&](const LockedRange& l) { return l.file == wanted.fh; });
    ::close(static_cast<int>(wanted.fh));
    reply(request, 0);
}

void StallingServer::read_directory(const Request& request) {
    const auto wanted = request.arguments<fuse_read_in>();
    const int copy = ::openat(static_cast<int>(wanted.fh), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const directory = copy < 0 ? nullptr : ::fdopendir(copy);
    if (directory == nullptr) return reply(request, errno);
    std::vector<char> out;
    if (wanted.offset != 0) ::seekdir(directory, static_cast<long>(wanted.offset));
    while (const dirent* const found = ::readdir(directory)) {
        fuse_dirent entry{};
        const std::size_t length = std::strlen(found->d_name);
        const std::size_t padded = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
        if (out.size() + padded > wanted.size) break;
        entry.ino = found->d_ino;
        entry.off = static_cast<std::uint64_t>(::telldir(directory));
        entry.namelen = static_cast<std::uint32_t>(length);
        entry.type = found->d_type;
        const std::size_t at = out.size();
        out.resize(at + padded);
        std::memcpy(out.data() + at, &entry, FUSE_NAME_OFFSET);
        std::memcpy(out.data() + at + FUSE_NAME_OFFSET, found->d_name, length);
    }
    ::closedir(directory);
    reply(request, 0, out.data(), out.size());
}

void StallingServer::rename(const Request& request, std::size_t size_of_arguments, std::uint64_t target,
                            std::uint32_t flags) {
    const std::string from = below(request.header().nodeid, request.name(size_of_arguments));
    const std::string to = below(target, request.name(size_of_arguments, 1));
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) return reply(request, errno);
    const std::string old_place = from.substr(backing_.size());
    for (auto& [node, place] : nodes_) {
        if (place == old_place || place.starts_with(old_place + "/"))
            place = to.substr(backing_.size()) + place.substr(old_place.size());
    }
    reply(request, 0);
}

void StallingServer::link(const Request& request) {
    const std::string from = path(request.arguments<fuse_link_in>().oldnodeid);
    const std::string to = below(request.header().nodeid, request.name(sizeof(fuse_link_in)));
    if (::link(from.c_str(), to.c_str()) != 0) return reply(request, errno);
    enter(request, to);
}

// Byte-range locks as the kernel asks for them; a conflict fails at once, nothing waits.
void StallingServer::lock(const Request& request) {
    const auto wanted = request.arguments<fuse_lk_in>();
    std::vector<LockedRange>& held = locks_[request.header().nodeid];
    const auto meets = [&](const LockedRange& other) {
        return other.start <= wanted.lk.end && wanted.lk.start <= other.end;
    };
    if (wanted.lk.type != F_UNLCK) {
        const bool refused = std::any_of(held.begin(), held.end(), [&](const LockedRange& other) {
            return other.owner != wanted.owner && meets(other) && (other.type == F_WRLCK || wanted.lk.type == F_WRLCK);
        });
        if (refused) return reply(request, EAGAIN);
    }
    std::vector<LockedRange> kept;
    for (const LockedRange& range : held) {
        if (range.owner != wanted.owner || !meets(range)) {
            kept.push_back(range);
            continue;
        }
        if (range.start < wanted.lk.start)
            kept.push_back({range.owner, range.file, range.start, wanted.lk.start - 1, range.type});
        if (range.end > wanted.lk.end)
            kept.push_back({range.owner, range.file, wanted.lk.end + 1, range.end, range.type});
    }
    if (wanted.lk.type != F_UNLCK)
        kept.push_back({wanted.owner, wanted.fh, wanted.lk.start, wanted.lk.end, wanted.lk.type});
    held = std::move(kept);
    reply(request, 0);
}

void StallingServer::measure(const Request& request) {
    struct statfs found {};
    if (::statfs(backing_.c_str(), &found) != 0) return reply(request, errno);
    fuse_statfs_out out{};
    out.st.blocks = found.f_blocks;
    out.st.bfree = found.f_bfree;
    out.st.bavail = found.f_bavail;
    out.st.files = found.f_files;
    out.st.ffree = found.f_ffree;
    out.st.bsize = 4096;
    out.st.namelen = 255;
    out.st.frsize = 4096;
    reply_with(request, out);
}

} // namespace

void serve_stalling(int device, int control, const std::string& backing) {
    StallingServer{device, control, backing}.run();
}

} // namespace buzon::test
