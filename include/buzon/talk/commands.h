// talk/commands.h - what the client knows about commands, from the server's own table (manage/forms.h): which are live,
// which contain a password, what Tab completes. A command missing from the table still works.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/manage/forms.h"

namespace buzon::client {

// Whether the command's reply does not end by itself.
[[nodiscard]] bool is_live(std::string_view command_line);
// Whether its first word is `verb`, ignoring case.
[[nodiscard]] bool has_verb(std::string_view command_line, std::string_view verb);

// The client's own commands, which are not sent to the server. They take the same arguments as the server's command
// `takes_those_of`.
struct OwnCommand {
    std::string_view verb, takes_those_of;
};
[[nodiscard]] std::span<const OwnCommand> own_commands() noexcept;

// Names that only the server knows, as far as it has been asked for them.
using Vocabulary = std::map<manage::Names, std::vector<std::string>>;

struct Completion {
    std::size_t from = 0;             // where in the line the word begins
    std::vector<std::string> words;   // its completions, sorted
    std::vector<manage::Names> needs; // the names needed to complete it
};
// Completions of the word at the end of `before_cursor`.
[[nodiscard]] Completion complete(std::string_view before_cursor, const Vocabulary& known);

} // namespace buzon::client
