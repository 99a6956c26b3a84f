// auth/parsed.h - what a text meant, or a sentence why it means nothing.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace buzon::auth {

struct Wrong {
    std::string why; // for an operator to read; never holds a secret
};

// Always look before value(): asking for the value of what was refused is a bug of ours and throws.
template <class T>
class [[nodiscard]] Parsed {
public:
    Parsed(T value) : state_{std::in_place_index<0>, std::move(value)} {}
    Parsed(Wrong wrong) : state_{std::in_place_index<1>, std::move(wrong)} {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }

    // The reason; empty when there is a value.
    [[nodiscard]] std::string why() const {
        const Wrong* wrong = std::get_if<1>(&state_);
        return wrong ? wrong->why : std::string{};
    }

private:
    std::variant<T, Wrong> state_;
};

} // namespace buzon::auth
