// auth/parsed.h - the result of parsing a text, or the reason why it is invalid.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace buzon::auth {

struct Wrong {
    std::string why; // for an operator; never contains a secret
};

// Check it before value(): asking for the value of an invalid text is a bug and throws.
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

    // The reason; empty if there is a value.
    [[nodiscard]] std::string why() const {
        const Wrong* wrong = std::get_if<1>(&state_);
        return wrong ? wrong->why : std::string{};
    }

private:
    std::variant<T, Wrong> state_;
};

} // namespace buzon::auth
