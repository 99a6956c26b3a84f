// posix/secret_text.h - texts that are not to be found in memory once they have been used.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace buzon::posix {

// Overwrites the octets in a way that no optimiser removes. Copies that a string made earlier are not reached.
void wipe(void* octets, std::size_t size) noexcept;
void wipe(std::string& text) noexcept; // its whole capacity; then empties it
// For text in a buffer that its owner no longer needs. The buffer must be writable, although we see it as constant.
void wipe(std::string_view taken) noexcept;

// Overwrites some pages of the stack, where functions that have returned may have left secrets.
void wipe_stack() noexcept;

// A text that may contain a password. The destructor overwrites it, unless it is too long to contain one.
class WipedString : public std::string {
public:
    using std::string::string;
    WipedString() = default;
    WipedString(std::string&& text) noexcept : std::string{std::move(text)} {}
    WipedString(const std::string& text) : std::string{text} {}
    WipedString(const WipedString&) = default;
    WipedString(WipedString&&) noexcept = default;
    WipedString& operator=(const WipedString&) = default;
    WipedString& operator=(WipedString&&) noexcept = default;
    ~WipedString() {
        if (capacity() <= max_secret) wipe(*this);
    }

private:
    static constexpr std::size_t max_secret = 32 * 1024;
};

// A password. The destructor overwrites it, and moving it leaves no copy (as a short std::string would).
class SecretText {
public:
    SecretText() = default;
    SecretText(std::string_view text);
    SecretText(const char* text) : SecretText{std::string_view{text}} {}
    SecretText(const SecretText& other) : SecretText{other.view()} {}
    SecretText(SecretText&& other) noexcept;
    SecretText& operator=(SecretText other) noexcept;
    ~SecretText();

    [[nodiscard]] std::string_view view() const noexcept { return {octets_.get(), size_}; }
    operator std::string_view() const noexcept { return view(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    friend bool operator==(const SecretText& a, std::string_view b) noexcept { return a.view() == b; }

private:
    std::unique_ptr<char[]> octets_;
    std::size_t size_ = 0;
};

} // namespace buzon::posix
