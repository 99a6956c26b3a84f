#include "buzon/daemon/filtered_sizes.h"

#include <utility>

#include "buzon/daemon/jobs.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// Of FilteredOctets: a place, a number.
constexpr std::size_t octets_a_message = 16;
// As long as the kernel is trusted with the directories of a Maildir (maildrops.cpp).
constexpr auto metadata_stays = 30s;

void append(const mail::FilteredBatch& batch, const std::string& key, mail::FilteredMessages& messages) {
    const auto found = batch.find(key);
    if (found != batch.end()) messages.insert(messages.end(), found->second.begin(), found->second.end());
}

} // namespace

void FilteredSizes::learned(const std::string& maildir, const std::string& key, const mail::FilteredMessage& message) {
    if (waiting_ >= most_waiting) return;
    Drop& drop = drops_[maildir];
    drop.fresh[key].push_back(message);
    ++drop.count;
    ++waiting_;
    if (drop.count >= flush_at && !drop.writing) write(maildir, drop);
}

void FilteredSizes::flush(const std::string& maildir) {
    const auto found = drops_.find(maildir);
    // While a job is under way the rest follows behind it: two at once could undo each other's work.
    if (found != drops_.end() && !found->second.writing) write(maildir, found->second);
}

void FilteredSizes::write(const std::string& maildir, Drop& drop) {
    waiting_ -= std::exchange(drop.count, 0);
    const mail::FilteredRequest request{maildir, std::exchange(drop.fresh, {})};
    drop.writing = std::make_shared<const mail::FilteredBatch>(request.batch);
    drop.job = disk_.submit(add_filtered_job(request.to_bytes()), [this, maildir](worker::Answer) { written(maildir); });
}

void FilteredSizes::written(const std::string& maildir) {
    const auto found = drops_.find(maildir);
    if (found == drops_.end()) return;
    found->second.writing = nullptr;
    if (found->second.count > 0) write(maildir, found->second);
    else drops_.erase(found);
}

worker::Pending FilteredSizes::look_up(const std::string& maildir, const filter::FilterSpec& spec,
                                       std::shared_ptr<const mail::Snapshot> snapshot, OnKnown then) {
    // As of now: whatever is not in the file yet when the worker reads it is in one of these.
    std::shared_ptr<const mail::FilteredBatch> writing;
    mail::FilteredBatch fresh;
    if (const auto found = drops_.find(maildir); found != drops_.end()) {
        writing = found->second.writing;
        fresh = found->second.fresh;
    }
    return disk_.submit(read_filtered_job(maildir, spec.text()),
                        [this, maildir, snapshot = std::move(snapshot), then = std::move(then),
                         writing = std::move(writing), fresh = std::move(fresh)](worker::Answer answer) {
                            FilteredAnswer known = read_filtered_answer(answer);
                            const bool as_on_file = !writing && fresh.empty();
                            if (writing) append(*writing, known.key, known.messages);
                            append(fresh, known.key, known.messages);
                            Octets octets = mail::FilteredOctets::of(*snapshot, known.messages, known.key);
                            if (as_on_file && known.local && !known.key.empty()) {
                                keep(maildir, {std::move(known.key), known.stamp, loop_.now(), snapshot, octets,
                                               known.messages.size() * octets_a_message});
                            }
                            then(std::move(octets));   // last: who asked may be gone now
                        });
}

std::optional<FilteredSizes::Octets> FilteredSizes::at_hand(const std::string& maildir, const filter::FilterSpec& spec,
                                                            const std::shared_ptr<const mail::Snapshot>& snapshot) {
    const auto found = kept_.find(maildir);
    if (found == kept_.end() || drops_.contains(maildir)) return std::nullopt;
    Kept& kept = found->second;
    if (loop_.now() - kept.looked > metadata_stays || kept.snapshot.lock() != snapshot) return std::nullopt;
    if (mail::filtered_stamp(maildir) != kept.stamp || filter::identity(spec) != kept.key) return std::nullopt;
    kept.looked = loop_.now();
    return kept.octets;
}

void FilteredSizes::keep(const std::string& maildir, Kept kept) {
    const auto cost = [](const std::string& path, const Kept& one) {
        return path.size() + sizeof(Kept) + one.key.size() + one.cost;
    };
    if (const auto old = kept_.find(maildir); old != kept_.end()) {
        kept_octets_ -= cost(maildir, old->second);
        kept_.erase(old);
    }
    const std::size_t more = cost(maildir, kept);
    if (kept_octets_ + more > most_kept) {
        kept_.clear();
        kept_octets_ = 0;
    }
    kept_octets_ += more;
    kept_.emplace(maildir, std::move(kept));
}

} // namespace buzon::daemon
