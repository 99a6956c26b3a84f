// auth/scheme.h - the password schemes, for parsing and making secrets.
#pragma once

#include <optional>
#include <string_view>

#include "foreign_hash.h"

namespace buzon::auth {

enum class Scheme { plain, crypt, scram_sha_256, digest, salted_digest, pbkdf2, scram_sha_1 };

struct SchemeRow {
    std::string_view name;
    Scheme scheme;
    // For crypt(3): the prefix of every hash of this scheme; empty: any.
    std::string_view hash_begins;
    // For crypt(3): the prefix that requests a new hash; null: the system's best.
    const char* new_hash;
    HashKind hash = HashKind::md5; // for digests

    // Whether we make such secrets, rather than only read those that others made.
    [[nodiscard]] bool is_made() const noexcept { return scheme <= Scheme::scram_sha_256; }
};

// By name, case-insensitive, without an ending such as ".b64"; nothing if unknown.
[[nodiscard]] std::optional<SchemeRow> find_scheme(std::string_view name) noexcept;

} // namespace buzon::auth
