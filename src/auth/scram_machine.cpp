#include <algorithm>

#include "buzon/auth/sasl.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hmac.h"
#include "login_text.h"
#include "sasl_name.h"

namespace buzon::auth {
using namespace digest;
namespace {

constexpr std::size_t longest_nonce = 1024;

// Takes everything up to the first ',' off `rest`; nothing if there is no ','.
std::optional<std::string_view> take_to_comma(std::string_view& rest) noexcept {
    const std::size_t comma = rest.find(',');
    if (comma == rest.npos) return std::nullopt;
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(comma + 1);
    return part;
}

bool is_nonce(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest_nonce &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

bool is_extension(std::string_view item) {
    const bool letter = !item.empty() && ((item[0] >= 'a' && item[0] <= 'z') || (item[0] >= 'A' && item[0] <= 'Z'));
    return letter && item.size() >= 3 && item[1] == '=' && is_login_text(item);
}

// Optional extensions (RFC 5802 section 5.1), each `,x=value`, are checked and ignored.
bool are_extensions(std::string_view rest) {
    while (!rest.empty()) {
        const std::size_t end = rest.find(',', 1);
        if (!is_extension(rest.substr(1, end - 1))) return false;
        rest.remove_prefix(end == rest.npos ? rest.size() : end);
    }
    return true;
}

struct ClientFinal {
    std::string_view binding; // base64 of the GS2 header and the channel binding data
    std::string_view nonce;
    std::string_view without_proof;
    std::string_view proof;
};

std::optional<ClientFinal> parse_final(std::string_view message) {
    const std::size_t proof = message.rfind(",p=");
    if (proof == message.npos) return std::nullopt;
    ClientFinal parts;
    parts.without_proof = message.substr(0, proof);
    parts.proof = message.substr(proof + 3);
    std::string_view rest = parts.without_proof;
    const auto binding = take_to_comma(rest);
    if (!binding || !binding->starts_with("c=") || !rest.starts_with("r=")) return std::nullopt;
    parts.binding = binding->substr(2);
    parts.nonce = rest.substr(2, rest.find(',') - 2);
    rest.remove_prefix(2 + parts.nonce.size());
    if (!are_extensions(rest)) return std::nullopt;
    return parts;
}

bool proves(const ScramCredentials& credentials, std::string_view auth_message, std::string_view proof) {
    const Sha256::Digest signature = hmac_sha256(octets(credentials.stored_key), auth_message);
    Sha256::Digest client_key;
    for (std::size_t i = 0; i < client_key.size(); ++i) {
        client_key[i] = static_cast<unsigned char>(static_cast<unsigned char>(proof[i]) ^ signature[i]);
    }
    const Sha256::Digest stored_key = sha256(octets(client_key));
    wipe(client_key.data(), client_key.size());
    return equal_in_constant_time(octets(stored_key), octets(credentials.stored_key));
}

} // namespace

Step ScramMachine::end(Step step) {
    state_ = State::over;
    return step;
}

Step ScramMachine::begin(const std::optional<std::string_view>& initial) {
    return initial ? next(*initial) : Step{Challenge{}};
}

Step ScramMachine::next(std::string_view message) {
    switch (state_) {
    case State::awaits_first: return client_first(message);
    case State::awaits_final: return client_final(message);
    case State::awaits_end:
        if (!message.empty()) return end(Malformed{"SCRAM ends with an empty response"});
        return end(Accepted{std::move(user_)});
    case State::awaits_credentials:
    case State::over: break;
    }
    return end(Malformed{"SCRAM expects no further message"});
}

// `n,[a=NAME],[m=...,]n=NAME,r=NONCE[,x=...]`
Step ScramMachine::client_first(std::string_view message) {
    std::string_view rest = message;
    const auto binding = take_to_comma(rest);
    if (!binding) return end(Malformed{"SCRAM: no GS2 header"});
    if (channel_.demanded || binding->starts_with("p=")) {
        if (!binding->starts_with("p=")) return end(Malformed{"SCRAM-SHA-256-PLUS needs channel binding"});
        if (!channel_.demanded || *binding != "p=tls-server-end-point") return end(Refused{});
    } else if (*binding == "y") {
        // The client supports channel binding and believes that we do not. If we do, somebody has tampered with our
        // list.
        if (!channel_.certificate_hash.empty()) return end(Refused{});
    } else if (*binding != "n") {
        return end(Malformed{"SCRAM: invalid GS2 header"});
    }
    const auto acts_for = take_to_comma(rest);
    if (!acts_for || (!acts_for->empty() && !acts_for->starts_with("a=")))
        return end(Malformed{"SCRAM: invalid GS2 header"});
    gs2_header_ = message.substr(0, message.size() - rest.size());
    auth_message_ = rest;

    if (rest.starts_with("m=")) return end(Malformed{"SCRAM: an unknown extension is required"});
    const auto name = take_to_comma(rest);
    if (!name || !name->starts_with("n=")) return end(Malformed{"SCRAM: no user name"});
    const auto user = decode_name(name->substr(2));
    if (!user) return end(Malformed{"SCRAM: invalid user name"});
    const std::string_view client_nonce =
        rest.starts_with("r=") ? rest.substr(2, rest.find(',') - 2) : std::string_view{};
    if (!is_nonce(client_nonce)) return end(Malformed{"SCRAM: invalid nonce"});
    if (!are_extensions(rest.substr(2 + client_nonce.size()))) return end(Malformed{"SCRAM: invalid extension"});
    if (!acts_for->empty()) {
        const auto other = decode_name(acts_for->substr(2));
        if (!other) return end(Malformed{"SCRAM: invalid user name"});
        if (*other != *user) return end(Refused{});
    }
    nonce_.insert(0, client_nonce);
    user_ = *user;
    state_ = State::awaits_credentials;
    return NeedCredentials{user_};
}

Step ScramMachine::supply(ScramCredentials credentials, bool genuine) {
    if (state_ != State::awaits_credentials) return end(Malformed{"SCRAM: unexpected credentials"});
    credentials_ = std::move(credentials);
    genuine_ = genuine;
    const std::string server_first =
        "r=" + nonce_ + ",s=" + encode_base64(credentials_.salt) + ",i=" + std::to_string(credentials_.iterations);
    auth_message_ += ',' + server_first;
    state_ = State::awaits_final;
    return Challenge{server_first};
}

// `c=BASE64(GS2 header),r=NONCE[,x=...],p=BASE64(proof)`
Step ScramMachine::client_final(std::string_view message) {
    const auto parts = parse_final(message);
    if (!parts) return end(Malformed{"SCRAM: invalid final message"});
    const auto proof = decode_base64(parts->proof);
    if (!proof || proof->size() != Sha256::digest_octets) return end(Malformed{"SCRAM: invalid proof"});
    auth_message_ += ',';
    auth_message_ += parts->without_proof;
    const bool proven = proves(credentials_, auth_message_, *proof);
    // Detects a man in the middle who changed the header or the nonce, or who has another certificate.
    const std::string bound = channel_.demanded ? gs2_header_ + channel_.certificate_hash : gs2_header_;
    const bool same = decode_base64(parts->binding) == bound && parts->nonce == nonce_;
    if (!proven || !same || !genuine_) return end(Refused{});
    state_ = State::awaits_end;
    return Proven{"v=" + encode_base64(octets(hmac_sha256(octets(credentials_.server_key), auth_message_)))};
}

} // namespace buzon::auth
