// client/commands.h - what the client must know of the server's commands: the form of the answer, where a password
// stands, what Tab may complete. A command missing here still works, only without these comforts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/client/reply.h"

namespace buzon::client {

[[nodiscard]] Shape shape_of(std::string_view command_line);
[[nodiscard]] bool is_quit(std::string_view command_line);

// The line holds a password (AUTH name pass, USER ADD name pass, USER PASS name pass): never put it in a history.
[[nodiscard]] bool holds_secret(std::string_view command_line);
// The same commands with the password left out: ask for it without echo.
[[nodiscard]] bool lacks_secret(std::string_view command_line);

// Names that only the server knows; empty until somebody has asked it.
struct Vocabulary {
    std::vector<std::string> metrics;
    std::vector<std::string> settings;
};
enum class Needs { nothing, metrics, settings };

struct Completion {
    std::size_t from = 0;           // where in the line the word begins
    std::vector<std::string> words; // what it may become, sorted
    Needs needs = Needs::nothing;   // the vocabulary that decides here
};
// What the word that ends at the end of `before_cursor` may become.
[[nodiscard]] Completion complete(std::string_view before_cursor, const Vocabulary& known);

} // namespace buzon::client
