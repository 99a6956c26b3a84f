// filter/rules.h - which programs the operator's configuration lets filter hosts start, and how far these reach. Hosts
// obey it whatever the reactor says (keeper::Rules).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/filter_spec.h"
#include "buzon/filter/program.h"

namespace buzon::filter {

struct Rules {
    std::vector<FilterSpec> specs;       // named by the operator: with these arguments
    std::vector<std::string> folders;    // of programs that managers may choose, with any arguments
    bool any = false;                    // managers may choose any program
    std::vector<FilterSpec> login_specs; // that are asked about logins
    std::optional<Jail> jail = {};       // not said: as the reactor says
};

// As memory that is handed from process to process.
[[nodiscard]] std::string encode(const Rules& rules);
[[nodiscard]] std::optional<Rules> decode_rules(std::string_view text);

// What a checkpassword program runs once it lets somebody in: prints the ids that are in force and the environment, as
// the program has set them, apart from what it has printed itself.
[[nodiscard]] const std::vector<std::string>& last_login_program();

} // namespace buzon::filter
