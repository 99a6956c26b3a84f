#include "support/catch.h"

#include <string>

#include "buzon/auth/make_secret.h"
#include "buzon/auth/secret.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hex.h"
#include "buzon/digest/octets.h"

using namespace buzon::auth;
using namespace buzon::digest;

namespace {

// The example user of RFC 7677: password "pencil".
const std::string pencil = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
                           "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

// Made by `openssl passwd -1` from the password "geheim".
const std::string md5_hash = "$1$saltsalt$wTLsTBb/.H7e4VHujepbF0";

bool opens(const std::string& text, std::string_view password) {
    return Secret::parse(text).value().verify(password);
}

} // namespace

TEST_CASE("a clear secret can be read, and only that password matches it") {
    for (const std::string scheme : {"{PLAIN}", "{plain}", "{CLEAR}", "{CLEARTEXT}", "{Cleartext}"}) {
        const Secret secret = Secret::parse(scheme + "pass: {1}").value();
        REQUIRE(secret.plain());
        CHECK(*secret.plain() == "pass: {1}");
        CHECK_FALSE(secret.is_slow());
        CHECK(secret.verify("pass: {1}"));
        for (const std::string wrong : {"", "pass: {1", "pass: {1}x", "PASS: {1}"}) CHECK_FALSE(secret.verify(wrong));
    }
    CHECK(opens("{PLAIN.b64}" + encode_base64("a:b"), "a:b"));
    CHECK(opens("{PLAIN.BASE64}" + encode_base64("a:b"), "a:b"));
    CHECK(opens("{CLEAR.hex}" + encode_hex("a:b"), "a:b"));
}

TEST_CASE("a clear secret is matched by passwords that are equal after SASLprep") {
    CHECK(opens("{PLAIN}a\xc2\xa0z", "a z")); // no-break space
    CHECK(opens("{PLAIN}az", "a\xc2\xadz"));  // soft hyphen
    CHECK(opens("{PLAIN}\xff", "\xff"));      // not UTF-8: compared as it is
    CHECK_FALSE(opens("{PLAIN}\xff", "\xfe"));
    CHECK_FALSE(opens("{PLAIN}\xc2\xad", "")); // a secret of nothing but a soft hyphen is not empty
}

TEST_CASE("a crypt(3) hash is verified, whether or not a scheme is given") {
    CHECK(opens(md5_hash, "geheim"));
    CHECK(opens("{CRYPT}" + md5_hash, "geheim"));
    CHECK(opens("{MD5-CRYPT}" + md5_hash, "geheim"));
    CHECK_FALSE(opens("{MD5-CRYPT}" + md5_hash, "Geheim"));
    CHECK(opens("{CRYPT.b64}" + encode_base64(md5_hash), "geheim"));
}

TEST_CASE("published crypt(3) hashes match their passwords") {
    // SHA-crypt's published salts (openssl and libxcrypt agree); bcrypt and DES from Openwall's test vectors.
    CHECK(opens("{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"));
    CHECK(opens("{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
                "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!"));
    CHECK(opens("{SHA256-CRYPT}$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
                "Hello world!"));
    CHECK(opens("{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"));
    CHECK(opens("{CRYPT}CCNf8Sbh3HDfQ", "U*U*U*U*"));
}

TEST_CASE("a generated secret matches its password and no other") {
    for (const std::string scheme :
         {"PLAIN", "CLEARTEXT", "CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT", "SCRAM-SHA-256"}) {
        INFO(scheme);
        const unsigned long rounds = scheme == "BLF-CRYPT" ? 4 : scheme.starts_with("SHA") ? 1000 : 0;
        const std::string made = make_secret(scheme, "ñandú pass", rounds).value();
        CHECK(made.starts_with('{' + scheme + '}'));
        CHECK(opens(made, "ñandú pass"));
        CHECK_FALSE(opens(made, "ñandú pasS"));
        CHECK_FALSE(opens(made, ""));
        if (!scheme.starts_with("PLAIN") && !scheme.starts_with("CLEAR")) {
            CHECK(made != make_secret(scheme, "ñandú pass", rounds).value()); // a different salt
            CHECK(Secret::parse(made).value().is_slow());
            CHECK_FALSE(Secret::parse(made).value().plain());
        }
    }
}

TEST_CASE("a generated clear secret contains no colon, even if the password has colons or blanks") {
    for (const std::string password : {"a:b", " a", "a ", ":", "a b"}) {
        const std::string made = make_secret("plain", password).value();
        CHECK(made.find(':') == made.npos);
        CHECK(opens(made, password));
    }
}

TEST_CASE("no secret is generated for an unknown scheme, an unusable password or too few iterations") {
    CHECK_FALSE(make_secret("ROT13", "x"));
    CHECK_FALSE(make_secret("", "x"));
    for (const std::string scheme : {"PLAIN", "CRYPT", "SCRAM-SHA-256"}) {
        CHECK_FALSE(make_secret(scheme, ""));
        CHECK_FALSE(make_secret(scheme, "a\nb"));
        CHECK_FALSE(make_secret(scheme, std::string_view{"a\0b", 3}));
        CHECK_FALSE(make_secret(scheme, "\xc3"));
    }
    CHECK_FALSE(make_secret("CRYPT", std::string(600, 'x'))); // crypt(3) takes 511 octets
    CHECK_FALSE(make_secret("SCRAM-SHA-256", "x", 4095));
}

TEST_CASE("the credentials in RFC 7677 are parsed, and match their password") {
    const Secret secret = Secret::parse(pencil).value();
    REQUIRE(secret.scram());
    CHECK(secret.is_slow());
    CHECK(secret.scram()->iterations == 4096);
    CHECK(encode_base64(secret.scram()->salt) == "W22ZaJ0SNY7soEsUEjb6gQ==");
    CHECK("{SCRAM-SHA-256}" + to_text(*secret.scram()) == pencil);
    CHECK(secret.verify("pencil"));
    CHECK_FALSE(secret.verify("Pencil"));
    const ScramCredentials derived = derive_scram("pencil", secret.scram()->salt, 4096);
    CHECK(derived.stored_key == secret.scram()->stored_key);
    CHECK(derived.server_key == secret.scram()->server_key);
}

TEST_CASE("SCRAM credentials derived from an unprepared password still match it") {
    const std::string password = "a\xc2\xa0z"; // a client that prepares sends "a z" over SCRAM, but this over PLAIN
    const std::string dovecots = "{SCRAM-SHA-256}" + to_text(derive_scram(password, "0123456789abcdef", 4096));
    CHECK(opens(dovecots, password));
    CHECK_FALSE(opens(dovecots, "a z"));
    const std::string ours = make_secret("SCRAM-SHA-256", password).value();
    CHECK(opens(ours, password));
    CHECK(opens(ours, "a z"));
}

// Made by `doveadm pw` of Dovecot 2.3 from "pass word".
const std::pair<const char*, const char*> of_dovecot[] = {
    {"SHA", "2oguq15ANCGsJCWKX31fllwpyEk="},
    {"SHA1", "2oguq15ANCGsJCWKX31fllwpyEk="},
    {"SHA", "da882eab5e403421ac24258a5f7d5f965c29c849"},
    {"SSHA", "nRmB0vCJlQtdzBXe9sNWDrs6aB77CZub"},
    {"SHA256", "eJgOJX9BJDf7+TQ3h7wA7FsQY2QpvAALKQEHM1sIl4Y="},
    {"SHA256.HEX", "78980e257f412437fbf9343787bc00ec5b10636429bc000b290107335b089786"},
    {"SSHA256", "wkhx219VaMJ+wktZrqYCvSON3rBMnFJ+mfGI+snuGZux4jhR"},
    {"SHA512", "Nq7XWhQpjD4VwA82iHbXmY8NSz1w7/A84XtT9npPaxW+U8Dt41vjbL2JY3A7kd5cgXmFPhhROfO9ihvprNn13A=="},
    {"SSHA512", "HPwc/XnpI6v1Z+yyD8/3FIpYsnRsNJg7o4dN9jtxadzTkhqQiWoJ9xSXHL3atFRiPS0eOCWhTwRiv/aivsPDsy121Oo="},
    {"SMD5", "LzmxKqHc4vcygjYhRVpmz4SQY8E="},
    {"PLAIN-MD5", "4ac6430a17d0215b3052b15c879d48bc"},
    {"PLAIN-MD5.b64", "SsZDChfQIVswUrFch51IvA=="},
    {"LDAP-MD5", "SsZDChfQIVswUrFch51IvA=="},
    {"ssha.hex", "5cc9bd016b8cc60ae47e508e59ac422578a01263dfc3cb91"},
    {"PBKDF2", "$1$TzAfP2qSACWClOun$5000$2e315b50cd114608562ef0722d525758b318da28"},
    {"SCRAM-SHA-1", "4096,uu+g9nQjYsINSpj0vYm4Mw==,iBExhNc3JxBfpq+X3PXnp1rwhBg=,g0Lvjfizd6GQRlFBiAUF3Hn/zuo="},
};

TEST_CASE("a secret in one of Dovecot's other schemes matches only its password, and is never generated by us") {
    for (const auto& [scheme, stored] : of_dovecot) {
        const std::string text = '{' + std::string{scheme} + '}' + stored;
        INFO(text);
        const Secret secret = Secret::parse(text).value();
        CHECK(secret.verify("pass word"));
        for (const std::string wrong : {"", "pass", "pass word ", "Pass word"}) CHECK_FALSE(secret.verify(wrong));
        CHECK_FALSE(secret.plain());
        CHECK_FALSE(secret.scram());
        CHECK_FALSE(secret.is_locked());
        const std::string name{text.substr(1, text.find_first_of(".}") - 1)};
        CHECK_FALSE(can_make_secret(name));
        CHECK_FALSE(make_secret(name, "x"));
        if (!secret.is_slow()) continue;
        const Secret decoy = Secret::parse(secret.decoy()).value();
        CHECK(decoy.cost() == secret.cost());
        CHECK_FALSE(decoy.verify("pass word"));
    }
}

TEST_CASE("a Dovecot hash that is truncated, too long or wrongly encoded is refused") {
    for (const auto& [scheme, stored] : of_dovecot) {
        const std::string label = '{' + std::string{scheme} + '}';
        const std::string text{stored};
        INFO(label + text);
        CHECK_FALSE(Secret::parse(label));
        CHECK_FALSE(Secret::parse(label + text.substr(0, text.size() / 2 - 1)));
        CHECK_FALSE(Secret::parse(label + text + "!"));
        CHECK_FALSE(Secret::parse(label + "hunter2"));
        CHECK(Secret::parse(label + "hunter2").why().find("hunter2") == std::string::npos);
    }
    for (const std::string text :
         {"{SSHA}2oguq15ANCGsJCWKX31fllwpyEk=" /* no salt */,
          "{PBKDF2}$1$salt$0$2e315b50cd114608562ef0722d525758b318da28",
          "{PBKDF2}$1$salt$99999999999$2e315b50cd114608562ef0722d525758b318da28",
          "{PBKDF2}$2$salt$1$2e315b50cd114608562ef0722d525758b318da28", "{PBKDF2}$1$salt$1$2e",
          "{SCRAM-SHA-1}0,uu+g9nQjYsINSpj0vYm4Mw==,iBExhNc3JxBfpq+X3PXnp1rwhBg=,g0Lvjfizd6GQRlFBiAUF3Hn/zuo=",
          "{SCRAM-SHA-1}4096,,iBExhNc3JxBfpq+X3PXnp1rwhBg=,g0Lvjfizd6GQRlFBiAUF3Hn/zuo="}) {
        INFO(text);
        CHECK_FALSE(Secret::parse(text));
    }
}

TEST_CASE("no password matches an account that is locked as in shadow(5)") {
    for (const std::string text : {"", "x", "*", "!", "!!", "*LK*", "!$1$saltsalt$wTLsTBb/.H7e4VHujepbF0", "{CRYPT}",
                                   "{CRYPT}*", "{SHA512-CRYPT}!", "{CRYPT}x"}) {
        INFO(text);
        const Secret secret = Secret::parse(text).value();
        CHECK(secret.is_locked());
        CHECK_FALSE(secret.is_slow());
        for (const std::string password : {"", "x", "*", "!", "geheim"}) CHECK_FALSE(secret.verify(password));
    }
}

TEST_CASE("an invalid secret is refused with a reason that does not show it") {
    for (const std::string text : {"hunter2-visible",
                                   "{PLAIN",
                                   "{PLAIN}",
                                   "{CLEARTEXT.b64}",
                                   "{ROT13}hunter2",
                                   "{hunter2}x",
                                   "{}hunter2",
                                   "{.b64}hunter2",
                                   "{PLAIN.rot13}hunter2",
                                   "{PLAIN.}hunter2",
                                   "{PLAIN.b64}hunter2",
                                   "{PLAIN.hex}hunter2",
                                   "{SHA512-CRYPT}hunter2",
                                   "{SHA512-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
                                   "{CRYPT}$9$hunter2$hunter2hunter2hunter2",
                                   "$hunter2$hunter2$hunter2",
                                   "{BLF-CRYPT}$6$hunter2$hunter2hunter2",
                                   "{SCRAM-SHA-256}hunter2",
                                   "{SCRAM-SHA-1}4096,aaaa,bbbb,cccc",
                                   "{MD5-CRYPT}$1$hun ter2$wTLsTBb/.H7e4VHujepbF0"}) {
        INFO(text);
        const auto parsed = Secret::parse(text);
        REQUIRE_FALSE(parsed);
        CHECK_FALSE(parsed.why().empty());
        CHECK(parsed.why().find("hunter2") == std::string::npos);
    }
}

TEST_CASE("SCRAM credentials with an invalid part are refused") {
    const std::string key = encode_base64(std::string(32, 'k'));
    for (const std::string& text :
         {std::string{""}, std::string{"4096"}, "4096,c2FsdA==," + key, "4096,c2FsdA==," + key + "," + key + ",",
          "4096,c2FsdA==," + key + "," + key + "," + key, "4095,c2FsdA==," + key + "," + key,
          "10000001,c2FsdA==," + key + "," + key, "4294971392,c2FsdA==," + key + "," + key,
          "-4096,c2FsdA==," + key + "," + key, "4096 ,c2FsdA==," + key + "," + key,
          "0x1000,c2FsdA==," + key + "," + key, "4096,," + key + "," + key, "4096,c2FsdA," + key + "," + key,
          "4096,c2FsdA==,c2hvcnQ=," + key,
          "4096,c2FsdA==," + key + ",c2hvcnQ=", "4096,c2FsdA==," + key + "," + key + " ",
          "4096,c2FsdA==," + encode_base64(std::string(33, 'k')) + "," + key}) {
        INFO(text);
        CHECK_FALSE(parse_scram_credentials(text));
    }
}

TEST_CASE("a decoy costs as much as its model, and no password matches it") {
    for (const std::string& text :
         {pencil, "{CRYPT}" + md5_hash, std::string{"{PLAIN}geheim"},
          std::string{"{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
          std::string{"{CRYPT}CCNf8Sbh3HDfQ"}, make_secret("CRYPT", "geheim").value()}) {
        INFO(text);
        const Secret model = Secret::parse(text).value();
        const Secret decoy = Secret::parse(model.decoy()).value();
        CHECK(decoy.cost() == model.cost());
        CHECK_FALSE(decoy.is_locked());
        for (const std::string password : {"geheim", "pencil", "U*U", "U*U*U*U*"}) CHECK_FALSE(decoy.verify(password));
    }
    CHECK_FALSE(Secret::parse(Secret::parse("{PLAIN}x").value().decoy()).value().verify(std::string_view{"\0", 1}));
}

TEST_CASE("the cost of a secret grows with its work factor") {
    const auto cost = [](const std::string& scheme, unsigned long rounds) {
        return Secret::parse(make_secret(scheme, "x", rounds).value()).value().cost();
    };
    CHECK(cost("SHA512-CRYPT", 1000) < cost("SHA512-CRYPT", 20000));
    CHECK(cost("BLF-CRYPT", 4) < cost("BLF-CRYPT", 6));
    CHECK(cost("CRYPT", 1) < cost("CRYPT", 5));
    CHECK(cost("SCRAM-SHA-256", 4096) < cost("SCRAM-SHA-256", 8192));
    CHECK(cost("MD5-CRYPT", 0) > cost("PLAIN", 0));
}

TEST_CASE("a fake salt is the same for the same user, and differs for another user or key") {
    const std::string key(32, 'k');
    const ScramCredentials fake = fake_scram_credentials(key, "nobody", 4096);
    CHECK(fake.salt == fake_scram_credentials(key, "nobody", 4096).salt);
    CHECK(fake.salt == scram_salt_for(key, "nobody"));
    CHECK(fake.salt.size() == 16);
    CHECK(fake.salt != scram_salt_for(key, "nobody2"));
    CHECK(fake.salt != scram_salt_for(std::string(32, 'j'), "nobody"));
    CHECK(fake.stored_key != fake.server_key);
}
