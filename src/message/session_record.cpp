#include "buzon/message/session_record.h"

namespace buzon::message {
namespace {

constexpr std::int64_t hour = 3600, day = 24 * hour;

} // namespace

bool SessionRecord::merge(const SessionRecord& next) noexcept {
    const bool alike = kind == next.kind && kind != Kind::session && from == next.from && label == next.label;
    if (!alike || next.ended - ended >= hour || UINT32_MAX - retrieved < next.retrieved) return false;
    if (kind == Kind::idle && next.ended - began >= day) return false;
    ended = next.ended;
    retrieved += next.retrieved;
    octets_sent += next.octets_sent;
    updated = next.updated;
    return true;
}

} // namespace buzon::message
