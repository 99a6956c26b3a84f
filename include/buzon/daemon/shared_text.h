// daemon/shared_text.h - a text that several keep and nobody changes, at eight octets for each of them: the path of a
// maildrop, which its sessions and the table of maildrops need. A std::string for each would be 80 octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace buzon::daemon {

// For one thread. Empty ones keep nothing.
class SharedText {
public:
    SharedText() = default;
    explicit SharedText(std::string_view text); // at most 4 GiB
    SharedText(const SharedText& other) noexcept : block_{other.block_} {
        if (block_) ++block_->users;
    }
    SharedText(SharedText&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
    SharedText& operator=(SharedText other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~SharedText();

    [[nodiscard]] std::string_view view() const noexcept {
        return block_ ? std::string_view{block_->text(), block_->size} : std::string_view{};
    }

    // For tables whose keys they are, asked for by any text.
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
        std::size_t operator()(const SharedText& text) const noexcept { return (*this)(text.view()); }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const SharedText& a, const SharedText& b) const noexcept { return a.view() == b.view(); }
        bool operator()(const SharedText& a, std::string_view b) const noexcept { return a.view() == b; }
        bool operator()(std::string_view a, const SharedText& b) const noexcept { return a == b.view(); }
    };

private:
    struct Block {
        std::uint32_t users;
        std::uint32_t size; // octets of the text, which follow
        [[nodiscard]] char* text() noexcept { return static_cast<char*>(static_cast<void*>(this + 1)); }
    };
    Block* block_ = nullptr;
};

} // namespace buzon::daemon
