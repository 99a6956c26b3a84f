// bench/common/options.cpp - see the header.
#include "common/options.h"

#include <algorithm>
#include <charconv>

namespace bench {

Options::Options(std::span<char* const> words, std::initializer_list<std::string_view> valued,
                 std::initializer_list<std::string_view> flags) {
    const auto among = [](std::initializer_list<std::string_view> names, std::string_view name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "--") { // what follows belongs to another program
            operands_.insert(operands_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            return;
        }
        if (!word.starts_with("--")) {
            operands_.emplace_back(word);
            continue;
        }
        const std::string_view name = word.substr(2);
        if (among(flags, name)) {
            values_.emplace(name, "");
        } else if (!among(valued, name)) {
            throw UsageError{"unknown option " + std::string{word}};
        } else if (i + 1 == words.size()) {
            throw UsageError{std::string{word} + " needs a value"};
        } else {
            values_.insert_or_assign(std::string{name}, words[++i]);
        }
    }
}

std::string Options::text(std::string_view name, std::string_view otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string{otherwise} : found->second;
}

std::uint64_t Options::number(std::string_view name, std::uint64_t otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : parse_number(name, found->second);
}

double Options::real(std::string_view name, double otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    double value = 0;
    const char* const end = found->second.data() + found->second.size();
    const auto [stop, error] = std::from_chars(found->second.data(), end, value);
    if (error != std::errc{} || stop != end || !(value >= 0)) {
        throw UsageError{"--" + std::string{name} + " " + found->second + ": not a number"};
    }
    return value;
}

std::uint64_t parse_number(std::string_view what, std::string_view text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) {
        throw UsageError{std::string{what} + " " + std::string{text} + ": not a number"};
    }
    return value;
}

} // namespace bench
