// files/read_files.h - reads the operator's files. It may wait: for the start of the program and for workers.
#pragma once

#include <cstddef>
#include <string>

namespace buzon::files {

// For parse_options(). Throws StartError.
[[nodiscard]] std::string read_config_file(const std::string& path);
// A file that the start and every SIGHUP read, of `limit` octets at most. A pipe is none: it can be read once only, and
// who opens one may wait for ever. Throws StartError.
[[nodiscard]] std::string read_named_file(const std::string& path, std::size_t limit);

} // namespace buzon::files
