// filter/program_file.h - what execve(2) would find wrong with a file, found without running it.
#pragma once

#include <optional>
#include <string>

#include "buzon/filter/inspector.h"

namespace buzon::filter {

// As the process's own user, whom `user` names for the text; empty: the server. May wait for the disk.
[[nodiscard]] std::optional<Objection> look_at_program(const std::string& path, const std::string& user);

} // namespace buzon::filter
