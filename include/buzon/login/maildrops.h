// login/maildrops.h - the maildrops in use: their snapshots, shared between logins, and who holds which. Reads no
// directory itself: workers do.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/message/mail_root.h"
#include "buzon/message/scan_request.h"
#include "buzon/message/snapshot.h"
#include "buzon/message/uidl_rules.h"
#include "buzon/posix/mounts.h"
#include "buzon/posix/result.h"
#include "buzon/state/metrics.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

using SnapshotResult = posix::Result<std::shared_ptr<const message::Snapshot>>;

class Maildrops {
public:
    // `max_memory`: octets of snapshots kept beside those in use.
    Maildrops(event::EventLoop& loop, worker::Pool& disk, state::Metrics& metrics, std::size_t max_memory);
    Maildrops(const Maildrops&) = delete;
    Maildrops& operator=(const Maildrops&) = delete;
    ~Maildrops();

    // The wait for one snapshot; destroying it gives it up. When nobody waits any more, the scan is abandoned.
    class Waiter {
    public:
        using OnSnapshot = std::function<void(SnapshotResult)>;
        explicit Waiter(OnSnapshot then) : then_{std::move(then)} {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();
        // What the scan had to say beside its result, once it has been made for this wait.
        [[nodiscard]] const message::ScanFindings& findings() const noexcept { return findings_; }
        // What it hears when it is given to open() once more.
        void hear(OnSnapshot then) { then_ = std::move(then); }

    private:
        friend class Maildrops;
        OnSnapshot then_;
        Maildrops* owner_ = nullptr;
        std::string path_;
        message::ScanFindings findings_;
    };

    // Where UIDLs and the order come from, for logins from now on. Snapshots made under other rules are not used again.
    void use(message::UidlRules rules);

    // The mail root in force. Where it has gone, a scan ends with mail::root_has_gone().
    void use(const message::MailRoot& root);

    // Gives the snapshot at once when an unchanged one is at hand; else nothing, and `waiter` hears later.
    // A maildrop that is missing is made. `control`: where Dovecot kept its list of ids, if not there.
    [[nodiscard]] std::shared_ptr<const message::Snapshot> open(const std::string& maildir, std::string_view control,
                                                                Waiter& waiter);

    // Where a maildrop or another path lies: as the last scan has found, or as the table of mounts says.
    [[nodiscard]] std::uint64_t file_system_of(const std::string& path);
    // Whether the reactor may look at its messages itself: they are known to lie on a file system of this machine.
    [[nodiscard]] bool is_local(const std::string& maildir) const;

    // Forget what is known of a maildrop's metadata being in memory: the next login asks a worker.
    void touched(const std::string& maildir);
    [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

private:
    struct Known;
    using Entry = std::pair<const std::string, Known>; // by path
    struct Known {
        std::shared_ptr<const message::Snapshot> snapshot;
        posix::FileSystem disk;
        event::Instant at_hand_until{}; // until then stat() of its directories does not wait
        Entry* before = nullptr;        // in the order of use: the one used before it, and the one behind it
        Entry* behind = nullptr;
    };
    struct Scan {
        worker::Pending answer;
        std::vector<Waiter*> waiters;
        event::Instant began{};
    };

    [[nodiscard]] std::shared_ptr<const message::Snapshot> current(const std::string& maildir);
    void start(const std::string& maildir, std::string_view control, Scan& scan);
    void scanned(const std::string& maildir, worker::Answer answer);
    [[nodiscard]] SnapshotResult take_in(const std::string& maildir, worker::Answer answer,
                                         message::ScanFindings& findings);
    void keep(const std::string& maildir, std::shared_ptr<const message::Snapshot> snapshot, posix::FileSystem disk);
    void forget(const std::string& maildir);
    void give_up(Waiter& waiter);
    void put_last(Entry& entry) noexcept;
    void take_out(Entry& entry) noexcept;

    event::EventLoop& loop_;
    worker::Pool& disk_;
    posix::Mounts mounts_;
    state::Metrics& metrics_;
    message::MailRoot root_;
    event::Instant root_at_hand_until_{}; // until then stat() of it does not wait
    message::UidlRules rules_;
    std::uint64_t rules_digest_ = rules_.digest();
    std::size_t max_memory_;
    std::size_t memory_ = 0;
    std::unordered_map<std::string, Known> known_;
    Entry* first_used_ = nullptr; // least recently
    Entry* last_used_ = nullptr;
    std::unordered_map<std::string, Scan> scans_;
};

} // namespace buzon::login
