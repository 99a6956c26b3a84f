#include "buzon/login/maildrops.h"

#include <algorithm>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"
#include "buzon/local/freshness.h"

namespace buzon::login {
namespace {
using namespace std::chrono_literals;

// How long to assume that the kernel keeps a directory's inode in memory after its last use. After that stat() could
// block, so a worker calls it.
constexpr auto metadata_stays = 30s;
} // namespace

Maildrops::Waiter::~Waiter() {
    if (owner_) owner_->give_up(*this);
}

Maildrops::Maildrops(event::EventLoop& loop, worker::Pool& disk, state::Metrics& metrics, std::size_t max_memory)
    : loop_{loop}, disk_{disk}, metrics_{metrics}, max_memory_{max_memory} {}

Maildrops::~Maildrops() {
    for (auto& [path, scan] : scans_) {
        for (Waiter* waiter : scan.waiters) waiter->owner_ = nullptr;
    }
}

std::shared_ptr<const message::Snapshot> Maildrops::open(const std::string& maildir, const posix::Ids& owner,
                                                         std::string_view control, Waiter& waiter, bool folder) {
    if (auto snapshot = current(maildir, owner)) return snapshot;
    waiter.path_ = maildir;
    const auto [found, fresh] = scans_.try_emplace(maildir);
    Scan& scan = found->second;
    waiter.owner_ = this; // from here on the destructor undoes an unfinished registration
    scan.waiters.push_back(&waiter);
    // A scan in progress may have read the directories before the latest delivery. A waiter that joins now still gets
    // its result, because a session sees the maildrop as of some moment during its login.
    if (fresh) start(maildir, owner, control, folder, scan);
    return nullptr;
}

void Maildrops::use(message::UidlRules rules) {
    rules_ = std::move(rules);
    rules_digest_ = rules_.digest();
}

void Maildrops::use(const message::MailRoot& root) {
    root_ = root;
    root_at_hand_until_ = {};
}

std::uint64_t Maildrops::file_system_of(const std::string& path) {
    const auto found = known_.find(path);
    return found == known_.end() ? mounts_.of(path).number : found->second.disk.number;
}

bool Maildrops::is_local(const std::string& maildir) const {
    const auto found = known_.find(maildir);
    return found != known_.end() && found->second.disk.local;
}

std::shared_ptr<const message::Snapshot> Maildrops::current(const std::string& maildir, const posix::Ids& owner) {
    const auto found = known_.find(maildir);
    if (found == known_.end()) return nullptr;
    Known& known = found->second;
    if (loop_.now() > std::min(known.at_hand_until, root_at_hand_until_)) return nullptr;
    if (known.snapshot->rules() != rules_digest_ || !may_touch(maildir, owner)) return nullptr;
    const auto now = local::stamps(maildir);
    if (!now || !known.snapshot->is_current(now.value())) return nullptr;
    if (!local::is_there(root_)) return nullptr;
    known.at_hand_until = root_at_hand_until_ = loop_.now() + metadata_stays;
    take_out(*found);
    put_last(*found);
    return known.snapshot;
}

void Maildrops::start(const std::string& maildir, const posix::Ids& owner, std::string_view control, bool folder,
                      Scan& scan) {
    message::UidlRules rules = rules_;
    rules.dovecot_control = control;
    scan.began = event::Clock::now();
    scan.answer =
        disk_.submit(jobs::order_for(owner, jobs::Scan{root_, maildir, !folder, {.uidl = std::move(rules)}, folder}),
                     [this, maildir](worker::Answer answer) { scanned(maildir, std::move(answer)); });
}

void Maildrops::scanned(const std::string& maildir, worker::Answer answer) {
    auto node = scans_.extract(maildir);
    if (node.empty()) return;
    Scan& scan = node.mapped();
    metrics_.scan_time.observe(static_cast<state::Count>(
        std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - scan.began).count()));
    message::ScanFindings findings;
    SnapshotResult result = std::make_error_code(std::errc::not_enough_memory); // every waiter gets a result
    event::guarded([&] { result = take_in(maildir, std::move(answer), findings); }, [] {});
    unheard_ = std::move(scan.waiters);
    std::reverse(unheard_.begin(), unheard_.end()); // the first is told first
    // A waiter's callback may destroy other waiters, which remove themselves from the list (give_up).
    while (!unheard_.empty()) {
        Waiter& waiter = *unheard_.back();
        unheard_.pop_back();
        waiter.owner_ = nullptr;
        event::guarded([&] { waiter.findings_ = findings; }, [&] { waiter.findings_ = {}; });
        const Waiter::OnSnapshot then = std::exchange(waiter.then_, nullptr);
        event::guarded([&] { then(result); }, [] {}); // the others must still hear of it
    }
}

SnapshotResult Maildrops::take_in(const std::string& maildir, worker::Answer answer, message::ScanFindings& findings) {
    auto said = jobs::read<jobs::Scan>(answer);
    findings = std::move(said.answer.findings);
    if (said.why) {
        forget(maildir);
        return said.why;
    }
    SnapshotResult snapshot = message::Snapshot::from_fd(std::move(answer.fd), false);
    if (snapshot) keep(maildir, snapshot.value(), {said.answer.where, said.answer.maildir_is_local});
    if (said.answer.root_is_local) root_at_hand_until_ = loop_.now() + metadata_stays;
    return snapshot;
}

void Maildrops::keep(const std::string& maildir, std::shared_ptr<const message::Snapshot> snapshot,
                     posix::FileSystem disk) {
    forget(maildir);
    const std::size_t memory = snapshot->memory();
    const event::Instant until = disk.local ? loop_.now() + metadata_stays : event::Instant{};
    put_last(*known_.try_emplace(maildir, Known{std::move(snapshot), disk, until}).first);
    memory_ += memory;
    while (memory_ > max_memory_ && first_used_ != last_used_) forget(first_used_->first);
}

// `maildir` may be the key of the entry itself.
void Maildrops::forget(const std::string& maildir) {
    const auto found = known_.find(maildir);
    if (found == known_.end()) return;
    memory_ -= found->second.snapshot->memory();
    take_out(*found);
    known_.erase(found);
}

void Maildrops::put_last(Entry& entry) noexcept {
    entry.second.before = last_used_;
    entry.second.behind = nullptr;
    (last_used_ ? last_used_->second.behind : first_used_) = &entry;
    last_used_ = &entry;
}

void Maildrops::take_out(Entry& entry) noexcept {
    Entry* const before = entry.second.before;
    Entry* const behind = entry.second.behind;
    (before ? before->second.behind : first_used_) = behind;
    (behind ? behind->second.before : last_used_) = before;
}

void Maildrops::give_up(Waiter& waiter) {
    std::erase(unheard_, &waiter);
    const auto found = scans_.find(waiter.path_);
    if (found == scans_.end()) return;
    std::erase(found->second.waiters, &waiter);
    if (found->second.waiters.empty()) scans_.erase(found); // cancels the job
}

} // namespace buzon::login
