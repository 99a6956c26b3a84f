// client/arguments.h - parses the command line. Does not look up names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "conversation.h"
#include "view.h"

namespace buzon::client {

// Exit codes; from 64 on as in sysexits.h. exit_output: stdout cannot be written.
inline constexpr int exit_ok = 0, exit_refused = 1, exit_usage = 64, exit_unavailable = 69, exit_output = 74;

struct Invocation {
    enum class What { help, version, hash, talk, command, top, plot } what = What::talk;
    Format format = Format::person;
    std::string admin; // --auth; empty: none
    Address address;
    std::string command;               // What::command: the line to send
    std::vector<std::string> operands; // of hash and plot
};

// Parses the arguments after the program's name. A string says what is wrong with them.
[[nodiscard]] std::variant<Invocation, std::string> parse_arguments(std::span<const std::string_view> arguments);

[[nodiscard]] std::string_view usage_text() noexcept;

} // namespace buzon::client
