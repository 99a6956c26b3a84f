// message/bytes.h - encodes values as octets and back, for requests sent to a worker. Private to message/ and maildir/.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace buzon::message {

// Both ends run the same program on the same machine: integers are sent in memory order.
class BytesOut {
public:
    template <class T>
    BytesOut& put(T value) {
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        bytes_.append(raw, sizeof raw);
        return *this;
    }
    BytesOut& put_text(std::string_view text) {
        put(static_cast<std::uint32_t>(text.size()));
        bytes_ += text;
        return *this;
    }
    // Reserves memory, so that put() and put_text() need not reallocate.
    void reserve(std::size_t octets) { bytes_.reserve(octets); }
    [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

// Missing data reads as zero or empty; check good() at the end.
class BytesIn {
public:
    explicit BytesIn(std::string_view bytes) noexcept : rest_{bytes} {}

    template <class T>
    T get() noexcept {
        static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>);
        T value{};
        if (rest_.size() < sizeof value) {
            fail();
            return value;
        }
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
        return value;
    }
    bool get_bool() noexcept { return get_up_to(1) != 0; }
    // One octet with a value of at most `largest`.
    std::uint8_t get_up_to(std::uint8_t largest) noexcept {
        const auto value = get<std::uint8_t>();
        if (value <= largest) return value;
        fail();
        return 0;
    }
    std::string get_text() { return std::string{get_view()}; }
    // The same without copying.
    std::string_view get_view() noexcept {
        const auto size = get<std::uint32_t>();
        if (size > rest_.size()) {
            fail();
            return {};
        }
        const std::string_view text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return text;
    }

    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    // All fields were present, and nothing follows them.
    [[nodiscard]] bool good() const noexcept { return !failed_ && rest_.empty(); }

private:
    void fail() noexcept {
        failed_ = true;
        rest_ = {};
    }

    std::string_view rest_;
    bool failed_ = false;
};

[[nodiscard]] inline std::error_code bad_bytes() noexcept {
    return {EBADMSG, std::system_category()};
}

} // namespace buzon::message
