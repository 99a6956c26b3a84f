// manage/forms.h - every form that a command can take: its words, who may use it, and the kind of reply. The server's
// access rules and HELP, the client's completion and the table of docs/management-protocol.md all come from here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::manage {

// Who may use it. free: anybody. served: anybody if no administrator is configured, else after AUTH. guarded: an
// administrator, or a peer trusted by its user id.
enum class Access : std::uint8_t { free, served, guarded };
// line: one status line. lines: a list up to ".". live: lines as things happen, until the client sends a line.
enum class ReplyForm : std::uint8_t { line, lines, live };

[[nodiscard]] std::string_view name_of(Access access) noexcept;
[[nodiscard]] std::string_view name_of(ReplyForm form) noexcept;

// A word of `arguments` is a literal, the name of a placeholder (placeholders()), or several of these joined by '|'. A
// word in brackets is optional; one with "..." stands for all the words that follow.
struct Form {
    std::string_view keyword;
    std::string_view arguments;
    Access access;
    ReplyForm reply;
    std::string_view meaning;
    std::string_view errors; // in addition to those for access and for a wrong number of words; "": none
};

// In the order of HELP. The forms of a keyword are adjacent, those with literals before those with placeholders.
[[nodiscard]] std::span<const Form> forms() noexcept;
[[nodiscard]] std::span<const Form> forms_of(std::string_view keyword) noexcept;

// The form that a line has; null if its keyword is unknown or its words match no form.
[[nodiscard]] const Form* form_of(std::string_view line) noexcept;

// Where the value of a placeholder comes from.
enum class Names : std::uint8_t {
    none, // typed by a person
    metrics,
    settings,
    setting_values, // of the setting in the word before
    users,
    sessions,
    event_types,
    commands
};
struct Placeholder {
    std::string_view word;
    Names names;
};
[[nodiscard]] std::span<const Placeholder> placeholders() noexcept;

// What may follow the words of `before` (a keyword and whole words): literals and sources of names.
struct Choices {
    std::vector<std::string_view> literals;
    std::vector<Names> names;
};
[[nodiscard]] Choices choices_after(std::string_view before);

// The words that may still follow, form by form: "? [setting] | CHANGED | setting".
[[nodiscard]] std::string rest_after(std::string_view before);

// Whether the line ends in a password (AUTH ana secret), and whether it would with one more word (AUTH ana).
[[nodiscard]] bool holds_password(std::string_view line) noexcept;
[[nodiscard]] bool lacks_password(std::string_view line) noexcept;

// The groups of HELP, in the order of forms(): a group begins with its first keyword.
struct Group {
    std::string_view title, first_keyword;
};
[[nodiscard]] std::span<const Group> groups() noexcept;

// An example of each command, for HELP.
[[nodiscard]] std::string_view example_of(std::string_view keyword) noexcept;

} // namespace buzon::manage
