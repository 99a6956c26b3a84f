#include "naming.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "buzon/maildir/trash.h"
#include "buzon/message/checksum.h"
#include "buzon/message/file_name.h"
#include "directory.h"
#include "foreign_list.h"
#include "frozen_list.h"
#include "own_file.h"
#include "trash_folder.h"

namespace buzon::maildir {
namespace {

// Lines of a list examined per base name. More of them are no accident, and each would cost a comparison with every
// file of that name.
constexpr std::size_t max_namesakes = 1000;
constexpr std::uint32_t unlisted = std::numeric_limits<std::uint32_t>::max();

// The hashes of all UIDLs assigned so far. If two texts share a hash, the second one only loses its first choice.
class TakenUidls {
public:
    // At most half full, so that a search ends soon.
    explicit TakenUidls(std::size_t entries) : slots_(std::bit_ceil(std::max<std::size_t>(entries * 2, 16))) {}

    [[nodiscard]] bool take(std::string_view uidl) {
        const std::uint64_t hash = message::checksum(uidl) | 1; // 0 means free
        for (std::size_t at = hash >> 1;; ++at) {
            std::uint64_t& slot = slots_[at & (slots_.size() - 1)];
            if (slot == hash) return false;
            if (slot == 0) {
                slot = hash;
                return true;
            }
        }
    }

private:
    std::vector<std::uint64_t> slots_;
};

// One attempt at assigning a UIDL to every message, given the lists.
class Naming {
public:
    Naming(std::vector<Found>& files, std::deque<std::string>& given) : files_{files}, given_{given} {}

    // Messages that are not in our list keep the UIDL shown in the last session: the index compensates for a lost list.
    void run(FrozenUidls frozen, ForeignList foreign) {
        frozen_ = std::move(frozen);
        foreign_ = std::move(foreign);
        source_ = frozen_.exists ? frozen_.source : source_of_lost_list();
        if (source_ == message::UidlSource::base_name) foreign_ = {};
        for (Found& file : files_) {
            file.uidl = {};
            file.rank = unlisted;
        }
        given_.clear();
        fresh_.clear();
        plain_ = names_serve();
        if (plain_) {
            for (Found& file : files_) file.uidl = file.base();
            return;
        }
        taken_.emplace(files_.size() * 2 + frozen_.entries.size());
        take_frozen();
        order_fresh();
        name_fresh();
    }

    bool has_fresh() const { return plain_ ? !files_.empty() : !fresh_.empty(); }

    message::UidlChange change() const {
        message::UidlChange sum;
        for (const Found& file : files_) {
            if (file.last_uidl.empty()) continue;
            ++sum.known;
            if (!plain_ && file.uidl != file.last_uidl) ++sum.changed;
        }
        return sum;
    }

    // The lines missing from the frozen list, including its first line if there is no list yet.
    std::string lines_to_add() const {
        std::string lines;
        if (!frozen_.exists && !files_.empty()) lines = frozen_header(source_);
        for (const Found* const file : fresh_)
            if (const auto entry = to_freeze(*file)) lines += frozen_line(*entry);
        return lines;
    }
    // A first line alone need not be synced, because it can be written again later.
    bool must_reach_disk() const { return lines_to_add() != frozen_header(source_); }

    bool worth_compacting() const { return frozen_.entries.size() > 2 * files_.size() + 1000; }
    // The list without messages that are neither in the maildrop nor in the trash.
    std::string compacted(const std::unordered_set<std::string>& in_trash) const {
        std::string content = frozen_header(source_);
        for (std::size_t i = 0; i < frozen_.entries.size(); ++i)
            if (claimed_[i] || in_trash.count(frozen_.entries[i].base) != 0) content += frozen_line(frozen_.entries[i]);
        return content + lines_to_add();
    }

    void sort_by_rank() {
        if (source_ == message::UidlSource::base_name) return;
        std::stable_sort(files_.begin(), files_.end(), [](const Found& a, const Found& b) { return a.rank < b.rank; });
    }

private:
    // If there is no list of ours but the last session had UIDLs, the list was lost; those UIDLs show its kind.
    message::UidlSource source_of_lost_list() const {
        const auto told = [](const Found& file) { return !file.last_uidl.empty(); };
        if (std::none_of(files_.begin(), files_.end(), told)) return foreign_.source;
        const auto ours = [&](const Found& file) { return !told(file) || is_of_our_making(file); };
        if (std::all_of(files_.begin(), files_.end(), ours)) return message::UidlSource::base_name;
        return foreign_.source == message::UidlSource::base_name ? message::UidlSource::dovecot : foreign_.source;
    }

    // The usual case, for a maildrop of any size: no list has an entry, and every base name fits as a UIDL, is unique,
    // and is what the last session showed. The rest of run() would give the same result.
    bool names_serve() const {
        if (source_ != message::UidlSource::base_name || !frozen_.entries.empty() || !foreign_.entries.empty())
            return false;
        return std::all_of(files_.begin(), files_.end(), [](const Found& file) {
            return !file.shares_base && message::fits_as_uidl(file.base()) &&
                   (file.last_uidl.empty() || file.last_uidl == file.base());
        });
    }

    static FileIdentity identity(const Found& file) { return {file.inode, file.stored_size, file.mtime_ns}; }

    // First the entries for one of several files with the same name, then those for a unique name.
    void take_frozen() {
        claimed_.assign(frozen_.entries.size(), false);
        std::unordered_multimap<std::string_view, std::uint32_t> by_base;
        by_base.reserve(frozen_.entries.size());
        for (std::uint32_t i = 0; i < frozen_.entries.size(); ++i) {
            static_cast<void>(taken_->take(frozen_.entries[i].uidl)); // UIDLs of messages that have gone are not reused
            by_base.emplace(frozen_.entries[i].base, i);
        }
        if (by_base.empty()) return;
        for (const bool by_identity : {true, false})
            for (Found& file : files_) {
                if (!file.uidl.empty()) continue;
                std::uint32_t best = unlisted;
                std::size_t examined = 0;
                for (auto at = by_base.find(file.base());
                     at != by_base.end() && at->first == file.base() && examined != max_namesakes; ++at, ++examined) {
                    const FrozenUidl& entry = frozen_.entries[at->second];
                    const bool fits =
                        by_identity ? entry.identity && entry.identity->fits(identity(file)) : !entry.identity;
                    if (fits && !claimed_[at->second]) best = std::min(best, at->second);
                }
                if (best == unlisted) continue;
                claimed_[best] = true;
                keep(file, frozen_.entries[best].uidl);
                file.rank = best;
            }
    }

    // Messages that are in none of our lists, in the order of assignment: first in the order of the last session, then
    // in that of the other server, then by delivery.
    void order_fresh() {
        fresh_.clear();
        std::unordered_map<std::string_view, std::uint32_t> by_base;
        for (std::uint32_t i = 0; i < foreign_.entries.size(); ++i) by_base.try_emplace(foreign_.entries[i].base, i);
        for (Found& file : files_) {
            if (!file.uidl.empty()) continue;
            fresh_.push_back(&file);
            const auto known = by_base.find(file.base());
            if (known == by_base.end()) continue;
            file.rank = known->second;
            by_base.erase(known); // a second message with this name is a different one
        }
        const auto told = [](const Found* file) { return file->last_uidl.empty() ? unlisted : file->last_rank; };
        std::stable_sort(fresh_.begin(), fresh_.end(), [&](const Found* a, const Found* b) {
            return told(a) != told(b) ? told(a) < told(b) : a->rank < b->rank;
        });
    }

    void name_fresh() {
        for (Found* const file : fresh_)
            if (!file->last_uidl.empty() && taken_->take(file->last_uidl)) file->uidl = file->last_uidl;
        auto rank = static_cast<std::uint32_t>(frozen_.entries.size());
        for (Found* const file : fresh_) {
            if (file->rank != unlisted && file->uidl.empty()) {
                const std::string& uidl = foreign_.entries[file->rank].uidl;
                if (message::may_be_uidl(uidl, file->base()) && taken_->take(uidl)) keep(*file, uidl);
            }
            file->rank = rank++;
        }
        // Of several messages with the same name, the one in cur is probably the oldest.
        for (const bool in_new : {false, true})
            for (Found* const file : fresh_)
                if (file->uidl.empty() && file->in_new == in_new) name_by_rule(*file);
    }

    static bool is_of_our_making(const Found& file) {
        return by_name(file.last_uidl, file) || file.last_uidl == message::hashed_uidl(file.base(), file.inode);
    }
    // Whether this is the UIDL that the message gets if it is in no list and its name is unique.
    static bool by_name(std::string_view uidl, const Found& file) {
        return uidl ==
               (message::fits_as_uidl(file.base()) ? std::string{file.base()} : message::hashed_uidl(file.base(), 0));
    }

    void name_by_rule(Found& file) {
        const bool fits = message::fits_as_uidl(file.base());
        if (fits && taken_->take(file.base())) {
            file.uidl = file.base();
            return;
        }
        // The inode distinguishes messages of the same name and stays the same when they are renamed.
        std::string uidl = message::hashed_uidl(file.base(), fits ? file.inode : 0);
        for (std::uint64_t salt = file.inode; !taken_->take(uidl); ++salt)
            uidl = message::hashed_uidl(file.base(), salt);
        keep(file, std::move(uidl));
    }

    void keep(Found& file, std::string uidl) {
        given_.push_back(std::move(uidl));
        file.uidl = given_.back();
    }

    // std::nullopt if the name alone gives the same UIDL again.
    std::optional<FrozenUidl> to_freeze(const Found& file) const {
        FrozenUidl entry{std::string{file.uidl}, std::string{file.base()}, std::nullopt};
        if (source_ == message::UidlSource::base_name && by_name(file.uidl, file)) return std::nullopt;
        if (file.shares_base || source_ == message::UidlSource::base_name) entry.identity = identity(file);
        return entry;
    }

    std::vector<Found>& files_;
    std::deque<std::string>& given_;
    FrozenUidls frozen_;
    ForeignList foreign_;
    message::UidlSource source_ = message::UidlSource::base_name;
    std::optional<TakenUidls> taken_;
    bool plain_ = false; // every message's UIDL is its name
    std::vector<bool> claimed_;
    std::vector<Found*> fresh_;
};

std::unordered_set<std::string> bases_in_trash(int maildir) {
    std::unordered_set<std::string> bases;
    const posix::Result<posix::UniqueFd> trash = open_own_folder(maildir, trash_name);
    if (!trash) return bases;
    for (const std::int64_t time : trash_times(trash.value().get())) {
        const auto folder = open_own_folder(trash.value().get(), std::to_string(time).c_str());
        const auto listing = folder ? list_directory(folder.value().get()) : folder.error();
        if (!listing) continue;
        for (const Listing::Name& name : listing.value().all)
            bases.emplace(message::base_name(listing.value().view(name)));
    }
    return bases;
}

posix::Result<ForeignList> foreign_for(int maildir, const message::UidlRules& rules, const FrozenUidls& frozen) {
    if (!frozen.exists) return read_foreign_list(maildir, rules);
    if (!frozen.ordered()) return ForeignList{};
    message::UidlRules same = rules;
    same.source = frozen.source;
    return read_foreign_list(maildir, same);
}

// Assigns UIDLs to all messages using the current list. uidls_would_change() if too many would change.
std::error_code name_after(FrozenFile& file, int maildir, const message::UidlRules& rules, Naming& naming,
                           message::UidlChange& change) {
    const posix::Result<FrozenUidls> read = file.read();
    if (!read) return read.error();
    const FrozenUidls& frozen = read.value();
    naming.run(frozen, {});
    if (naming.has_fresh()) { // otherwise the other server's list, which may be long, adds nothing
        posix::Result<ForeignList> found = foreign_for(maildir, rules, frozen);
        if (!found) return found.error();
        if (found.value().source != message::UidlSource::base_name) naming.run(frozen, std::move(found).value());
    }
    change = naming.change();
    const bool many = change.changed * 100 > change.known * rules.breaker_percent;
    return many && !rules.accept_changes ? message::uidls_would_change() : std::error_code{};
}

} // namespace

void mark_shared_bases(std::vector<Found>& files, bool neighbours) {
    if (neighbours) {
        for (std::size_t i = 1; i < files.size(); ++i)
            if (files[i].base() == files[i - 1].base()) files[i].shares_base = files[i - 1].shares_base = true;
        return;
    }
    TakenUidls seen{files.size()};
    std::unordered_set<std::string_view> shared; // few, usually none
    for (const Found& file : files)
        if (!seen.take(file.base())) shared.insert(file.base());
    for (Found& file : files) file.shares_base = !shared.empty() && shared.count(file.base()) != 0;
}

std::error_code name_messages(int maildir, const message::UidlRules& rules, std::vector<Found>& files,
                              std::deque<std::string>& given, message::UidlChange& change, bool complete) {
    Naming naming{files, given};
    const auto compacts = [&] { return complete && naming.worth_compacting(); };
    posix::Result<FrozenFile> file = FrozenFile::open(maildir);
    if (!file) return file.error();
    if (const std::error_code why = name_after(file.value(), maildir, rules, naming, change)) return why;
    if (rules.freeze && (compacts() || !naming.lines_to_add().empty())) {
        // Once more under the lock: another process may just have assigned UIDLs to the same messages. If nothing can
        // be written, the UIDLs are still valid, and the next scan tries again.
        if (std::optional<FrozenFile> locked = FrozenFile::open_locked(maildir)) {
            if (const std::error_code why = name_after(*locked, maildir, rules, naming, change)) return why;
            const std::string lines = naming.lines_to_add();
            if (compacts())
                static_cast<void>(locked->replace(naming.compacted(bases_in_trash(maildir))));
            else if (!lines.empty())
                static_cast<void>(locked->append(lines, naming.must_reach_disk()));
        }
    }
    naming.sort_by_rank();
    return {};
}

} // namespace buzon::maildir
