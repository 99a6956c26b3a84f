// workers/secrets.h - the jobs of hash workers. Work that needs much CPU is done at low priority.
#pragma once

#include "buzon/auth/passwd_file.h"
#include "buzon/jobs/jobs.h"
#include "buzon/posix/result.h"

namespace buzon::workers {

// `vault`: the key that came with the job.
[[nodiscard]] posix::Result<jobs::Verify::Answer> check(const jobs::Verify& job, int vault);
[[nodiscard]] posix::Result<jobs::CheckDigest::Answer> check(const jobs::CheckDigest& job, int vault);
[[nodiscard]] posix::Result<jobs::GetScram::Answer> scram(const jobs::GetScram& job, int vault);
[[nodiscard]] posix::Result<jobs::MakeSecret::Answer> make(const jobs::MakeSecret& job, int vault);
// The changes to users, with the secrets themselves.
[[nodiscard]] posix::Result<auth::UserChanges> with_secrets(const jobs::Edit& job, int vault);
// Whether the changes fit into the lines of a users file. A colon would end a name or secret, a blank an application
// password, and a line end the line: what follows would be another field, or another user.
[[nodiscard]] bool fit_for_lines(const auth::UserChanges& changes);

} // namespace buzon::workers
