#include "check.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <vector>

#include "buzon/config/people.h"
#include "buzon/files/start_files.h"
#include "buzon/files/tls_program.h"
#include "buzon/login/users.h"
#include "buzon/posix/result.h"
#include "confinement.h"

namespace buzon::server {
namespace {

constexpr std::size_t max_maildrop_warnings = 20;

class Check {
public:
    Check(const config::Options& options, config::Faults faults) : options_{options}, faults_{std::move(faults)} {}

    CheckResult run() {
        // If the command line is wrong, we do not know which files are meant.
        if (std::any_of(faults_.begin(), faults_.end(), [](auto& fault) { return fault.code() == EX_USAGE; }))
            return result();
        check_people(config::users_of(options_));
        check_people(config::administrators_of(options_));
        config::attempt(&faults_, [this] { check_sandbox(options_); });
        files::check_options(options_, &faults_);
        config::attempt(&faults_, [this] { (void)files::run_as(options_); });
        config::attempt(&faults_, [this] { files::check_tls(options_); });
        if (!options_.demo) config::attempt(&faults_, [this] { root_ = files::checked_root(options_.path); });
        for (const std::string* file : {&options_.config_file, &options_.users_file, &options_.admins_file})
            check_readers(*file);
        if (!root_.empty()) check_root();
        if (people_usable_) config::attempt(&faults_, [this] { check_users(); });
        return result();
    }

private:
    void warn(const std::string& what, const std::string& why) { warnings_.push_back(what + ": " + why); }

    // Reports every fault in a file of users or administrators, line by line.
    void check_people(const jobs::People& people) {
        config::attempt(&faults_, [&] {
            const files::CheckedPeople found = files::check(people);
            lines_ += found.lines;
            people_usable_ = people_usable_ && found.usable;
        });
    }

    // Warns about a file with secrets that everybody on this machine can read.
    void check_readers(const std::string& file) {
        struct stat about {};
        if (file.empty() || ::stat(file.c_str(), &about) != 0 || (about.st_mode & S_IROTH) == 0) return;
        if (file == options_.config_file &&
            !std::any_of(secrets_.begin(), secrets_.end(), [this](const char* option) { return is_in_config(option); }))
            return;
        warn(file, "everybody can read its secrets: chmod 640 " + file);
    }

    // Whether -u or -a is given in the config file. On the command line everybody sees them anyway.
    [[nodiscard]] bool is_in_config(const std::string& option) const {
        const bool given = option == "user" ? !options_.users.empty() : !options_.admins.empty();
        return given && !options_.on_command_line.contains(option);
    }

    void check_root() {
        if (::access(root_.c_str(), W_OK | X_OK) != 0)
            warn(root_, posix::last_error().message() + ": the server cannot create Maildirs or lock files there");
    }

    void check_users() {
        login::Users users{auth::UserBase{files::load(config::users_of(options_)).users}, root_};
        if (!options_.demo && users.base().size() == 0 && !options_.asks_programs()) {
            return warn(
                "there are no users",
                "nobody can log in; give --users FILE with lines NAME:{SCHEME}SECRET (buzonctl hash makes them)");
        }
        if (root_.empty()) return;
        auth::UserBase::Place place;
        std::size_t warned = 0;
        while (const auto user = users.base().next(place)) {
            const std::size_t before = warnings_.size();
            check_maildrop(*user, users.maildir_of(user->name));
            warned += warnings_.size() - before;
            if (warned < max_maildrop_warnings) continue;
            return warn("more maildrops", "only the first " + std::to_string(warned) + " warnings are shown");
        }
    }

    void check_maildrop(const auth::User& user, const std::string& maildir) {
        struct stat about {};
        if (::stat(maildir.c_str(), &about) != 0) {
            if (errno != ENOENT)
                warn(maildir, posix::last_error().message() + "; " + std::string{user.name} + " cannot log in");
            return; // the first login creates it
        }
        const std::string name{user.name};
        if (!S_ISDIR(about.st_mode))
            return warn(maildir, "a file, perhaps an mbox; the mail of " + name +
                                     " must be a Maildir, a directory with cur, new and tmp");
        struct stat inner {};
        if (::stat((maildir + "/cur").c_str(), &inner) != 0 && errno == ENOENT && !is_empty(about))
            return warn(maildir, "not a Maildir: it has no directory cur; " + name + " would see no mail");
        check_owner(user, maildir, about.st_uid);
    }

    // A directory has one link from itself, one from its parent and one from each directory in it.
    [[nodiscard]] static bool is_empty(const struct stat& directory) { return directory.st_nlink <= 2; }

    void check_owner(const auth::User& user, const std::string& maildir, uid_t owner) {
        const uid_t ours = ::geteuid();
        const std::string belongs = "belongs to uid " + std::to_string(owner);
        if (ours != 0 && owner != ours) {
            warn(maildir,
                 belongs + ", but the server runs as uid " + std::to_string(ours) + ": chown it, or start as root");
        } else if (ours == 0 && user.ids.uid != posix::Ids::unsaid && user.ids.uid != owner) {
            warn(maildir, belongs + ", but the users file says uid " + std::to_string(user.ids.uid) + " for " +
                              std::string{user.name});
        }
    }

    CheckResult result() {
        CheckResult result;
        std::set<std::string> said;
        const auto say = [&](const std::string& what) {
            if (said.insert(what).second && lines_.find("server: " + what + '\n') == std::string::npos)
                result.findings += "server: " + what + '\n';
        };
        for (const config::StartError& fault : faults_) say(fault.what());
        result.findings += lines_;
        if (!people_usable_) result.code = EX_CONFIG;
        if (!faults_.empty()) result.code = faults_.front().code();
        if (result.code != EX_OK) return result; // warnings only matter if the server would start
        for (const std::string& warning : warnings_) say(warning);
        return result;
    }

    static constexpr std::array<const char*, 2> secrets_ = {"user", "admin"};

    const config::Options& options_;
    config::Faults faults_;
    std::string lines_; // faults in the files of users and administrators
    std::vector<std::string> warnings_;
    bool people_usable_ = true;
    std::string root_;
};

} // namespace

CheckResult check(const config::Options& options, config::Faults faults) {
    return Check{options, std::move(faults)}.run();
}

} // namespace buzon::server
