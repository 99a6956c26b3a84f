// auth/application.h - application passwords: additional secrets of a user, one per device or program, each with its
// own limits. Knows no clock. Each is an extra field in a passwd-file:
//
//   buzon_secret=LABEL:{SCHEME}secret[;expires=YYYY-MM-DD][;nets=NET,...][;rights=read|keep|all]
//
// Everything after the first ';' is a limit, so a plain password that contains ';' must be written as {PLAIN.b64}.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/parsed.h"
#include "buzon/auth/source.h"

namespace buzon::auth {

enum class Rights : std::uint8_t {
    all,
    keep, // deleted messages go to the trash
    read, // nothing can be deleted
};

struct Application {
    std::string label;
    std::string limits;                           // as written, each with its leading ';'
    std::optional<std::chrono::sys_days> expires; // invalid from that day on (UTC)
    std::string nets;                             // like allow_nets; empty: from anywhere
    Rights rights = Rights::all;
    std::string fault;        // why no password matches it; empty: it is valid
    std::uint64_t change = 0; // 0: as loaded; otherwise the number of a run-time change
    std::uint64_t cost = 0;   // Secret::cost() of one that was added at run time
};

// The maximum per user: a wrong password is compared with each of them.
inline constexpr std::size_t max_applications = 32;

// `LABEL[;LIMIT...]`. A label is 1 to 32 letters, digits, '-', '_' and '.'.
[[nodiscard]] Parsed<Application> parse_application(std::string_view text);

// A value of buzon_secret. If it is invalid, `fault` says why without showing the secret, and `secret` is empty.
struct ApplicationSecret {
    Application application;
    std::string secret; // with its {SCHEME}
};
[[nodiscard]] ApplicationSecret read_application_secret(std::string_view value);

// Whether clients at this address may use it. No source: a peer without an address.
[[nodiscard]] bool allows(const Application& application, const std::optional<Source>& source);

// A user's application passwords as one text without secrets, for a UserBlock, and back.
[[nodiscard]] std::string to_text(const std::vector<Application>& applications);
[[nodiscard]] std::vector<Application> applications_in(std::string_view text);
// Whether at least one of them is valid.
[[nodiscard]] bool any_valid(std::string_view text) noexcept;

} // namespace buzon::auth
