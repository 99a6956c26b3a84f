// message/search_request.h - the requests that a SEARCH sends to workers: one slice of the maildrop each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "buzon/message/maildrop.h"
#include "buzon/message/search.h"

namespace buzon::message {

// Part of a maildrop, small enough that jobs behind it in the queue do not wait long.
struct SearchRequest {
    struct Item {
        std::uint32_t number = 0; // the session's message number
        std::string file_name;
        bool in_new = false;
        std::uint64_t inode = 0;
        std::uint64_t octets = 0;
        std::int64_t mtime_ns = 0;

        static void fields(auto& self, auto&& each) {
            each(self.number, self.file_name, self.in_new, self.inode, self.octets, self.mtime_ns);
        }
    };
    std::string maildir;
    std::string criteria; // as passed to SearchCriteria::parse
    std::vector<Item> items;

    // Selects up to `max_items` live messages after `after` that may match, judged without their headers. Sets `after`
    // to the last message examined, which is at most a few thousand further on. `text`: what `criteria` was parsed
    // from.
    [[nodiscard]] static SearchRequest slice(const Maildrop& maildrop, std::string maildir, std::string text,
                                             const SearchCriteria& criteria, MessageNumber& after,
                                             std::uint32_t max_items);
    static void fields(auto& self, auto&& each) { each(self.maildir, self.criteria, self.items); }
};

} // namespace buzon::message
