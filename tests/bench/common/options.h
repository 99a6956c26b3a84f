// bench/common/options.h - parses "--name value" words into a checked map. Does not know what the names mean.
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

// A mistake in the command line; main() exits with 64.
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

// All of `text` as an unsigned number; otherwise throws a UsageError that names `what`.
[[nodiscard]] std::uint64_t parse_number(std::string_view what, std::string_view text);

} // namespace bench
