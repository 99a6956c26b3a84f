#include "buzon/mail/open_message.h"
#include "buzon/mail/scan.h"
#include "buzon/mail/update.h"
#include "bytes.h"

namespace buzon::mail {

using posix::Result;

std::string ScanRequest::to_bytes() const {
    const UidlRules& uidl = options.uidl;
    BytesOut out;
    out.put_text(maildir).put(options.write_index).put(options.read_index);
    out.put(uidl.source).put_text(uidl.dovecot_format).put(uidl.order).put(uidl.breaker_percent);
    return out.put(uidl.accept_changes).put(uidl.freeze).take();
}

Result<ScanRequest> ScanRequest::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    ScanRequest request;
    request.maildir = in.get_text();
    request.options.write_index = in.get_bool();
    request.options.read_index = in.get_bool();
    UidlRules& uidl = request.options.uidl;
    uidl.source = static_cast<UidlSource>(in.get_up_to(static_cast<std::uint8_t>(UidlSource::courier)));
    uidl.dovecot_format = in.get_text();
    uidl.order = static_cast<SessionOrder>(in.get_up_to(static_cast<std::uint8_t>(SessionOrder::mtime)));
    uidl.breaker_percent = in.get_up_to(100);
    uidl.accept_changes = in.get_bool();
    uidl.freeze = in.get_bool();
    if (!in.good()) return bad_bytes();
    return request;
}

std::string OpenRequest::to_bytes() const {
    return BytesOut{}.put_text(maildir).put_text(file_name).put(in_new).put(inode).take();
}

Result<OpenRequest> OpenRequest::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    OpenRequest request;
    request.maildir = in.get_text();
    request.file_name = in.get_text();
    request.in_new = in.get_bool();
    request.inode = in.get<std::uint64_t>();
    if (!in.good()) return bad_bytes();
    return request;
}

std::string UpdateRequest::to_bytes() const {
    BytesOut out;
    out.put_text(maildir).put(keep_since).put(static_cast<std::uint32_t>(items.size()));
    for (const Item& item : items) out.put_text(item.file_name).put(item.in_new).put(item.action).put(item.inode);
    return out.take();
}

Result<UpdateRequest> UpdateRequest::from_bytes(std::string_view bytes) {
    constexpr std::size_t smallest_item = 14;
    BytesIn in{bytes};
    UpdateRequest request;
    request.maildir = in.get_text();
    request.keep_since = in.get<std::int64_t>();
    const auto count = in.get<std::uint32_t>();
    if (count > in.left() / smallest_item) return bad_bytes();   // before memory is asked for
    request.items.resize(count);
    for (Item& item : request.items) {
        item.file_name = in.get_text();
        item.in_new = in.get_bool();
        item.action = static_cast<Action>(in.get_up_to(static_cast<std::uint8_t>(Action::mark_seen)));
        item.inode = in.get<std::uint64_t>();
    }
    if (!in.good()) return bad_bytes();
    return request;
}

std::string UpdateOutcome::to_bytes() const {
    return BytesOut{}.put(removed).put(failed).put(moved).put(std::int32_t{first_error.value()}).take();
}

Result<UpdateOutcome> UpdateOutcome::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    UpdateOutcome outcome;
    outcome.removed = in.get<std::uint32_t>();
    outcome.failed = in.get<std::uint32_t>();
    outcome.moved = in.get<std::uint32_t>();
    outcome.first_error = {in.get<std::int32_t>(), std::system_category()};
    if (!in.good()) return bad_bytes();
    return outcome;
}

} // namespace buzon::mail
