#include "buzon/daemon/filtered_sizes.h"

#include <utility>

#include "buzon/daemon/jobs.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// Of FilteredOctets: a place, a number.
constexpr std::size_t octets_a_message = 16;
// Some 0.5 ms.
constexpr std::size_t steps_of_one_slice = 10'000;
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
    drop.job =
        disk_.submit(add_filtered_job(request.to_bytes()), [this, maildir](worker::Answer) { written(maildir); });
}

void FilteredSizes::written(const std::string& maildir) {
    const auto found = drops_.find(maildir);
    if (found == drops_.end()) return;
    found->second.writing = nullptr;
    if (found->second.count > 0)
        write(maildir, found->second);
    else
        drops_.erase(found);
}

std::unique_ptr<FilteredSizes::LookUp> FilteredSizes::look_up(const std::string& maildir,
                                                              const filter::FilterSpec& spec,
                                                              std::shared_ptr<const mail::Snapshot> snapshot,
                                                              OnKnown then) {
    auto made = std::make_unique<LookUp>(*this, maildir, std::move(snapshot), std::move(then));
    made->job_ = disk_.submit(read_filtered_job(maildir, spec.text()), [one = made.get()](worker::Answer answer) {
        one->answered(read_filtered_answer(answer));
    });
    return made;
}

FilteredSizes::LookUp::LookUp(FilteredSizes& owner, const std::string& maildir,
                              std::shared_ptr<const mail::Snapshot> snapshot, OnKnown then)
    : owner_{owner}, maildir_{maildir}, snapshot_{std::move(snapshot)}, then_{std::move(then)} {
    const auto found = owner.drops_.find(maildir);
    if (found == owner.drops_.end()) return;
    writing_ = found->second.writing;
    fresh_ = found->second.fresh;
}

void FilteredSizes::LookUp::answered(FilteredAnswer known) {
    known_ = std::move(known);
    if (writing_) append(*writing_, known_.key, known_.messages);
    append(fresh_, known_.key, known_.messages);
    match_.emplace(*snapshot_, known_.messages, known_.key);
    run();
}

void FilteredSizes::LookUp::run() {
    if (match_->go_on(steps_of_one_slice)) return owner_.loop_.next_turn(*this);
    Octets octets = match_->result();
    const bool as_on_file = !writing_ && fresh_.empty();
    if (as_on_file && known_.local && !known_.key.empty()) {
        owner_.keep(maildir_, {std::move(known_.key), known_.stamp, owner_.loop_.now(), snapshot_, octets,
                               known_.messages.size() * octets_a_message});
    }
    const OnKnown then = std::move(then_);
    then(std::move(octets)); // last: we may be gone now
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
