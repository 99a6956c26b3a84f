#include "buzon/maildir/update.h"

#include <fcntl.h>

#include <optional>
#include <string>
#include <utility>

#include "directory.h"
#include "journal.h"
#include "updater.h"

namespace buzon::maildir {
namespace {

using posix::Result;
using posix::UniqueFd;

message::UpdateOutcome all_failed(const message::PackedUpdate& request, std::error_code why) {
    message::UpdateOutcome outcome;
    outcome.failed = request.removals();
    outcome.first_error = why;
    return outcome;
}

} // namespace

message::UpdateOutcome update(const message::PackedUpdate& request, const UpdateOptions& options) {
    const Result<UniqueFd> root = open_maildir(std::string{request.maildir()});
    if (!root) return all_failed(request, root.error());
    // A single removal needs no journal, and flags alone are not worth three syncs.
    std::optional<Journal> journal;
    if (request.removals() > 0 && request.count() > 1)
        journal = Journal::write(root.value().get(), request.placeless(), options.fsync);
    Result<Updater> updater = Updater::open(root.value().get(), request.keep_since());
    if (!updater) return all_failed(request, updater.error());
    message::UpdateOutcome outcome = updater.value().run(request);
    if (options.fsync) {
        const std::error_code why = updater.value().sync();
        if (why && outcome.removed + outcome.gone != 0) {
            if (outcome.failed == 0) outcome.first_error = why;
            outcome.failed += std::exchange(outcome.removed, 0) + std::exchange(outcome.gone, 0);
            return outcome; // the journal stays, so that what did not reach the disk is done again
        }
    }
    if (journal) journal->remove();
    return outcome;
}

} // namespace buzon::maildir
