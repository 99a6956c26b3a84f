#include "buzon/mail/update.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "directory.h"
#include "journal.h"
#include "updater.h"

namespace buzon::mail {
namespace {

using posix::Result;
using posix::UniqueFd;

UpdateOutcome all_failed(const UpdateRequest& request, std::error_code why) {
    UpdateOutcome outcome;
    for (const UpdateRequest::Item& item : request.items)
        if (item.action == UpdateRequest::Action::remove) ++outcome.failed;
    outcome.first_error = why;
    return outcome;
}

} // namespace

UpdateOutcome update(const UpdateRequest& request, const UpdateOptions& options) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, request.maildir.c_str());
    if (!root) return all_failed(request, root.error());
    const auto is_removal = [](const UpdateRequest::Item& item) { return item.action == UpdateRequest::Action::remove; };
    const auto removals = std::count_if(request.items.begin(), request.items.end(), is_removal);
    // A single step is done or not done, whatever happens; flags alone are not worth three syncs.
    std::optional<Journal> journal;
    if (removals > 0 && request.items.size() > 1) journal = Journal::write(root.value().get(), request, options.fsync);
    Result<Updater> updater = Updater::open(root.value().get(), request.keep_since);
    if (!updater) return all_failed(request, updater.error());
    UpdateOutcome outcome = updater.value().run(request.items);
    if (options.fsync) {
        if (const std::error_code why = updater.value().sync(); why && outcome.removed != 0) {
            if (outcome.failed == 0) outcome.first_error = why;
            outcome.failed += std::exchange(outcome.removed, 0);
            return outcome;   // the journal stays: what did not reach the disk is done again
        }
    }
    if (journal) journal->remove();
    return outcome;
}

} // namespace buzon::mail
