#include "buzon/maildir/search_maildrop.h"

#include "buzon/maildir/open_message.h"
#include "buzon/message/file_name.h"
#include "buzon/message/header.h"
#include "buzon/posix/io.h"

namespace buzon::maildir {
namespace {

using posix::Result;

constexpr std::size_t largest_header = 256 * 1024;
constexpr std::size_t piece_size = 8 * 1024; // longer than most headers

// Reads until the blank line.
std::string_view read_header(int file, std::string& buffer) {
    for (std::size_t size = 0;;) {
        if (buffer.size() < size + piece_size) buffer.resize(size + piece_size);
        const posix::Transfer step = posix::read_some(file, std::span{buffer}.subspan(size));
        size += step.bytes;
        const std::string_view all{buffer.data(), size};
        const std::string_view header = message::header_of(all);
        if (step.what != posix::Moved::some || header.size() < all.size() || size >= largest_header) return header;
    }
}

} // namespace

Result<std::vector<std::uint32_t>> search(const message::SearchRequest& request) {
    const auto parsed = message::SearchCriteria::parse(request.criteria);
    const message::SearchCriteria* const criteria = std::get_if<message::SearchCriteria>(&parsed);
    if (criteria == nullptr) return std::error_code{EINVAL, std::system_category()};
    const Result<MessageOpener> opener = MessageOpener::of(request.maildir);
    std::vector<std::uint32_t> numbers;
    std::string buffer;
    for (const message::SearchRequest::Item& item : request.items) {
        message::SearchFacts facts{item.octets,
                                   message::delivery_time(message::base_name(item.file_name), item.mtime_ns)};
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

} // namespace buzon::maildir
