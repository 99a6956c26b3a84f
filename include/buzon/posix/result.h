// posix/result.h - a value, or the error that the system returned instead.
#pragma once

#include <cerrno>
#include <system_error>
#include <utility>
#include <variant>

namespace buzon::posix {

[[nodiscard]] inline std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

// The result of a call that the system may refuse. Check it before value(): asking a failed result for its value is a
// bug and throws.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
    Result(std::error_code why) : state_{std::in_place_index<1>, why} {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }

    // The error; a default (no error) code if there is a value.
    [[nodiscard]] std::error_code error() const noexcept {
        const std::error_code* why = std::get_if<1>(&state_);
        return why ? *why : std::error_code{};
    }

private:
    std::variant<T, std::error_code> state_;
};

} // namespace buzon::posix
