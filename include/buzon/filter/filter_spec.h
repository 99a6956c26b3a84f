// filter/filter_spec.h - the text of -T and TRAN: which programs a message passes, with which arguments. No shell.
//
//   SPEC    = MEMBER *( BAR MEMBER )              each member reads what the one before it wrote
//   MEMBER  = PATH                                a program without arguments
//           / PATH ":" ARG                        one argument: everything that follows, quotes and all
//           / PATH WORDS                          a command line
//   PATH    = "/" …                               ends at the first white space, quote or ":"
//   WORDS   = words as a shell splits them: '…' as it stands; "…" where \ keeps the meaning of " \ $ ` away; \c is c.
//             Nothing is expanded: $ * ~ ; & < > # and a | that is no BAR are ordinary characters.
//   BAR     = white space, "|", white space, and the "/" of the next PATH behind it
//
// Where a bar joins and where it is text:
//   - Inside quotes and inside a word (sed's s|a|b|) it is text.
//   - In PATH:ARG quotes mean nothing, so only BAR itself ends ARG: "/usr/bin/sed:s | a | b |" is one program, since no
//     "/" follows its bars. An ARG that must hold " | /" is written as a command line, in quotes.
//   - In a command line a "|" that is no BAR is an ordinary character, as ";" and ">" are: no shell looks at it.
// White space is space and tab. NUL, CR and LF are refused: a SPEC is one line of TRAN and of the configuration.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::filter {

struct FilterMember {
    std::string path;                   // absolute
    std::vector<std::string> arguments; // without argv[0]
    std::string written;                // as it stood in the SPEC

    // Equal when they run the same: how it was written does not count.
    [[nodiscard]] bool operator==(const FilterMember& other) const {
        return path == other.path && arguments == other.arguments;
    }
};

struct ParsedSpec;

class FilterSpec {
public:
    static constexpr std::size_t max_members = 16;

    // No program at all; what a successful parse gives has one at least.
    FilterSpec() = default;
    [[nodiscard]] static ParsedSpec parse(std::string_view text);

    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] const std::vector<FilterMember>& members() const noexcept { return members_; }

    // Several -T run one behind the other. False, and nothing changed, when the chain would grow beyond max_members.
    [[nodiscard]] bool append(const FilterSpec& next);

    // A SPEC that parses to this one again: as it was written wherever that is possible.
    [[nodiscard]] std::string text() const;
    // The same where white space at the end does not count, as in a line of a file.
    [[nodiscard]] std::string text_for_a_file() const;

    [[nodiscard]] bool operator==(const FilterSpec&) const = default;

private:
    [[nodiscard]] std::string joined(bool end_counts) const;

    std::vector<FilterMember> members_;
};

struct ParsedSpec {
    FilterSpec spec;
    std::string problem; // for a person, one line; empty: the text was understood

    [[nodiscard]] bool ok() const noexcept { return problem.empty(); }
};

} // namespace buzon::filter
