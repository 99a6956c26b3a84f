// The hashes against every test vector in their specifications, and against themselves at every cut and block edge.
#include "support/catch.h"

#include <string>

#include "buzon/digest/hex.h"
#include "buzon/digest/hmac.h"
#include "buzon/digest/pbkdf2.h"
#include "buzon/digest/sha1.h"
#include "buzon/digest/sha2.h"

using namespace buzon::digest;

namespace {

template <class Digest>
std::string hex(const Digest& digest) {
    return encode_hex(octets(digest));
}

std::string unhex(std::string_view digits) {
    return decode_hex(digits).value();
}

} // namespace

TEST_CASE("MD5 passes the test suite of RFC 1321") {
    CHECK(hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(hex(md5("a")) == "0cc175b9c0f1b6a831c399e269772661");
    CHECK(hex(md5("abc")) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(hex(md5("message digest")) == "f96b697d7cb7938d525a2f31aaf161d0");
    CHECK(hex(md5("abcdefghijklmnopqrstuvwxyz")) == "c3fcd3d76192e4007dfb496cca67e13b");
    CHECK(hex(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")) ==
          "d174ab98d277d9f5a5611c2c9f419d9f");
    CHECK(hex(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890")) ==
          "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("SHA-256 matches the examples of FIPS 180-4") {
    CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                     "mnopqrstnopqrstu")) == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(hex(sha256(std::string(1000000, 'a'))) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEMPLATE_TEST_CASE("a digest is the same wherever the input is cut, at every length around a block's edge", "", Sha256,
                   Md5, Sha1, Sha512) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += static_cast<char>(i * 7);
    for (const std::size_t length :
         {0U, 1U, 55U, 56U, 57U, 63U, 64U, 65U, 111U, 112U, 113U, 119U, 120U, 127U, 128U, 129U, 200U}) {
        const std::string_view input = std::string_view{text}.substr(0, length);
        TestType whole;
        whole.update(input);
        const auto expected = whole.finish();
        for (std::size_t cut = 0; cut <= length; ++cut) {
            TestType pieces;
            pieces.update(input.substr(0, cut));
            pieces.update({});
            pieces.update(input.substr(cut));
            CHECK(pieces.finish() == expected);
        }
        TestType octet_by_octet;
        for (const char& c : input) octet_by_octet.update({&c, 1});
        CHECK(octet_by_octet.finish() == expected);
    }
}

template <class Hash>
std::string hex_of(std::string_view text) {
    Hash hash;
    hash.update(text);
    return hex(hash.finish());
}

TEST_CASE("SHA-1 matches the examples of FIPS 180-4") {
    CHECK(hex_of<Sha1>("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(hex_of<Sha1>("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex_of<Sha1>("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(hex_of<Sha1>(std::string(1000000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("SHA-512 matches the examples of FIPS 180-4") {
    CHECK(hex_of<Sha512>("") == "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                                "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
    CHECK(hex_of<Sha512>("abc") == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    CHECK(hex_of<Sha512>("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
                         "qrsmnopqrstnopqrstu") == "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                                                   "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
    CHECK(hex_of<Sha512>(std::string(1000000, 'a')) ==
          "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
          "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

TEST_CASE("SHA-384 matches the examples of FIPS 180-4") {
    CHECK(hex(sha384("abc")) == "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                                "8086072ba1e7cc2358baeca134c825a7");
    CHECK(hex(sha384("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
                     "qrsmnopqrstnopqrstu")) == "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
                                                "fcc7c71a557e2db966c3e9fa91746039");
}

TEST_CASE("PBKDF2 with SHA-1 matches the test vectors of RFC 6070") {
    const auto key = [](std::string_view password, std::string_view salt, std::uint32_t iterations, std::size_t size) {
        return encode_hex(pbkdf2_sha1(password, salt, iterations, size));
    };
    CHECK(key("password", "salt", 1, 20) == "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    CHECK(key("password", "salt", 2, 20) == "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
    CHECK(key("password", "salt", 4096, 20) == "4b007901b765489abead49d926f721d065a429c1");
    CHECK(key("passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25) ==
          "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
    CHECK(key(std::string_view{"pass\0word", 9}, std::string_view{"sa\0lt", 5}, 4096, 16) ==
          "56fa6aa75548099dcc37d7f03425e0c3");
}

TEST_CASE("HMAC-MD5 matches the test vectors of RFC 2104") {
    CHECK(hex(hmac_md5(std::string(16, '\x0b'), "Hi There")) == "9294727a3638bb1c13f48ef8158bfc9d");
    CHECK(hex(hmac_md5("Jefe", "what do ya want for nothing?")) == "750c783e6ab0b503eaa86e310a5db738");
    CHECK(hex(hmac_md5(std::string(16, '\xaa'), std::string(50, '\xdd'))) == "56be34521d144c88dbb8c733f0e8b3f6");
}

TEST_CASE("HMAC-SHA-256 matches the test vectors of RFC 4231") {
    const std::string long_key(131, '\xaa');
    CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(hex(hmac_sha256(unhex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'))) ==
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(hex(hmac_sha256(std::string(20, '\x0c'), "Test With Truncation")).substr(0, 32) ==
          "a3b6167473100ee06e0c796c2955552b");
    CHECK(hex(hmac_sha256(long_key, "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hex(hmac_sha256(long_key, "This is a test using a larger than block-size key and a larger than block-size "
                                    "data. The key needs to be hashed before being used by the HMAC algorithm.")) ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("an HMAC key of exactly one block is not hashed first, but a longer one is") {
    const std::string block(64, 'k');
    const std::string longer(65, 'k');
    CHECK(hex(hmac_sha256(longer, "m")) == hex(hmac_sha256(octets(sha256(longer)), "m")));
    CHECK(hex(hmac_sha256(block, "m")) != hex(hmac_sha256(octets(sha256(block)), "m")));
}

TEST_CASE("PBKDF2 with SHA-256 derives the known keys from the inputs of RFC 6070") {
    const auto key = [](std::string_view password, std::string_view salt, std::uint32_t iterations, std::size_t size) {
        return encode_hex(pbkdf2_sha256(password, salt, iterations, size));
    };
    CHECK(key("password", "salt", 1, 32) == "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
    CHECK(key("password", "salt", 2, 32) == "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43");
    CHECK(key("password", "salt", 4096, 32) == "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    CHECK(key("passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 40) ==
          "348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9");
    CHECK(key(std::string_view{"pass\0word", 9}, std::string_view{"sa\0lt", 5}, 4096, 16) ==
          "89b69d0516f829893c696226650a8687");
    CHECK(key("password", "salt", 1, 0).empty());
}

// Sixteen million iterations take a minute, too long for every day. Run this by name after changing PBKDF2.
TEST_CASE("PBKDF2 with SHA-256 derives the known key from the long input of RFC 6070", "[.slow]") {
    CHECK(encode_hex(pbkdf2_sha256("password", "salt", 16777216, 32)) ==
          "cf81c66fe8cfc04d1f31ecb65dab4089f7f179e89b3b0bcb17ad10e3ac6eba46");
}
