// files/read_files.h - reads the operator's files. May block: for startup and for workers.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <ctime>
#include <string>

namespace buzon::files {

// For parse_options(). Throws StartError.
[[nodiscard]] std::string read_config_file(const std::string& path);
// The same, with asterisks in place of the secrets.
[[nodiscard]] std::string read_config_without_secrets(const std::string& path);
// Reads a file of at most `limit` octets that startup and every SIGHUP read. Rejects a pipe, because it can be read
// only once and opening it may block forever. Throws StartError.
[[nodiscard]] std::string read_named_file(const std::string& path, std::size_t limit);
// Whether a file was changed so recently that a program that rewrites it in place may still be writing.
[[nodiscard]] bool may_be_half_written(const struct stat& about, const timespec& now) noexcept;

} // namespace buzon::files
