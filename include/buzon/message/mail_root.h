// message/mail_root.h - the directory below which maildrops lie, and whether it is still the one that it was. An
// unmounted or replaced mail root must not look like one of empty maildrops. Values; no I/O.
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

// A maildrop as its lock knows it.
struct HeldLock {
    std::uint64_t hash = 0; // of the user
    LockKind kind = LockKind::exclusive;

    static void fields(auto& self, auto&& each) { each(self.hash, self.kind); }
};

// Tells one mail root from another that is found at its path later: a file in it that is kept open, so that nobody else
// gets its number.
struct RootMark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool of_locks = true; // of root_mark_file; else of the root itself

    static void fields(auto& self, auto&& each) { each(self.device, self.inode, self.of_locks); }
    friend bool operator==(const RootMark&, const RootMark&) = default;
};
inline constexpr const char* root_mark_file = "buzon-locks/00"; // below the root

struct MailRoot {
    std::string path; // absolute
    RootMark mark;

    static void fields(auto& self, auto&& each) { each(self.path, self.mark); }
};

// The error for a root that has gone: another directory is at its path, or none.
[[nodiscard]] std::error_code root_has_gone() noexcept;
// Why a mail root cannot be used, in words for people. `at_fault`: the path at which it failed.
[[nodiscard]] std::string words_for(std::error_code why, std::string_view at_fault);

// A mail root that is to be used.
struct RootRequest {
    enum class Why : std::uint8_t {
        chosen,  // by an operator: its lock files are made if they are missing
        return_, // of one that had gone: it must have its directory of locks
        locks,   // of the one in use, whose lock files could not be made
    };
    friend constexpr Why last_of(Why) noexcept { return Why::locks; }

    Why why = Why::chosen;
    MailRoot root;              // the mark: with `locks` alone
    std::vector<HeldLock> held; // locks to be taken

    [[nodiscard]] static RootRequest to_choose(std::string path) { return {Why::chosen, {std::move(path), {}}, {}}; }
    static void fields(auto& self, auto&& each) { each(self.why, self.root, self.held); }
};

} // namespace buzon::message
