#include "buzon/digest/sha2.h"

#include <algorithm>
#include <bit>

#include "block_hash.h"

namespace buzon::digest {
namespace {

// SHA-512's round constants. The upper halves of the first 64 are SHA-256's.
constexpr std::array<std::uint64_t, 80> sha2_round_constants{
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

// Rotations in bits, except that the last of each small sigma is a shift.
template <class Word>
struct Sha2Shape;
template <>
struct Sha2Shape<std::uint32_t> {
    static constexpr std::size_t rounds = 64;
    static constexpr int big0[] = {2, 13, 22}, big1[] = {6, 11, 25}, small0[] = {7, 18, 3}, small1[] = {17, 19, 10};
};
template <>
struct Sha2Shape<std::uint64_t> {
    static constexpr std::size_t rounds = 80;
    static constexpr int big0[] = {28, 34, 39}, big1[] = {14, 18, 41}, small0[] = {1, 8, 7}, small1[] = {19, 61, 6};
};

template <class Word>
Word big_sigma(Word x, const int (&by)[3]) noexcept {
    return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ std::rotr(x, by[2]);
}

template <class Word>
Word small_sigma(Word x, const int (&by)[3]) noexcept {
    return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ x >> by[2];
}

} // namespace

template <class Word>
void Sha2<Word>::compress(const unsigned char* block) noexcept {
    using Shape = Sha2Shape<Word>;
    std::array<Word, Shape::rounds> w;
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_big_endian<Word>(block + sizeof(Word) * i);
    for (std::size_t i = 16; i < w.size(); ++i) {
        w[i] = w[i - 16] + small_sigma(w[i - 15], Shape::small0) + w[i - 7] + small_sigma(w[i - 2], Shape::small1);
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const Word t1 =
            h + big_sigma(e, Shape::big1) + ((e & f) ^ (~e & g)) + of_sha512(sha2_round_constants[i]) + w[i];
        const Word t2 = big_sigma(a, Shape::big0) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const std::array<Word, 8> mixed{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += mixed[i];
}

template <class Word>
void Sha2<Word>::update(std::string_view octets) noexcept {
    take_blocks(pending_, taken_, octets, [this](const unsigned char* block) { compress(block); });
}

template <class Word>
typename Sha2<Word>::Digest Sha2<Word>::finish() noexcept {
    pad_last_block<2 * sizeof(Word)>(
        pending_, taken_, [this](const unsigned char* block) { compress(block); },
        [](unsigned char* at, std::uint64_t bits) { store_big_endian(at, bits); });
    Digest digest;
    for (std::size_t i = 0; i < state_.size(); ++i) store_big_endian(digest.data() + sizeof(Word) * i, state_[i]);
    return digest;
}

template class Sha2<std::uint32_t>;
template class Sha2<std::uint64_t>;

Sha256::Digest sha256(std::string_view octets) noexcept {
    Sha256 hash;
    hash.update(octets);
    return hash.finish();
}

namespace {

class Sha384 : public Sha512 {
public:
    Sha384() noexcept
        : Sha512{{0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939, 0x67332667ffc00b31,
                  0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4}} {}
};

} // namespace

std::array<unsigned char, 48> sha384(std::string_view octets) noexcept {
    Sha384 hash;
    hash.update(octets);
    const Sha512::Digest whole = hash.finish();
    std::array<unsigned char, 48> digest{};
    std::copy_n(whole.begin(), digest.size(), digest.begin());
    return digest;
}

} // namespace buzon::digest
