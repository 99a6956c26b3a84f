#include "scheme.h"

#include "buzon/line/command_line.h"

namespace buzon::auth {
namespace {

constexpr SchemeRow schemes[] = {
    {"PLAIN", Scheme::plain, {}, nullptr},
    {"CLEAR", Scheme::plain, {}, nullptr},
    {"CLEARTEXT", Scheme::plain, {}, nullptr},
    {"CRYPT", Scheme::crypt, {}, nullptr},
    {"MD5-CRYPT", Scheme::crypt, "$1$", "$1$"},
    {"SHA256-CRYPT", Scheme::crypt, "$5$", "$5$"},
    {"SHA512-CRYPT", Scheme::crypt, "$6$", "$6$"},
    {"BLF-CRYPT", Scheme::crypt, "$2", "$2b$"},
    {"SCRAM-SHA-256", Scheme::scram_sha_256, {}, nullptr},
};

} // namespace

std::optional<SchemeRow> find_scheme(std::string_view name) noexcept {
    for (const SchemeRow& row : schemes) {
        if (line::equals_ignoring_case(row.name, name)) return row;
    }
    return std::nullopt;
}

} // namespace buzon::auth
