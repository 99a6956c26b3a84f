#include "buzon/message/update_request.h"

#include <optional>
#include <utility>

#include "buzon/message/bytes.h"
#include "buzon/message/file_name.h"

namespace buzon::message {
namespace {

std::optional<UpdateAction> action_for(const Maildrop& maildrop, MessageNumber number) {
    if (maildrop.deleted(number)) return UpdateAction::remove;
    if (maildrop.snapshot().in_new(Maildrop::index(number))) return UpdateAction::mark_seen;
    return std::nullopt; // retrieved, and already in cur
}

} // namespace

using posix::Result;

UpdateSlices::UpdateSlices(const Maildrop& maildrop, std::string_view maildir, std::int64_t keep_since)
    : maildrop_{maildrop}, at_{maildrop.next_marked({})} {
    BytesOut out;
    out.put_text(maildir);
    out.put_text({}).put(keep_since).put(maildrop.update_count()); // placeless() begins with an empty Maildir
    head_ = out.take();
}

std::string UpdateSlices::next(std::uint32_t messages) {
    const Snapshot& snapshot = maildrop_.snapshot();
    BytesOut out;
    for (; at_ && messages > 0; at_ = maildrop_.next_marked(*at_), --messages) {
        const std::uint32_t index = Maildrop::index(*at_);
        if (const auto action = action_for(maildrop_, *at_))
            out.put_text(snapshot.file_name(index))
                .put(snapshot.in_new(index))
                .put(*action)
                .put(snapshot.telling_inode(index));
    }
    return std::exchange(head_, {}) + out.take();
}

Result<PackedUpdate> PackedUpdate::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    const std::string_view maildir = in.get_view();
    if (in.failed()) return bad_bytes();
    Result<PackedUpdate> request = from_placeless(in.rest());
    if (request) request.value().maildir_ = maildir;
    return request;
}

Result<PackedUpdate> PackedUpdate::from_placeless(std::string_view bytes) {
    BytesIn in{bytes};
    PackedUpdate request;
    request.placeless_ = bytes;
    const bool placeless = in.get_view().empty();
    request.keep_since_ = in.get<std::int64_t>();
    request.count_ = in.get<std::uint32_t>();
    request.items_ = in.rest();
    if (!placeless || in.failed()) return bad_bytes();
    std::uint32_t seen = 0;
    Where where;
    while (const std::optional<Item> item = request.next(where)) {
        if (!is_message_name(item->file_name)) return bad_bytes(); // so nothing outside new and cur is touched
        ++seen;
        if (item->action == UpdateAction::remove) ++request.removals_;
    }
    if (seen != request.count_ || where.at != request.items_.size()) return bad_bytes();
    return request;
}

std::optional<PackedUpdate::Item> PackedUpdate::next(Where& where) const {
    if (where.number == count_) return std::nullopt;
    BytesIn in{items_.substr(where.at)};
    const std::size_t before = in.left();
    Item item;
    item.file_name = in.get_view();
    item.in_new = in.get_bool();
    item.action = static_cast<UpdateAction>(in.get_up_to(static_cast<std::uint8_t>(UpdateAction::mark_seen)));
    item.inode = in.get<std::uint64_t>();
    if (in.failed()) return std::nullopt;
    where.at += before - in.left();
    ++where.number;
    return item;
}

} // namespace buzon::message
