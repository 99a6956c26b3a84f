// config/people.h - who the options name, as the files of people are read, and what is read again of the options. Reads
// nothing itself.
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

// Whom of them a broken secret keeps out: the first few, a line each, and how many more there are.
[[nodiscard]] std::vector<std::string> warnings_of(const auth::UserBase& loaded, const std::string& file);

// Options that were read before, as the command line and this text of the config file have them now. Reads nothing.
// Throws StartError.
[[nodiscard]] Options read_again(const Options& before, const std::string& config_text);

} // namespace buzon::config
