// client/commands.h - what the client knows about the server's commands: the shape of the reply, where a password is,
// what Tab completes. A command that is missing here still works, without completion.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "reply.h"

namespace buzon::client {

[[nodiscard]] Shape shape_of(std::string_view command_line);
// Whether that is its first word, in capitals or not.
[[nodiscard]] bool has_verb(std::string_view command_line, std::string_view verb);

// The line contains a password (AUTH name pass, USER ADD name pass, USER PASS name pass): keep it out of the history.
[[nodiscard]] bool holds_secret(std::string_view command_line);
// The same commands without the password: ask for it without echo.
[[nodiscard]] bool lacks_secret(std::string_view command_line);

// Names that only the server knows; empty until it was asked.
struct Vocabulary {
    std::vector<std::string> metrics;
    std::vector<std::string> settings;
};
enum class Needs { nothing, metrics, settings };

struct Completion {
    std::size_t from = 0;           // where in the line the word begins
    std::vector<std::string> words; // its completions, sorted
    Needs needs = Needs::nothing;   // the names needed to complete it
};
// Completions of the word at the end of `before_cursor`.
[[nodiscard]] Completion complete(std::string_view before_cursor, const Vocabulary& known);

} // namespace buzon::client
