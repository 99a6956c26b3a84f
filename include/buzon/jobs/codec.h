// jobs/codec.h - encodes values exchanged by the server and its workers: a struct lists its fields once, and both
// directions follow from that. Both ends run the same program on the same machine, but a worker may have been
// compromised: every length and every enumerator is checked.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "buzon/message/bytes.h"

namespace buzon::jobs {

// static void fields(auto& self, auto&& each) { each(self.this, self.that); }
template <class T>
concept HasFields = requires(T& value) {
    T::fields(value, [](auto&&...) {});
};

// Maps and vectors.
template <class T>
concept Sequence = requires(T& values) {
    values.begin();
    values.clear();
}
&&!std::convertible_to<T, std::string_view>;

template <class T>
concept Map = Sequence<T> && requires {
    typename T::mapped_type;
};

class Encoder {
public:
    template <class... T>
    void operator()(const T&... values) {
        (put(values), ...);
    }
    void reserve(std::size_t octets) { out_.reserve(octets); }
    [[nodiscard]] std::string take() { return out_.take(); }

private:
    template <class T>
    void put(const T& value) {
        if constexpr (HasFields<T>) {
            T::fields(value, *this);
        } else if constexpr (std::same_as<T, std::error_code>) {
            out_.put(static_cast<std::int32_t>(value.value()));
        } else if constexpr (std::convertible_to<T, std::string_view>) {
            out_.put_text(value);
        } else if constexpr (Sequence<T>) {
            out_.put(static_cast<std::uint32_t>(value.size()));
            for (const auto& one : value) put(one);
        } else {
            out_.put(value);
        }
    }
    template <class First, class Second>
    void put(const std::pair<First, Second>& both) {
        put(both.first);
        put(both.second);
    }

    message::BytesOut out_;
};

class Decoder {
public:
    explicit Decoder(std::string_view bytes) noexcept : in_{bytes} {}

    template <class... T>
    void operator()(T&... values) {
        (get(values), ...);
    }
    // All fields were present, and nothing follows them.
    [[nodiscard]] bool good() const noexcept { return in_.good() && !wrong_; }

private:
    template <class T>
    void get(T& value) {
        if constexpr (HasFields<T>) {
            T::fields(value, *this);
        } else if constexpr (std::same_as<T, std::error_code>) {
            value = {in_.template get<std::int32_t>(), std::system_category()};
        } else if constexpr (std::same_as<T, bool>) {
            value = in_.get_bool();
        } else if constexpr (std::is_enum_v<T>) {
            value = static_cast<T>(in_.get_up_to(static_cast<std::uint8_t>(last_of(T{}))));
        } else if constexpr (std::same_as<T, std::string_view>) {
            value = in_.get_view(); // not copied
        } else if constexpr (std::same_as<T, std::string>) {
            value = in_.get_text();
        } else if constexpr (Map<T>) {
            for (auto count = length(); count > 0 && !in_.failed(); --count) {
                typename T::key_type key{};
                get(key);
                get(value[key]);
            }
        } else if constexpr (Sequence<T>) {
            for (auto count = length(); count > 0 && !in_.failed(); --count) get(value.emplace_back());
        } else {
            value = in_.template get<T>();
        }
    }
    // Reads the size of a sequence. An element takes at least one octet, so a size above the octets left is wrong.
    std::uint32_t length() noexcept {
        const auto count = in_.template get<std::uint32_t>();
        if (count <= in_.left()) return count;
        wrong_ = true;
        return 0;
    }

    message::BytesIn in_;
    bool wrong_ = false;
};

template <HasFields T>
[[nodiscard]] std::string encode(const T& value) {
    Encoder encoder;
    if constexpr (requires { value.octets(); }) encoder.reserve(value.octets());
    encoder(value);
    return encoder.take();
}

// True if `bytes` are exactly one encoded `value`. Views in it point into `bytes`.
template <HasFields T>
[[nodiscard]] bool decode(std::string_view bytes, T& value) {
    Decoder decoder{bytes};
    decoder(value);
    return decoder.good();
}

} // namespace buzon::jobs
