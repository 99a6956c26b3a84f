#include "buzon/message/search_request.h"

#include "buzon/message/file_name.h"
#include "buzon/message/header.h"

namespace buzon::message {
namespace {

constexpr std::uint32_t max_examined = 4096; // in one turn of the reactor: less than a millisecond

} // namespace

SearchRequest SearchRequest::slice(const Maildrop& maildrop, std::string maildir, std::string text,
                                   const SearchCriteria& criteria, MessageNumber& after, std::uint32_t max_items) {
    SearchRequest request{std::move(maildir), std::move(text), {}};
    const Snapshot& snapshot = maildrop.snapshot();
    std::uint32_t examined = 0;
    for (auto at = maildrop.next_live(after); at && request.items.size() < max_items && examined < max_examined;
         at = maildrop.next_live(*at)) {
        after = *at;
        ++examined;
        const std::uint32_t i = Maildrop::index(*at);
        if (!criteria.may_match(snapshot.octets(i), delivery_time(snapshot.base_name(i), snapshot.mtime_ns(i))))
            continue;
        request.items.push_back({static_cast<std::uint32_t>(*at), std::string{snapshot.file_name(i)},
                                 snapshot.in_new(i), snapshot.telling_inode(i), snapshot.octets(i),
                                 snapshot.mtime_ns(i)});
    }
    return request;
}

} // namespace buzon::message
