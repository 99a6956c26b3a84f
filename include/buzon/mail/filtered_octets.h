// mail/filtered_octets.h - how many octets messages have for a client once a transformation has passed them: what
// earlier sessions saw, kept beside the mail. Knows no programs: a transformation is a key that its owner made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/mail/snapshot.h"
#include "buzon/posix/result.h"

namespace buzon::mail {

// Beside cur, new and tmp. Only a cache: whoever deletes it makes LIST tell stored sizes again until the next RETR.
inline constexpr const char* filtered_file_name = "buzon-filtered";

// One message and what came of it. The first three say which it is, as those of a Snapshot do.
struct FilteredMessage {
    std::uint64_t inode = 0;
    std::uint64_t stored_size = 0;
    std::int64_t mtime_ns = 0;
    std::uint64_t octets = 0; // as a client received them (contract section 2)

    [[nodiscard]] bool operator==(const FilteredMessage&) const = default;
};
using FilteredMessages = std::vector<FilteredMessage>;
// By key of the transformation.
using FilteredBatch = std::map<std::string, FilteredMessages>;

// What is known about the messages of one snapshot. Immutable.
class FilteredOctets {
public:
    // Of several entries about one message the last counts. nullptr: none is about a message of this snapshot. `key`:
    // of the transformation that they are about.
    [[nodiscard]] static std::shared_ptr<const FilteredOctets>
    of(const Snapshot& snapshot, std::span<const FilteredMessage> messages, std::string_view key);

    // By the message's place in the snapshot.
    [[nodiscard]] std::optional<std::uint64_t> octets(std::uint32_t index) const noexcept;
    // Whether it says just that, about this transformation.
    [[nodiscard]] bool says(std::string_view key, std::uint32_t index, std::uint64_t octets) const noexcept {
        return key == key_ && this->octets(index) == octets;
    }
    // Of all messages, with the snapshot's own number where no other is known.
    [[nodiscard]] std::uint64_t total_octets() const noexcept { return total_; }

private:
    friend class FilteredMatch;
    struct One {
        std::uint32_t index;
        std::uint64_t octets;
    };
    std::vector<One> known_; // by index
    std::string key_;
    std::uint64_t total_ = 0;
};

// The making of FilteredOctets::of() in slices: a million messages are not looked up in one go. Snapshot and
// messages are borrowed.
class FilteredMatch {
public:
    FilteredMatch(const Snapshot& snapshot, std::span<const FilteredMessage> messages, std::string_view key);

    // So many steps, of an entry or a message each. True: there is more to do.
    [[nodiscard]] bool go_on(std::size_t steps);
    // What came of it, when there is no more to do.
    [[nodiscard]] std::shared_ptr<const FilteredOctets> result();

private:
    [[nodiscard]] std::size_t place_of(std::uint64_t inode) const noexcept;
    void note(std::uint32_t entry);
    [[nodiscard]] const FilteredMessage* find(std::uint64_t inode) const noexcept;

    const Snapshot& snapshot_;
    std::span<const FilteredMessage> messages_;
    std::vector<std::uint32_t> slots_; // of entries, by inode
    std::size_t entries_left_;
    std::uint32_t next_ = 0; // message of the snapshot
    std::shared_ptr<FilteredOctets> made_;
};

// These two wait for disks: for a worker.

// What is on file about one transformation; empty as well when there is no file or anything about it is odd.
[[nodiscard]] FilteredMessages read_filtered(const std::string& maildir, std::string_view key);

struct FilteredLimits {
    std::size_t messages = 65'536; // of all transformations together: 2 MiB
    std::size_t transformations = 8;
};
// Adds to the file; what is new counts. Entries about messages that the maildrop's index does not know go, then the
// oldest beyond the limits. The file is replaced whole or stays as it was. Two who do this at once: one of them may
// have done it in vain.
[[nodiscard]] std::error_code add_filtered(const std::string& maildir, const FilteredBatch& batch,
                                           const FilteredLimits& limits = {});

// A batch as it travels to a worker.
struct FilteredRequest {
    std::string maildir;
    FilteredBatch batch;

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<FilteredRequest> from_bytes(std::string_view bytes); // EBADMSG
};
// The answer to read_filtered(), there and back.
[[nodiscard]] std::string to_bytes(const FilteredMessages& messages);
[[nodiscard]] std::optional<FilteredMessages> filtered_from_bytes(std::string_view bytes);

} // namespace buzon::mail
