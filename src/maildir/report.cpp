#include "buzon/maildir/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "buzon/message/checksum.h"
#include "directory.h"
#include "own_file.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

// One slot of the file.
struct Slot {
    std::uint64_t sum = 0;      // over the rest
    std::uint64_t sequence = 0; // ascending; 0: never used
    std::int64_t began = 0;
    std::int64_t ended = 0;
    std::uint64_t octets_sent = 0;
    std::uint32_t retrieved = 0;
    std::uint32_t deleted = 0;
    std::uint8_t kind = 0;
    std::uint8_t updated = 0;
    char from[46] = {};  // null-terminated
    char label[32] = {}; // null-terminated if it is shorter

    [[nodiscard]] std::uint64_t right_sum() const noexcept {
        return message::checksum(
            {static_cast<const char*>(static_cast<const void*>(this)) + sizeof sum, sizeof(Slot) - sizeof sum});
    }
};
static_assert(sizeof(Slot) == 128);

constexpr std::size_t session_slots = 400;
constexpr std::size_t refused_slots = 100;

using Slots = std::array<Slot, session_slots + refused_slots>;

// Slots that are missing, unused or damaged have sequence 0.
Slots read_slots(int file) {
    Slots slots;
    std::size_t got = 0;
    char* const raw = static_cast<char*>(static_cast<void*>(slots.data()));
    while (got < sizeof slots) {
        const ssize_t n = ::pread(file, raw + got, sizeof slots - got, static_cast<off_t>(got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    for (std::size_t i = 0; i < slots.size(); ++i)
        if ((i + 1) * sizeof(Slot) > got || slots[i].sum != slots[i].right_sum() || slots[i].kind > 2) slots[i] = {};
    return slots;
}

Slot slot_of(const message::SessionRecord& record) {
    Slot slot;
    slot.began = record.began;
    slot.ended = record.ended;
    slot.octets_sent = record.octets_sent;
    slot.retrieved = record.retrieved;
    slot.deleted = record.deleted;
    slot.kind = static_cast<std::uint8_t>(record.kind);
    slot.updated = record.updated ? 1 : 0;
    record.from.copy(slot.from, sizeof slot.from - 1);
    record.label.copy(slot.label, sizeof slot.label);
    return slot;
}

message::SessionRecord record_of(const Slot& slot) {
    const auto text = [](const auto& room) {
        return std::string{std::begin(room), std::find(std::begin(room), std::end(room), '\0')};
    };
    return {static_cast<message::SessionRecord::Kind>(slot.kind),
            slot.updated != 0,
            slot.began,
            slot.ended,
            slot.retrieved,
            slot.deleted,
            slot.octets_sent,
            text(slot.from),
            text(slot.label)};
}

// Chooses the slot for the record: the newest one, if `record` can be merged with the record in it (then it becomes the
// merged one); otherwise the oldest or an empty one.
std::size_t place(const Slots& slots, message::SessionRecord& record) {
    const bool refused = record.kind == message::SessionRecord::Kind::refused_login;
    const std::size_t first = refused ? session_slots : 0, end = refused ? slots.size() : session_slots;
    std::size_t oldest = first, newest = first;
    for (std::size_t i = first; i < end; ++i) {
        if (slots[i].sequence < slots[oldest].sequence) oldest = i;
        if (slots[i].sequence > slots[newest].sequence) newest = i;
    }
    if (slots[newest].sequence == 0) return oldest;
    message::SessionRecord before = record_of(slots[newest]);
    if (!before.merge(record)) return oldest;
    record = before;
    return newest;
}

std::uint64_t last_sequence(const Slots& slots) {
    std::uint64_t last = 0;
    for (const Slot& one : slots) last = std::max(last, one.sequence);
    return last;
}

Result<UniqueFd> open_locked(const std::string& maildir) {
    const Result<UniqueFd> root = open_maildir(maildir);
    if (!root) return root.error();
    struct stat about {};
    Result<UniqueFd> file = open_own(root.value().get(), report_file_name, O_RDWR | O_CREAT, about);
    if (!file) return file;
    if (const std::error_code why = lock_own(file.value().get())) return why;
    return file;
}

} // namespace

std::error_code record_sessions(const std::string& maildir, std::span<const message::SessionRecord> records) {
    const Result<UniqueFd> file = open_locked(maildir);
    if (!file) return file.error();
    Slots slots = read_slots(file.value().get());
    std::uint64_t sequence = last_sequence(slots);
    for (message::SessionRecord record : records) {
        const std::size_t at = place(slots, record);
        Slot& slot = slots[at];
        slot = slot_of(record);
        slot.sequence = ++sequence;
        slot.sum = slot.right_sum();
        // Writes one slot in one call: a crash loses at most this record.
        const ssize_t n = ::pwrite(file.value().get(), &slot, sizeof slot, static_cast<off_t>(at * sizeof slot));
        if (n == sizeof slot) continue;
        return n < 0 ? last_error() : std::error_code{ENOSPC, std::system_category()};
    }
    return {};
}

Result<std::vector<message::SessionRecord>> read_report(const std::string& maildir, std::int64_t since) {
    std::vector<message::SessionRecord> records;
    const Result<UniqueFd> root = open_maildir(maildir);
    if (!root) return root.error();
    struct stat about {};
    const Result<UniqueFd> file = open_own(root.value().get(), report_file_name, O_RDONLY, about);
    if (!file && file.error().value() == ENOENT) return records;
    if (!file) return file.error();
    Slots slots = read_slots(file.value().get());
    std::sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) { return a.sequence < b.sequence; });
    for (const Slot& slot : slots)
        if (slot.sequence != 0 && slot.ended >= since) records.push_back(record_of(slot));
    return records;
}

namespace {

void append_time(std::int64_t when, std::string& text) {
    const auto time = static_cast<std::time_t>(when);
    std::tm parts{};
    char written[32];
    if (::gmtime_r(&time, &parts) == nullptr) return;
    text.append(written, std::strftime(written, sizeof written, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

void append_field(std::string_view name, std::uint64_t value, std::string& text) {
    text.append(name).append(std::to_string(value));
}

void append_label(const message::SessionRecord& record, std::string& text) {
    if (!record.label.empty()) text.append(" secret=").append(record.label);
}

} // namespace

std::string report_lines(std::span<const message::SessionRecord> records) {
    std::string text;
    for (const message::SessionRecord& record : records) {
        append_time(record.began, text);
        switch (record.kind) {
        case message::SessionRecord::Kind::session:
            text.append(" session from=").append(record.from);
            append_field(
                " seconds=", static_cast<std::uint64_t>(std::max<std::int64_t>(record.ended - record.began, 0)), text);
            append_field(" retr=", record.retrieved, text);
            append_field(" dele=", record.deleted, text);
            append_field(" bytes=", record.octets_sent, text);
            text += record.updated ? " end=quit" : " end=lost";
            append_label(record, text);
            break;
        case message::SessionRecord::Kind::idle:
        case message::SessionRecord::Kind::refused_login:
            text.append(record.kind == message::SessionRecord::Kind::idle ? " idle" : " refused")
                .append(" from=")
                .append(record.from);
            append_field(" times=", record.retrieved, text);
            text += " until=";
            append_time(record.ended, text);
            append_label(record, text);
            break;
        }
        text += "\r\n";
    }
    return text;
}

} // namespace buzon::maildir
