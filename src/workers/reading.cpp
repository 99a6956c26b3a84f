#include "reading.h"

#include <sys/stat.h>
#include <sysexits.h>

#include <array>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "buzon/config/people.h"
#include "buzon/files/arguments.h"
#include "buzon/files/read_files.h"
#include "buzon/files/rules.h"
#include "buzon/files/start_files.h"
#include "buzon/files/vault.h"
#include "buzon/keeper/message.h"
#include "buzon/posix/bundle.h"

namespace buzon::workers {
namespace {

using namespace jobs;

std::error_code tell_keeper(int keeper, const auth::UserBlock& block, const posix::UniqueFd& users) {
    const std::error_code why = keeper::send_record(keeper, keeper::octets_of(keeper::Users{}), users.get()).why;
    return why ? why : files::tell(keeper, files::rules_of(block));
}

std::error_code tell_keeper(int keeper, const config::Options& options, bool local_managers) {
    const std::error_code why =
        files::tell(keeper, files::rules_of(options, local_managers || !options.mgmt_paths.empty()));
    return why || options.tls.certificate.empty() ? why : files::tell(keeper, files::tls_rules_of(options));
}

bool was_just_written(const std::string& path) {
    struct stat about {};
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return ::stat(path.c_str(), &about) == 0 && files::may_be_half_written(about, now);
}

} // namespace

Done<ReadConfig> work_on(const ReadConfig& job, int, const Desk* desk) {
    ReadConfig::Answer answer;
    try {
        const std::vector<std::string> words = files::read_arguments(desk ? desk->arguments : -1);
        const std::vector<std::string_view> arguments{words.begin(), words.end()};
        const config::Options options = config::parse_options(
            arguments, [&](const std::string& path) { return answer.text = files::read_config_file(path); });
        config::hide_secrets(answer.text);
        files::check_options(options);
        // A mistake in any file must be found before the keeper is told anything.
        (void)files::load(config::users_of(options));
        (void)files::load(config::administrators_of(options));
        try {
            answer.root = files::checked_root(options.path);
        } catch (const config::StartError&) {
            // The current mail root may be unavailable for a while. (The demo's is not in the options here.)
            if (options.path != job.mail_root && !options.demo) throw;
        }
        if (desk)
            if (const std::error_code why = tell_keeper(desk->keeper, options, !desk->managers.empty()))
                return {why, {}, {}};
        return {{}, std::move(answer), {}};
    } catch (const config::StartError& why) {
        return {{}, {why.what(), {}, {}}, {}};
    }
}

Done<ReadPeople> work_on(const ReadPeople& job, int, const Desk* desk) {
    // Asked after the file has been read: what is written later does not matter.
    const auto settled = [&job] { return !job.only_settled || !was_just_written(job.file); };
    try {
        const config::Options options = files::read_options(desk ? desk->arguments : -1);
        const People people = job.administrators ? config::administrators_of(options) : config::users_of(options);
        if (people.file != job.file)
            throw config::StartError(EX_CONFIG, people.file,
                                     "the configuration names another file; SIGHUP makes the server read it");
        const auth::LoadedUsers loaded = files::load(people);
        if (!settled()) return {{}, {{}, false}, {}};
        const auto kept = files::keep(loaded);
        if (!kept) return {kept.error(), {}, {}};
        if (!job.administrators && desk)
            if (const std::error_code why = tell_keeper(desk->keeper, loaded.users, kept.value().users))
                return {why, {}, {}};
        const std::array both{kept.value().users.get(), kept.value().vault.get()};
        auto bundle = posix::bundle(both);
        if (!bundle) return {bundle.error(), {}, {}};
        return {{}, {}, std::move(bundle).value()};
    } catch (const config::StartError& why) {
        return {{}, {why.what(), settled()}, {}};
    }
}

} // namespace buzon::workers
