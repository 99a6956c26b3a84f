// auth/scheme.h - the names of password schemes, for the parser and the maker of secrets.
#pragma once

#include <optional>
#include <string_view>

namespace buzon::auth {

enum class Scheme { plain, crypt, scram_sha_256 };

struct SchemeRow {
    std::string_view name;
    Scheme scheme;
    // Of crypt(3): what every hash of this scheme begins with; empty = any.
    std::string_view hash_begins;
    // Of crypt(3): what a new hash is asked for with, null = the system's best.
    const char* new_hash;
};

// By name, in either case, without an ending such as ".b64"; nothing when unknown.
[[nodiscard]] std::optional<SchemeRow> find_scheme(std::string_view name) noexcept;

} // namespace buzon::auth
