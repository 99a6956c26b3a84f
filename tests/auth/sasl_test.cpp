#include "support/catch.h"

#include <string>

#include "buzon/auth/digest_login.h"
#include "buzon/auth/sasl.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hmac.h"

using namespace buzon::auth;
using namespace buzon::digest;
using namespace std::string_literals;

namespace {

template <class Wanted>
Wanted as(Step step) {
    REQUIRE(std::holds_alternative<Wanted>(step));
    return std::get<Wanted>(std::move(step));
}

template <class Wanted>
bool is(const Step& step) {
    return std::holds_alternative<Wanted>(step);
}

Exchange exchange(Mechanism mechanism) {
    return {mechanism, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "mail.example"};
}

const std::string salt = decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();
const std::string first_message = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string last = "c=biws,r=" + nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

const ScramCredentials& pencil_credentials() {
    static const ScramCredentials credentials = derive_scram("pencil", salt, 4096);
    return credentials;
}

// The last message of a client that knows `password`, after `client_first` and our answer to it.
std::string final_message(const std::string& client_first, const std::string& server_first,
                          const std::string& without_proof, const std::string& password) {
    const std::size_t bare = client_first.find(',', client_first.find(',') + 1) + 1;
    const std::string auth_message = client_first.substr(bare) + "," + server_first + "," + without_proof;
    const ScramCredentials credentials = derive_scram(password, salt, 4096);
    std::string salted_key;
    {
        // Compute ClientKey again: ScramCredentials rightly do not keep it.
        Hmac<Sha256> first_block{password};
        first_block.update(salt + "\0\0\0\1"s);
        Sha256::Digest link = first_block.finish(), sum = link;
        for (int i = 1; i < 4096; ++i) {
            link = hmac_sha256(password, octets(link));
            for (std::size_t at = 0; at < sum.size(); ++at) sum[at] ^= link[at];
        }
        salted_key = octets(hmac_sha256(octets(sum), "Client Key"));
    }
    std::string proof{octets(hmac_sha256(octets(credentials.stored_key), auth_message))};
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ salted_key[i]);
    return without_proof + ",p=" + encode_base64(proof);
}

} // namespace

TEST_CASE("PLAIN takes user and password, with and without an initial response") {
    const auto check = as<CheckPlain>(exchange(Mechanism::plain).begin("\0tim\0tanstaaftanstaaf"s));
    CHECK(check.user == "tim");
    CHECK(check.password == "tanstaaftanstaaf");
    Exchange asked = exchange(Mechanism::plain);
    CHECK(as<Challenge>(asked.begin(std::nullopt)).text.empty());
    CHECK(as<CheckPlain>(asked.next("tim\0tim\0pass"s)).user == "tim");
    CHECK(as<CheckPlain>(exchange(Mechanism::plain).begin("\0t\xc2\xadim\0p"s)).user == "tim"); // after SASLprep
}

TEST_CASE("PLAIN does not let a user act for another") {
    CHECK(is<Refused>(exchange(Mechanism::plain).begin("Ursel\0Kurt\0xipj3plmq"s)));
}

TEST_CASE("PLAIN with a part missing, a NUL too many or invalid UTF-8 is malformed") {
    for (const std::string& message : {""s, "a"s, "\0"s, "\0a"s, "\0a\0"s, "\0\0p"s, "\0\0"s, "\0a\0p\0"s, "\0a\0p\0x"s,
                                       "\0\xff\0p"s, "\0a\0\xff"s}) {
        CHECK(is<Malformed>(exchange(Mechanism::plain).begin(message)));
    }
}

TEST_CASE("LOGIN asks for the user, then for the password") {
    Exchange asked = exchange(Mechanism::login);
    CHECK(as<Challenge>(asked.begin(std::nullopt)).text == "Username:");
    CHECK(as<Challenge>(asked.next("tim")).text == "Password:");
    const auto check = as<CheckPlain>(asked.next("secret"));
    CHECK(check.user == "tim");
    CHECK(check.password == "secret");
    Exchange early = exchange(Mechanism::login);
    CHECK(as<Challenge>(early.begin("tim")).text == "Password:");
    CHECK(as<CheckPlain>(early.next("secret")).password == "secret");
}

TEST_CASE("LOGIN with an empty answer, a NUL or invalid UTF-8 is malformed") {
    for (const std::string& message : {""s, "a\0b"s, "\xff"s}) {
        CHECK(is<Malformed>(exchange(Mechanism::login).begin(message)));
        Exchange later = exchange(Mechanism::login);
        CHECK(is<Challenge>(later.begin("tim")));
        CHECK(is<Malformed>(later.next(message)));
    }
}

TEST_CASE("a user name that SASLprep would make empty stays as it is") {
    CHECK(as<CheckPlain>(exchange(Mechanism::plain).begin("\0\xc2\xad\0x"s)).user == "\xc2\xad");
    Exchange login = exchange(Mechanism::login);
    CHECK(is<Challenge>(login.begin("\xc2\xad")));
    CHECK(as<CheckPlain>(login.next("x")).user == "\xc2\xad");
}

TEST_CASE("CRAM-MD5 computes the digest of RFC 2195's example") {
    CramMd5Machine machine{"<1896.697170952@postoffice.reston.mci.net>"};
    CHECK(as<Challenge>(machine.begin(std::nullopt)).text == "<1896.697170952@postoffice.reston.mci.net>");
    const auto check = as<CheckDigest>(machine.next("tim b913a602c7eda7a495b4e6e7334d3890"));
    CHECK(check.user == "tim");
    CHECK(digest_matches(check, "tanstaaftanstaaf"));
    CHECK_FALSE(digest_matches(check, "tanstaaf"));
    CHECK_FALSE(digest_matches(check, std::nullopt));
    CHECK(is<Malformed>(machine.begin("tim")));
    for (const std::string& message :
         {""s, "tim"s, "tim "s, " b913a602c7eda7a495b4e6e7334d3890"s, "tim b913a602c7eda7a495b4e6e7334d389"s,
          "\xff b913a602c7eda7a495b4e6e7334d3890"s}) {
        CHECK(is<Malformed>(machine.next(message)));
    }
    CHECK_FALSE(
        digest_matches(as<CheckDigest>(machine.next("tim zz13a602c7eda7a495b4e6e7334d3890")), "tanstaaftanstaaf"));
    CHECK(as<Challenge>(exchange(Mechanism::cram_md5).begin(std::nullopt)).text ==
          "<%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0@mail.example>");
}

TEST_CASE("a digest of the stand-in password for unknown users lets nobody in") {
    CHECK_FALSE(apop_matches("<t@h>", std::nullopt, "3e9a4e19e15423e5c9b6b07892d20e3f"));
    CHECK(apop_matches("<t@h>", "nobody", "3e9a4e19e15423e5c9b6b07892d20e3f"));
    const CheckDigest check{"nobody", "<t@h>", "49ba54976e57719c6689f7ef1c5a0b21"};
    CHECK_FALSE(digest_matches(check, std::nullopt));
}

TEST_CASE("APOP computes the digest of RFC 1939's example") {
    const std::string timestamp = "<1896.697170952@dbc.mtview.ca.us>";
    CHECK(apop_matches(timestamp, "tanstaaf", "c4c9334bac560ecc979e58001b3e22fb"));
    CHECK_FALSE(apop_matches(timestamp, "tanstaa", "c4c9334bac560ecc979e58001b3e22fb"));
    CHECK_FALSE(apop_matches(timestamp, std::nullopt, "c4c9334bac560ecc979e58001b3e22fb"));
    for (const std::string digest :
         {"", "c4c9", "c4c9334bac560ecc979e58001b3e22fbff", "c4c9334bac560ecc979e58001b3e22fx"}) {
        CHECK_FALSE(apop_matches(timestamp, "tanstaaf", digest));
    }
}

TEST_CASE("SCRAM-SHA-256 reproduces the exchange in RFC 7677 octet for octet") {
    for (const bool initial : {true, false}) {
        Exchange scram = exchange(Mechanism::scram_sha_256);
        if (!initial) CHECK(as<Challenge>(scram.begin(std::nullopt)).text.empty());
        const auto need = as<NeedCredentials>(initial ? scram.begin(first_message) : scram.next(first_message));
        CHECK(need.user == "user");
        CHECK(as<Challenge>(scram.supply(pencil_credentials(), true)).text ==
              "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        CHECK(as<Proven>(scram.next(last)).text == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        CHECK(as<Accepted>(scram.next("")).user == "user");
        CHECK(is<Malformed>(scram.next("")));
    }
}

TEST_CASE(
    "SCRAM accepts a client that supports channel binding, the user's own name as authzid, escapes and extensions") {
    for (const std::string& client_first : {"y,,n=user,r=abc"s, "n,a=user,n=user,r=abc"s, "n,,n=us=2Cer=3D,r=abc"s,
                                            "n,,n=user,r=abc,x=1,y=b=c"s, "n,,n=\xc3\xb1,r=abc"s}) {
        INFO(client_first);
        Exchange scram = exchange(Mechanism::scram_sha_256);
        const std::string user = as<NeedCredentials>(scram.begin(client_first)).user;
        const std::string server_first = as<Challenge>(scram.supply(pencil_credentials(), true)).text;
        const std::string header = client_first.substr(0, client_first.find(',', client_first.find(',') + 1) + 1);
        const std::string without_proof = "c=" + encode_base64(header) + "," +
                                          server_first.substr(0, server_first.find(',')) +
                                          (client_first.ends_with("c") ? ",e=xt" : "");
        const std::string message = final_message(client_first, server_first, without_proof, "pencil");
        CHECK(as<Proven>(scram.next(message)).text.starts_with("v="));
        CHECK(as<Accepted>(scram.next("")).user == user);
    }
    Exchange scram = exchange(Mechanism::scram_sha_256);
    CHECK(as<NeedCredentials>(scram.begin("n,,n=us=2Cer=3D,r=abc")).user == "us,er=");
}

namespace {

// The last step of an exchange with a client that begins with `client_first` and binds to a certificate with the hash
// `theirs`. `ours`: the hash of our certificate.
Step bound(Mechanism mechanism, const std::string& client_first, const std::string& ours, const std::string& theirs) {
    Exchange scram{mechanism, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "mail.example", ours};
    Step begun = scram.begin(client_first);
    if (!is<NeedCredentials>(begun)) return begun;
    const std::string server_first = as<Challenge>(scram.supply(pencil_credentials(), true)).text;
    const std::string header = client_first.substr(0, client_first.find(',', client_first.find(',') + 1) + 1);
    const std::string without_proof =
        "c=" + encode_base64(header + theirs) + "," + server_first.substr(0, server_first.find(','));
    return scram.next(final_message(client_first, server_first, without_proof, "pencil"));
}

} // namespace

TEST_CASE("SCRAM-SHA-256-PLUS succeeds with our certificate and with no other") {
    const std::string ours(32, '\x5a'), relay(32, '\x5b');
    const std::string plus = "p=tls-server-end-point,,n=user,r=abc";
    using M = Mechanism;
    CHECK(is<Proven>(bound(M::scram_sha_256_plus, plus, ours, ours)));
    CHECK(is<Refused>(bound(M::scram_sha_256_plus, plus, ours, relay)));
    CHECK(is<Refused>(bound(M::scram_sha_256_plus, plus, ours, "")));
    CHECK(is<Refused>(bound(M::scram_sha_256_plus, plus, ours, ours + "x")));
    CHECK(is<Refused>(bound(M::scram_sha_256_plus, "p=tls-unique,,n=user,r=abc", ours, ours)));
    CHECK(is<Refused>(bound(M::scram_sha_256_plus, "p=tls-exporter,,n=user,r=abc", ours, ours)));
    // The mechanism's name promises the binding.
    for (const std::string client_first : {"n,,n=user,r=abc", "y,,n=user,r=abc"})
        CHECK(is<Malformed>(bound(M::scram_sha_256_plus, client_first, ours, "")));
    // SCRAM-SHA-256 needs no binding. But a client that supports it and believes that we do not has been deceived.
    CHECK(is<Proven>(bound(M::scram_sha_256, "n,,n=user,r=abc", ours, "")));
    CHECK(is<Refused>(bound(M::scram_sha_256, "y,,n=user,r=abc", ours, "")));
    CHECK(is<Refused>(bound(M::scram_sha_256, plus, ours, ours)));
    CHECK(is<Proven>(bound(M::scram_sha_256, "y,,n=user,r=abc", "", "")));
}

TEST_CASE("SCRAM-SHA-256 refuses channel binding and acting for another user") {
    for (const std::string client_first :
         {"p=tls-unique,,n=user,r=abc", "p=tls-exporter,,n=user,r=abc", "n,a=other,n=user,r=abc"}) {
        CHECK(is<Refused>(exchange(Mechanism::scram_sha_256).begin(client_first)));
    }
}

TEST_CASE("an invalid SCRAM first message is malformed") {
    for (const std::string& message : {""s,
                                       "n"s,
                                       "n,"s,
                                       "n,,"s,
                                       ",,n=user,r=abc"s,
                                       "x,,n=user,r=abc"s,
                                       "nn,,n=user,r=abc"s,
                                       "n,b=user,n=user,r=abc"s,
                                       "n,a=,n=user,r=abc"s,
                                       "n,,m=x,n=user,r=abc"s,
                                       "n,,r=abc,n=user"s,
                                       "n,,n=,r=abc"s,
                                       "n,,n=user"s,
                                       "n,,n=user,"s,
                                       "n,,n=user,r="s,
                                       "n,,n=user,r=a b"s,
                                       "n,,n=user,r=a\x7f"s,
                                       "n,,n=us=er,r=abc"s,
                                       "n,,n=user=,r=abc"s,
                                       "n,,n=user=2,r=abc"s,
                                       "n,,n=user=2c,r=abc"s,
                                       "n,,n=\xff,r=abc"s,
                                       "n,,n=a\0b,r=abc"s,
                                       "n,,n=user,r=abc,"s,
                                       "n,,n=user,r=abc,x"s,
                                       "n,,n=user,r=abc,x="s,
                                       "n,,n=user,r=abc,1=x"s,
                                       "n,,n=user,r=abc,x=1,"s,
                                       "n,,n=user,r=" + std::string(1025, 'x')}) {
        INFO(message);
        CHECK(is<Malformed>(exchange(Mechanism::scram_sha_256).begin(message)));
    }
}

TEST_CASE("a SCRAM final message is accepted only whole and unaltered") {
    const auto answer = [](const std::string& message) {
        Exchange scram = exchange(Mechanism::scram_sha_256);
        REQUIRE(is<NeedCredentials>(scram.begin(first_message)));
        REQUIRE(is<Challenge>(scram.supply(pencil_credentials(), true)));
        return scram.next(message);
    };
    CHECK(is<Proven>(answer(last)));
    for (std::size_t at = 0; at < last.size(); ++at) {
        std::string altered = last;
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        CHECK_FALSE(is<Proven>(answer(altered)));
        CHECK_FALSE(is<Proven>(answer(last.substr(0, at))));
    }
    CHECK(is<Malformed>(answer("")));
    CHECK(is<Malformed>(answer(last + "=")));
    CHECK(is<Malformed>(answer("c=biws,r=" + nonce + ",p=")));
    CHECK(is<Malformed>(answer("c=biws,r=" + nonce + ",p=" + encode_base64(std::string(31, 'x')))));
    CHECK(is<Refused>(answer("c=biws,r=" + nonce + ",p=" + encode_base64(std::string(32, 'x')))));
    const std::string server_first = "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    // A right proof over another header (as if the client had sent 'y') or another nonce.
    CHECK(is<Proven>(answer(final_message(first_message, server_first, "c=biws,r=" + nonce, "pencil"))));
    CHECK(is<Refused>(answer(final_message(first_message, server_first, "c=eSws,r=" + nonce, "pencil"))));
    CHECK(is<Refused>(answer(final_message(first_message, server_first, "c=biws,r=" + nonce + "x", "pencil"))));
    CHECK(is<Refused>(answer(final_message(first_message, server_first, "c=biws,r=" + nonce, "Pencil"))));
}

TEST_CASE("with fake credentials the exchange goes on to the proof, which is refused even if it is right") {
    Exchange scram = exchange(Mechanism::scram_sha_256);
    REQUIRE(is<NeedCredentials>(scram.begin(first_message)));
    CHECK(is<Challenge>(scram.supply(pencil_credentials(), false)));
    CHECK(is<Refused>(scram.next(last)));
    CHECK(is<Malformed>(scram.next("")));
}

TEST_CASE("SCRAM requires an empty response to the server's signature") {
    Exchange scram = exchange(Mechanism::scram_sha_256);
    REQUIRE(is<NeedCredentials>(scram.begin(first_message)));
    CHECK(is<Challenge>(scram.supply(pencil_credentials(), true)));
    REQUIRE(is<Proven>(scram.next(last)));
    CHECK(is<Malformed>(scram.next("x")));
    CHECK(is<Malformed>(scram.next("")));
}

TEST_CASE("a message at the wrong time is malformed") {
    Exchange early = exchange(Mechanism::scram_sha_256);
    CHECK(is<Malformed>(early.supply(pencil_credentials(), true)));
    Exchange waiting = exchange(Mechanism::scram_sha_256);
    REQUIRE(is<NeedCredentials>(waiting.begin(first_message)));
    CHECK(is<Malformed>(waiting.next(last)));
    CHECK(is<Malformed>(waiting.supply(pencil_credentials(), true)));
    Exchange plain = exchange(Mechanism::plain);
    CHECK(is<Malformed>(plain.supply(pencil_credentials(), true)));
}
