// mail/search_maildrop.h - reads the headers for a SEARCH, one slice of the maildrop at a time. Waits for disks: runs
// in a worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/mail/maildrop.h"
#include "buzon/mail/search.h"
#include "buzon/posix/result.h"

namespace buzon::mail {

// Part of a maildrop, small enough that the others in the worker's queue need not wait long.
struct SearchRequest {
    struct Item {
        std::uint32_t number = 0; // as the session counts
        std::string file_name;
        bool in_new = false;
        std::uint64_t inode = 0;
        std::uint64_t octets = 0;
        std::int64_t mtime_ns = 0;
    };
    std::string maildir;
    std::string criteria; // as SearchCriteria::parse takes them
    std::vector<Item> items;

    // Up to `most` live messages behind `after` that match as far as can be told without their headers. `after` becomes
    // the last one looked at, which is no more than some thousands further on. `text` is what `criteria` were made of.
    [[nodiscard]] static SearchRequest slice(const Maildrop& maildrop, std::string maildir, std::string text,
                                             const SearchCriteria& criteria, MessageNumber& after, std::uint32_t most);
    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<SearchRequest> from_bytes(std::string_view bytes); // EBADMSG
};

// The numbers that match, ascending. Messages that are gone or cannot be read do not match; of a header no more than
// 256 KiB is looked at. EINVAL for criteria that cannot be parsed.
[[nodiscard]] posix::Result<std::vector<std::uint32_t>> search(const SearchRequest& request);

[[nodiscard]] std::string to_bytes(const std::vector<std::uint32_t>& numbers);
[[nodiscard]] posix::Result<std::vector<std::uint32_t>> numbers_from_bytes(std::string_view bytes);

} // namespace buzon::mail
