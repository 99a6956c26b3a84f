#include "buzon/mail/search_maildrop.h"

#include "buzon/mail/header.h"
#include "buzon/mail/open_message.h"
#include "buzon/posix/io.h"
#include "bytes.h"
#include "file_name.h"

namespace buzon::mail {
namespace {

using posix::Result;

constexpr std::size_t largest_header = 256 * 1024;
constexpr std::uint32_t most_looked_at = 4096; // in one turn of the reactor: less than a millisecond
constexpr std::size_t piece_size = 8 * 1024;   // more than most headers have

// Reads until the blank line is in it.
std::string_view read_header(int file, std::string& buffer) {
    for (std::size_t size = 0;;) {
        if (buffer.size() < size + piece_size) buffer.resize(size + piece_size);
        const posix::Transfer step = posix::read_some(file, std::span{buffer}.subspan(size));
        size += step.bytes;
        const std::string_view all{buffer.data(), size};
        const std::string_view header = header_of(all);
        if (step.what != posix::Moved::some || header.size() < all.size() || size >= largest_header) return header;
    }
}

} // namespace

SearchRequest SearchRequest::slice(const Maildrop& maildrop, std::string maildir, std::string text,
                                   const SearchCriteria& criteria, MessageNumber& after, std::uint32_t most) {
    SearchRequest request{std::move(maildir), std::move(text), {}};
    const Snapshot& snapshot = maildrop.snapshot();
    std::uint32_t looked_at = 0;
    for (auto at = maildrop.next_live(after); at && request.items.size() < most && looked_at < most_looked_at;
         at = maildrop.next_live(*at)) {
        after = *at;
        ++looked_at;
        const std::uint32_t i = Maildrop::index(*at);
        if (!criteria.may_match(snapshot.octets(i), delivery_time(snapshot.base_name(i), snapshot.mtime_ns(i))))
            continue;
        request.items.push_back({static_cast<std::uint32_t>(*at), std::string{snapshot.file_name(i)},
                                 snapshot.in_new(i), snapshot.telling_inode(i), snapshot.octets(i),
                                 snapshot.mtime_ns(i)});
    }
    return request;
}

std::string SearchRequest::to_bytes() const {
    BytesOut out;
    out.put_text(maildir).put_text(criteria).put(static_cast<std::uint32_t>(items.size()));
    for (const Item& item : items) {
        out.put(item.number).put_text(item.file_name).put(item.in_new);
        out.put(item.inode).put(item.octets).put(item.mtime_ns);
    }
    return out.take();
}

Result<SearchRequest> SearchRequest::from_bytes(std::string_view bytes) {
    constexpr std::size_t smallest_item = 33;
    BytesIn in{bytes};
    SearchRequest request;
    request.maildir = in.get_text();
    request.criteria = in.get_text();
    const auto count = in.get<std::uint32_t>();
    if (count > in.left() / smallest_item) return bad_bytes();
    request.items.resize(count);
    for (Item& item : request.items) {
        item.number = in.get<std::uint32_t>();
        item.file_name = in.get_text();
        item.in_new = in.get_bool();
        item.inode = in.get<std::uint64_t>();
        item.octets = in.get<std::uint64_t>();
        item.mtime_ns = in.get<std::int64_t>();
    }
    if (!in.good()) return bad_bytes();
    return request;
}

Result<std::vector<std::uint32_t>> search(const SearchRequest& request) {
    const auto parsed = SearchCriteria::parse(request.criteria);
    const SearchCriteria* const criteria = std::get_if<SearchCriteria>(&parsed);
    if (criteria == nullptr) return std::error_code{EINVAL, std::system_category()};
    const Result<MessageOpener> opener = MessageOpener::of(request.maildir);
    std::vector<std::uint32_t> numbers;
    std::string buffer;
    for (const SearchRequest::Item& item : request.items) {
        SearchFacts facts{item.octets, delivery_time(base_name(item.file_name), item.mtime_ns)};
        if (!criteria->may_match(facts.octets, facts.delivered)) continue;
        if (criteria->needs_header()) {
            if (!opener) continue;
            const Result<posix::UniqueFd> file = opener.value().open(item.file_name, item.in_new, item.inode);
            if (!file) continue;
            facts.header = read_header(file.value().get(), buffer);
        }
        if (criteria->matches(facts)) numbers.push_back(item.number);
    }
    return numbers;
}

std::string to_bytes(const std::vector<std::uint32_t>& numbers) {
    BytesOut out;
    for (const std::uint32_t number : numbers) out.put(number);
    return out.take();
}

Result<std::vector<std::uint32_t>> numbers_from_bytes(std::string_view bytes) {
    if (bytes.size() % sizeof(std::uint32_t) != 0) return bad_bytes();
    BytesIn in{bytes};
    std::vector<std::uint32_t> numbers(bytes.size() / sizeof(std::uint32_t));
    for (std::uint32_t& number : numbers) number = in.get<std::uint32_t>();
    return numbers;
}

} // namespace buzon::mail
