// filter/filter_spec.h - parses the SPEC of -T and TRAN: programs and their arguments. No shell.
//
//   SPEC    = MEMBER *( BAR MEMBER )              each member reads the output of the one before it
//   MEMBER  = [ "process:" ] PROGRAM              with "process:", a long-running program (answer_parser.h)
//   PROGRAM = PATH                                without arguments
//           / PATH ":" ARG                        one argument: everything that follows, including quotes
//           / PATH WORDS                          a command line
//   PATH    = "/" …                               ends at the first white space, quote or ":"
//   WORDS   = words as a shell splits them: '…' is literal; in "…" a \ makes " \ $ ` literal; \c is c.
//             Nothing is expanded: $ * ~ ; & < > # and a | that is not a BAR are ordinary characters.
//   BAR     = white space, "|", white space, followed by the "/" or "process:/" of the next MEMBER
//
// When a bar is a BAR, and when it is text:
//   - Inside quotes and inside a word (sed's s|a|b|) it is text.
//   - In PATH:ARG quotes mean nothing, so only a BAR ends ARG: "/usr/bin/sed:s | a | b |" is one program, since no
//     "/" follows its bars. To pass an ARG that contains " | /", write a command line with quotes.
//   - In a command line a "|" that is not a BAR is an ordinary character, like ";" and ">".
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
    std::string written;                // as written in the SPEC
    bool lives_on = false;              // "process:": one process handles one message after another

    // Equal if they run the same command in the same way, however it was written.
    [[nodiscard]] bool operator==(const FilterMember& other) const {
        return path == other.path && arguments == other.arguments && lives_on == other.lives_on;
    }
    // One word without arguments, for SESS, events and metrics: "/usr/bin/sed", "process:/usr/local/bin/mark".
    [[nodiscard]] std::string name() const;
};

struct ParsedSpec;

class FilterSpec {
public:
    static constexpr std::size_t max_members = 16;

    // Has no programs; the result of a successful parse has at least one.
    FilterSpec() = default;
    [[nodiscard]] static ParsedSpec parse(std::string_view text);

    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] const std::vector<FilterMember>& members() const noexcept { return members_; }

    // Several -T form a chain. False, and no change, if the chain would exceed max_members.
    [[nodiscard]] bool append(const FilterSpec& next);

    // `count` members, starting at `first`.
    [[nodiscard]] FilterSpec part(std::size_t first, std::size_t count) const;

    // A SPEC that parses to this one again; the original text where possible.
    [[nodiscard]] std::string text() const;
    // The same for a line of a file, where trailing white space is ignored.
    [[nodiscard]] std::string text_for_a_file() const;

    // The names of its members, joined by "|".
    [[nodiscard]] std::string names() const;

    [[nodiscard]] bool operator==(const FilterSpec&) const = default;

private:
    [[nodiscard]] std::string joined(bool end_counts) const;

    std::vector<FilterMember> members_;
};

struct ParsedSpec {
    FilterSpec spec;
    std::string problem; // for a person, one line; empty on success

    [[nodiscard]] bool ok() const noexcept { return problem.empty(); }
};

} // namespace buzon::filter
