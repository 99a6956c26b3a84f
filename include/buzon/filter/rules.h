// filter/rules.h - which programs the operator's configuration lets filter hosts start, and what these programs can
// access. Hosts obey it, whatever the reactor asks for (keeper::Rules).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/filter_spec.h"
#include "buzon/filter/program.h"

namespace buzon::filter {

struct Rules {
    std::vector<FilterSpec> specs;       // named by the operator; with these arguments only
    std::vector<std::string> folders;    // managers may choose programs below these, with any arguments
    bool any = false;                    // managers may choose any program
    std::vector<FilterSpec> login_specs; // programs that are asked about logins
    std::optional<Jail> jail = {};       // unset: as the reactor asks
};

// The form in which they are passed from process to process, in memory.
[[nodiscard]] std::string encode(const Rules& rules);
[[nodiscard]] std::optional<Rules> decode_rules(std::string_view text);

// The command that a checkpassword program runs after a successful login. It prints the effective ids and the
// environment that the program has set, separated by a NUL from what the program itself has printed.
[[nodiscard]] const std::vector<std::string>& last_login_program();

} // namespace buzon::filter
