// client/arguments.h - parses the command line. Does not look up names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "buzon/talk/conversation.h"
#include "buzon/talk/view.h"
#include "buzon/top/run_top.h"

namespace buzon::client {

struct Invocation {
    enum class What { help, version, hash, talk, command, top, plot } what = What::talk;
    Format format = Format::person;
    std::string admin;                 // --auth; empty: none
    Target target;                     // its patience is --timeout; `auth` is not set
    std::string command;               // What::command: the line to send
    std::vector<std::string> operands; // of hash and plot
    bool logarithmic = false;          // plot --log
    TopOptions top;
};

// Parses the arguments after the program's name. If they are wrong, the string says why. `server`: BUZON_SERVER, or "".
[[nodiscard]] std::variant<Invocation, std::string> parse_arguments(std::span<const std::string_view> arguments,
                                                                    std::string_view server = {});

[[nodiscard]] std::string_view usage_text() noexcept;

} // namespace buzon::client
