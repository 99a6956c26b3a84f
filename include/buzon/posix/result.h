// posix/result.h - a value, or the reason why the world refused it.
#pragma once

#include <cerrno>
#include <system_error>
#include <utility>
#include <variant>

namespace buzon::posix {

[[nodiscard]] inline std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

// What a call that the world may refuse gives back. Always look before value(): asking a failed result for its
// value is a bug of ours and throws.
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

    // The reason; a default (no error) code when there is a value.
    [[nodiscard]] std::error_code error() const noexcept {
        const std::error_code* why = std::get_if<1>(&state_);
        return why ? *why : std::error_code{};
    }

private:
    std::variant<T, std::error_code> state_;
};

} // namespace buzon::posix
