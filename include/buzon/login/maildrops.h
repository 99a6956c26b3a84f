// login/maildrops.h - caches the snapshots of maildrops and shares them between logins. Workers read the directories.
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
    // `max_memory`: octets of snapshots kept in addition to those in use.
    Maildrops(event::EventLoop& loop, worker::Pool& disk, state::Metrics& metrics, std::size_t max_memory);
    Maildrops(const Maildrops&) = delete;
    Maildrops& operator=(const Maildrops&) = delete;
    ~Maildrops();

    // Waits for one snapshot. Destroying it cancels the wait; a scan without waiters is abandoned.
    class Waiter {
    public:
        using OnSnapshot = std::function<void(SnapshotResult)>;
        explicit Waiter(OnSnapshot then) : then_{std::move(then)} {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();
        // What the scan that this waiter waited for reported in addition to its result.
        [[nodiscard]] const message::ScanFindings& findings() const noexcept { return findings_; }
        // Sets the callback for another call of open().
        void hear(OnSnapshot then) { then_ = std::move(then); }

    private:
        friend class Maildrops;
        OnSnapshot then_;
        Maildrops* owner_ = nullptr;
        std::string path_;
        message::ScanFindings findings_;
    };

    // Sets where UIDLs and the message order come from for future logins. Snapshots made under other rules are not
    // reused.
    void use(message::UidlRules rules);

    // Sets the current mail root. If it has gone, a scan fails with message::root_has_gone().
    void use(const message::MailRoot& root);

    // This process may touch no maildrop. By default it may touch those for which its workers act as the same user.
    void touch_none() noexcept { touches_ = false; }

    // Returns the snapshot if an unchanged one is cached; otherwise returns null and notifies `waiter` later. Creates
    // the maildrop if it is missing, unless it is a folder: then no_such_folder(). `owner`: as far as known. `control`:
    // where Dovecot kept its UID list, if not in the Maildir.
    [[nodiscard]] std::shared_ptr<const message::Snapshot> open(const std::string& maildir, const posix::Ids& owner,
                                                                std::string_view control, Waiter& waiter,
                                                                bool folder = false);

    // The file system of a maildrop or another path, from its last scan or from the mount table.
    [[nodiscard]] std::uint64_t file_system_of(const std::string& path);
    // Whether the reactor may hold its messages open: they are known to be on a local file system.
    [[nodiscard]] bool is_local(const std::string& maildir) const;
    // Whether the reactor has the right to look at it and to open its messages.
    [[nodiscard]] bool may_touch(const std::string& maildir, const posix::Ids& owner) const {
        return touches_ && !(disk_.by_owner() && disk_.alone(maildir, owner));
    }

    [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

private:
    struct Known;
    using Entry = std::pair<const std::string, Known>; // by path
    struct Known {
        std::shared_ptr<const message::Snapshot> snapshot;
        posix::FileSystem disk;
        event::Instant at_hand_until{}; // until then stat() of its directories does not block
        Entry* before = nullptr;        // neighbours in order of use: those used just before and just after it
        Entry* behind = nullptr;
    };
    struct Scan {
        worker::Pending answer;
        std::vector<Waiter*> waiters;
        event::Instant began{};
    };

    [[nodiscard]] std::shared_ptr<const message::Snapshot> current(const std::string& maildir, const posix::Ids& owner);
    void start(const std::string& maildir, const posix::Ids& owner, std::string_view control, bool folder, Scan& scan);
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
    event::Instant root_at_hand_until_{}; // until then stat() of it does not block
    message::UidlRules rules_;
    std::uint64_t rules_digest_ = rules_.digest();
    bool touches_ = true;
    std::size_t max_memory_;
    std::size_t memory_ = 0;
    std::unordered_map<std::string, Known> known_;
    Entry* first_used_ = nullptr; // the least recently used entry
    Entry* last_used_ = nullptr;
    std::unordered_map<std::string, Scan> scans_;
    std::vector<Waiter*> unheard_; // waiters that have not been told yet about a scan that has ended
};

} // namespace buzon::login
