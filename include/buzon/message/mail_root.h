// message/mail_root.h - identifies the directory that contains the maildrops, so that an unmounted or replaced mail
// root is not mistaken for one with empty maildrops. Values only; no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace buzon::message {

enum class LockKind : std::uint8_t { exclusive, shared };
constexpr LockKind last_of(LockKind) noexcept {
    return LockKind::shared;
}

// A maildrop, as identified by its lock.
struct HeldLock {
    std::uint64_t hash = 0; // of the user
    LockKind kind = LockKind::exclusive;

    static void fields(auto& self, auto&& each) { each(self.hash, self.kind); }
};

// Distinguishes a mail root from another one later found at the same path, by a file in it. The file is kept open, so
// that its inode number is not reused.
struct RootMark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool of_locks = true; // the inode is that of root_mark_file; false: of the root itself

    static void fields(auto& self, auto&& each) { each(self.device, self.inode, self.of_locks); }
    friend bool operator==(const RootMark&, const RootMark&) = default;
};
inline constexpr const char* root_mark_file = "buzon-locks/00"; // relative to the root

struct MailRoot {
    std::string path; // absolute
    RootMark mark;

    static void fields(auto& self, auto&& each) { each(self.path, self.mark); }
};

// The error if a root has gone: its path is missing or leads to another directory.
[[nodiscard]] std::error_code root_has_gone() noexcept;
// The error if a folder of a Maildir is missing or is a link.
[[nodiscard]] std::error_code no_such_folder() noexcept;
// Why a mail root cannot be used, in words for people. `at_fault`: the path that caused the error.
[[nodiscard]] std::string words_for(std::error_code why, std::string_view at_fault);

// A request to use a mail root.
struct RootRequest {
    enum class Why : std::uint8_t {
        chosen,  // an operator chose this root: creates missing lock files
        return_, // the root had gone and may be back: it must contain its lock directory
        locks,   // tries again to create the lock files of the current root
    };
    friend constexpr Why last_of(Why) noexcept { return Why::locks; }

    Why why = Why::chosen;
    MailRoot root;              // only with `locks`: the mark
    std::vector<HeldLock> held; // locks to take

    [[nodiscard]] static RootRequest to_choose(std::string path) { return {Why::chosen, {std::move(path), {}}, {}}; }
    static void fields(auto& self, auto&& each) { each(self.why, self.root, self.held); }
};

} // namespace buzon::message
