#include "mail_policy.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "buzon/posix/act_as.h"
#include "maildir_owner.h"

namespace buzon::keeping {
namespace {

using posix::Ids;

constexpr std::size_t max_roots = 16;

// An absolute path without empty, "." or ".." components.
bool is_whole(const char* path) noexcept {
    return std::strcmp(path, "/") == 0 || lies_below("/", path);
}

template <std::size_t size>
bool ends(const std::array<char, size>& text) noexcept {
    return std::find(text.begin(), text.end(), '\0') != text.end();
}

} // namespace

int MailPolicy::allow(const keeper::AllowMail& request, posix::UniqueFd users) {
    if (!ends(request.root) || request.root[0] != '/') return EINVAL;
    posix::Result<auth::UserBlock> block = auth::UserBlock::from_fd(std::move(users));
    if (!block) return block.error().value();
    roots_ = {request.root.data()};
    users_ = std::move(block).value();
    believes_places_ = request.believe_places != 0;
    return 0;
}

int MailPolicy::renew_users(posix::UniqueFd users) {
    posix::Result<auth::UserBlock> block = auth::UserBlock::from_fd(std::move(users));
    if (!block) return block.error().value();
    users_ = std::move(block).value();
    return 0;
}

bool MailPolicy::knows_root(std::string_view path) const noexcept {
    return std::find(roots_.begin(), roots_.end(), path) != roots_.end();
}

void MailPolicy::add_root(const char* path) {
    if (knows_root(path)) return;
    if (roots_.size() == max_roots) roots_.erase(roots_.begin());
    roots_.emplace_back(path);
}

const char* MailPolicy::root_above(const char* maildir) const noexcept {
    const auto found = std::find_if(roots_.begin(), roots_.end(),
                                    [maildir](const std::string& root) { return lies_below(root.c_str(), maildir); });
    return found == roots_.end() ? nullptr : found->c_str();
}

// Or one of its folders (--folders), which lie beside its cur, new and tmp.
bool MailPolicy::is_maildir_of(const auth::User& user, std::string_view maildir) const noexcept {
    const std::size_t slash = maildir.rfind('/');
    if (slash == maildir.npos) return false;
    const std::string_view name = maildir.substr(slash + 1), above = maildir.substr(0, slash);
    if (name.starts_with('.')) {
        if (name == "." || name == "..") return false;
        if (is_maildir_of(user, above)) return true;
    }
    if (!user.maildir.empty()) return user.maildir == maildir;
    return name == user.name && knows_root(above.empty() ? "/" : above);
}

bool MailPolicy::allows(const keeper::Start& request) const noexcept {
    const bool filters = request.role == keeper::Role::filters;
    if (!in_force() || !(covers(request.role) || filters) || !ends(request.maildir)) return false;
    const char* const maildir = request.maildir.data();
    if (request.alone == 0) return request.owner == Ids{} && (filters ? knows_root(maildir) : is_whole(maildir));
    if (request.role == keeper::Role::locks) return false;
    if (request.owner == Ids{} && root_above(maildir) != nullptr) return true;
    // A program cannot vouch for root, nor for a group without a user.
    const Ids& owner = request.owner;
    const bool can_be_vouched_for = owner == Ids{} || (owner.uid != Ids::unsaid && owner.uid != 0 && owner.gid != 0);
    return (believes_places_ && can_be_vouched_for && is_whole(maildir)) || knows(maildir, owner);
}

bool MailPolicy::knows(const char* maildir, const Ids& owner) const noexcept {
    for (std::uint32_t index = 0; index < users_.count(); ++index) {
        const auth::User user = users_.user(index);
        if (user.ids == owner && is_maildir_of(user, maildir)) return true;
    }
    return false;
}

std::string MailPolicy::control_of(std::string_view maildir) const {
    for (std::uint32_t index = 0; index < users_.count(); ++index)
        if (const auth::User user = users_.user(index); !user.control.empty() && is_maildir_of(user, maildir))
            return std::string{user.control};
    return {};
}

int become_filter_host(const keeper::Start& request, const MailPolicy& policy) noexcept {
    if (!policy.allows(request)) return EPERM;
    Ids who;
    const char* const place = request.maildir.data();
    const char* const above = policy.root_above(place);
    const bool alone = request.alone != 0;
    const bool vouched = alone && request.owner.uid != Ids::unsaid && !policy.knows(place, request.owner);
    const int why = vouched ? rights_for_vouched(place, above, request.owner, who)
                    : alone ? rights_for_maildir(place, above, request.owner, policy.believes_places(), who)
                            : rights_for_root(place, who);
    return why != 0 ? why : posix::act_as(who);
}

int become_mail_worker(const keeper::Start& request, const MailPolicy& policy, pid_t parent, bool& new_root) noexcept {
    if (!policy.allows(request)) return EPERM;
    Ids who;
    const char* const place = request.maildir.data();
    const bool alone = request.alone != 0;
    new_root = !alone && !policy.knows_root(place);
    if (new_root)
        if (const int why = unfit_for_mail_root(place)) return why;
    const char* const above = policy.root_above(place);
    const bool vouched = alone && request.owner.uid != Ids::unsaid && !policy.knows(place, request.owner);
    int why = vouched ? rights_for_vouched(place, above, request.owner, who)
              : alone ? rights_for_maildir(place, above, request.owner, policy.believes_places(), who)
                      : rights_for_root(place, who);
    // The users file names the Maildir, but no owner.
    if (alone && why == ENOENT && request.owner == Ids{} && !is_folder(place) && policy.root_above(place) == nullptr)
        why = rights_for_root(policy.newest_root(), who);
    if (why != 0) return why;
    if (const int failed = posix::act_as(who)) return failed;
    // Becoming another user cleared this setting of prepare_child().
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    if (::getppid() != parent) return ESRCH;
    return alone ? make_as_oneself(place) : 0;
}

} // namespace buzon::keeping
