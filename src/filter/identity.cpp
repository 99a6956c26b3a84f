// What tells one chain of programs from another.
#include <sys/stat.h>

#include <cstdint>

#include "buzon/filter/filter_spec.h"

namespace buzon::filter {
namespace {

// FNV-1a of 128 bits: nobody hostile chooses the programs, it only has to keep honest ones apart.
class Hash {
public:
    // The length goes in too, so that "ab" "c" and "a" "bc" differ.
    void add(std::string_view text) noexcept {
        add(text.size());
        for (const char c : text) mix(static_cast<unsigned char>(c));
    }
    void add(std::uint64_t number) noexcept {
        for (int i = 0; i < 8; ++i, number >>= 8) mix(static_cast<unsigned char>(number & 0xff));
    }
    [[nodiscard]] std::string text() const {
        std::string digits(32, '0');
        Wide rest = state_;
        for (std::size_t i = digits.size(); i-- > 0; rest >>= 4) digits[i] = "0123456789abcdef"[rest & 0xf];
        return digits;
    }

private:
    __extension__ using Wide = unsigned __int128;
    static constexpr Wide prime = (Wide{1} << 88) + 0x13b;
    void mix(unsigned char octet) noexcept { state_ = (state_ ^ octet) * prime; }

    Wide state_ = (Wide{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
};

} // namespace

std::string identity(const FilterSpec& spec) {
    Hash hash;
    for (const FilterMember& member : spec.members()) {
        struct stat about {};
        if (::stat(member.path.c_str(), &about) != 0) return {};
        hash.add(member.path);
        hash.add(static_cast<std::uint64_t>(about.st_size));
        hash.add(static_cast<std::uint64_t>(about.st_mtim.tv_sec));
        hash.add(static_cast<std::uint64_t>(about.st_mtim.tv_nsec));
        hash.add(member.arguments.size());
        for (const std::string& argument : member.arguments) hash.add(argument);
    }
    return hash.text();
}

} // namespace buzon::filter
