// Which children the service starts, and which users they act as.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "buzon/keeping/service.h"
#include "buzon/posix/act_as.h"
#include "child_process.h"
#include "mail_policy.h"
#include "rule_book.h"

namespace buzon::keeping {
namespace {

// Set in the memory shared with children, in place of the errno of one that could not start: it is for a new mail root.
constexpr int root_is_fit = -1;

// The part of a path that exists. The worker makes what is missing below it.
std::string existing_part(std::string path) {
    struct stat about {};
    while (path.starts_with("/") && path.size() > 1 && ::stat(path.c_str(), &about) != 0 && errno == ENOENT)
        path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    return path;
}

// These end by themselves when the reactor has gone, after ending all that they have started.
bool hosts_programs(keeper::Role role) noexcept {
    return role == keeper::Role::filters || role == keeper::Role::logins;
}

} // namespace

void Service::instruct(const keeper::Instruct& request) {
    if (static_cast<std::size_t>(request.role) >= keeper::roles) return;
    std::vector<std::string> words;
    const char* at = request.words.data();
    const char* const end = at + request.words.size();
    while (const std::size_t length = ::strnlen(at, static_cast<std::size_t>(end - at))) {
        if (at + length == end) return; // no NUL
        words.emplace_back(at, length);
        at += length + 1;
        if (at == end) return;
    }
    std::vector<std::string>& known = words_[static_cast<std::size_t>(request.role)];
    // Once the reactor is serving, it may only say where mail lies now, and only if no worker has more rights than the
    // reactor.
    const bool places = request.role == keeper::Role::mail && !mail_->in_force() && !words.empty() && !known.empty() &&
                        words.front() == known.front();
    if (!sealed_ || places) known = std::move(words);
}

// A worker for one place gets the first word of its role, the mode of its sandbox, and that place (sandbox/enter.h).
// Runs in the child, because it looks at the disk.
std::vector<std::string> Service::words_for(const keeper::Start& request) const {
    if (request.role == keeper::Role::filters)
        return {request.maildir[0] == '\0' ? keeper::host_of_logins : keeper::host_of_mail};
    const std::vector<std::string>& words = words_[static_cast<std::size_t>(request.role)];
    if (request.role == keeper::Role::tls) {
        std::vector<std::string> all = words;
        if (const posix::Ids who = rules_->whose(keeper::Subject::tls); who != posix::Ids{})
            all.insert(all.end(), {std::to_string(who.uid), std::to_string(who.gid)});
        return all;
    }
    const bool owned = mail_->covers(request.role), alone = request.alone != 0;
    if (words.empty() || (!owned && request.maildir[0] == '\0')) return words;
    const std::string place = request.maildir.data();
    std::vector<std::string> placed{words.front(), "w:" + (alone && !owned ? existing_part(place) : place)};
    if (request.role == keeper::Role::locks) return placed;
    if (!owned)
        std::copy_if(words.begin(), words.end(), std::back_inserter(placed),
                     [](const std::string& word) { return word.starts_with("r:"); });
    else if (const std::string control = mail_->control_of(place); alone && !control.empty())
        placed.push_back("r:" + control);
    if (owned || alone) placed.emplace_back(alone ? "alone" : "shared");
    return placed;
}

// Returns 0 if the child may be started, else errno.
int Service::refusal(const keeper::Start& request, const posix::UniqueFd& socket) const {
    const bool ended = std::find(request.maildir.begin(), request.maildir.end(), '\0') != request.maildir.end();
    const bool known = static_cast<std::size_t>(request.role) < keeper::roles;
    if (!known || !ended || !socket) return EINVAL;
    // Other roles have no place: one would change the words that were given before the reactor began to serve.
    const bool for_place = request.role == keeper::Role::mail || request.role == keeper::Role::locks ||
                           request.role == keeper::Role::filters;
    if (!for_place && (request.maildir[0] != '\0' || request.alone != 0)) return EPERM;
    // Only the operator chooses which program may run as root.
    const bool nothing_to_host =
        request.role == keeper::Role::logins && words_[static_cast<std::size_t>(request.role)].empty();
    return nothing_to_host ? EPERM : 0;
}

void Service::start(const keeper::Start& request, posix::UniqueFd socket) {
    if (request.number == 0 || find(request.number)) return; // an answer would be about another child
    if (const int why = refusal(request, socket)) return tell({keeper::Told::not_started, request.number, why});
    const auto free = std::find_if(children_.begin(), children_.end(), [](const Child& c) { return c.number == 0; });
    if (free == children_.end()) return tell({keeper::Told::not_started, request.number, EAGAIN});
    const auto place = static_cast<std::size_t>(free - children_.begin());
    posix::UniqueFd listener;
    if (request.role == keeper::Role::tls) {
        auto made = keeper::listen_on_loopback();
        if (!made) return tell({keeper::Told::not_started, request.number, made.error().value()});
        listener = std::move(made).value();
    }
    learn_roots();
    errors_.get()[place] = 0;
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return tell({keeper::Told::not_started, request.number, errno});
    if (pid == 0) become(request, socket.get(), listener.get(), place, parent);
    *free = Child{request.number, pid, hosts_programs(request.role), {}, std::move(listener)};
    if (mail_->covers(request.role) && request.alone == 0) free->root = request.maildir.data();
    tell({keeper::Told::started, request.number, pid});
}

// Adds the mail roots that children have checked.
void Service::learn_roots() {
    for (std::size_t place = 0; place < children_.size(); ++place) {
        if (children_[place].number == 0 || errors_.get()[place] != root_is_fit) continue;
        mail_->add_root(children_[place].root.c_str());
        errors_.get()[place] = 0;
    }
}

std::array<int, 5> Service::inherited_by(keeper::Role role, int listener) const {
    if (role == keeper::Role::files) return {settings_.denials, settings_.arguments, users_end_.get(), -1, -1};
    if (role == keeper::Role::tls) return {settings_.denials, rules_->of_tls(), listener, -1, -1};
    if (role != keeper::Role::filters) return {settings_.denials, -1, -1, -1, -1};
    const auto rules = rules_->of_programs();
    return {settings_.denials, rules[0], rules[1], rules[2], rules[3]};
}

// Runs in the child: makes it the user that this worker is to act as. Returns 0 or errno.
int Service::take_rights(const keeper::Start& request, pid_t parent, bool& new_root) const {
    if (mail_->covers(request.role)) return become_mail_worker(request, *mail_, parent, new_root);
    // Programs that are asked about logins are chosen by the operator, and may need root.
    if (request.role != keeper::Role::filters || request.maildir[0] == '\0') return 0;
    if (const posix::Ids who = rules_->whose(keeper::Subject::programs); who != posix::Ids{})
        return posix::act_as(who, rules_->groups(keeper::Subject::programs));
    return mail_->in_force() ? become_filter_host(request, *mail_) : 0;
}

// Runs in the child.
void Service::become(const keeper::Start& request, int socket, int listener, std::size_t place, pid_t parent) {
    int& error = errors_.get()[place];
    error = prepare_child({.socket = socket,
                           .inherited = inherited_by(request.role, listener),
                           .parent = parent,
                           .may_outlive = hosts_programs(request.role)});
    bool new_root = false;
    if (error == 0) error = take_rights(request, parent, new_root);
    if (error != 0) ::_exit(1);
    std::string& name = settings_.names[static_cast<std::size_t>(request.role)];
    std::vector<std::string> words = words_for(request);
    std::vector<char*> argv{name.data()};
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (new_root) error = root_is_fit;
    ::execve(settings_.program.c_str(), argv.data(), environ);
    error = errno;
    ::_exit(1);
}

} // namespace buzon::keeping
