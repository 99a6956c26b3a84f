// bench/common/options.h - "--name value" words to a checked map. Knows no meaning of a name.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// What the person who typed the command line did wrong; ends in main() with exit code 64.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// `--name value`, `--flag` and operands. Unknown names are refused, never guessed.
class Options {
public:
    Options(std::span<char* const> words, std::initializer_list<std::string_view> valued,
            std::initializer_list<std::string_view> flags);

    [[nodiscard]] bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
    [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise = {}) const;
    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const;
    [[nodiscard]] double real(std::string_view name, double otherwise) const;
    [[nodiscard]] const std::vector<std::string>& operands() const noexcept { return operands_; }

private:
    std::map<std::string, std::string, std::less<>> values_;
    std::vector<std::string> operands_;
};

// The whole of `text` as a number without sign; throws UsageError naming `what` otherwise.
[[nodiscard]] std::uint64_t parse_number(std::string_view what, std::string_view text);

} // namespace bench
