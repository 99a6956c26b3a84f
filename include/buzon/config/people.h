// config/people.h - the users and administrators that the options name, how their files are read, and which options are
// reread. Does no I/O itself.
#pragma once

#include <string>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"

namespace buzon::config {

using jobs::People;
[[nodiscard]] jobs::People users_of(const Options& options);
[[nodiscard]] jobs::People administrators_of(const Options& options);

// Names the users whose broken secrets lock them out: lines for the first few, then the number of others.
[[nodiscard]] std::vector<std::string> warnings_of(const auth::UserBase& loaded, const std::string& file);

// Parses the same command line again with this text of the config file. No I/O. Throws StartError.
[[nodiscard]] Options read_again(const Options& before, const std::string& config_text);

} // namespace buzon::config
