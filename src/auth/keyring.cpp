#include "buzon/auth/keyring.h"

#include <algorithm>

namespace buzon::auth {
namespace {

void append(std::string& keyring, std::string_view label, std::string_view secret) {
    keyring.append(1, '\0').append(label).append(":").append(secret);
}

bool is_in(Labels among, std::string_view label) {
    return among.empty() || std::find(among.begin(), among.end(), label) != among.end();
}

} // namespace

template <class Visit>
void Keyring::each(Visit visit) const {
    std::string_view rest = text_;
    for (bool first = true;; first = false) {
        const std::string_view one = rest.substr(0, rest.find('\0'));
        const std::size_t colon = first ? 0 : std::min(one.find(':'), one.size());
        visit(one.substr(0, colon), first ? one : one.substr(std::min(colon + 1, one.size())));
        if (one.size() == rest.size()) return;
        rest.remove_prefix(one.size() + 1);
    }
}

std::optional<std::string_view> Keyring::secret(std::string_view label) const noexcept {
    std::optional<std::string_view> found;
    each([&](std::string_view name, std::string_view text) {
        if (name == label && !found) found = text;
    });
    return found;
}

std::optional<std::string> Keyring::opened_by(std::string_view password, Labels among) const {
    std::optional<std::string> found;
    each([&](std::string_view label, std::string_view text) {
        if (found || !is_in(among, label)) return;
        const auto secret = Secret::parse(text);
        if (secret && secret.value().verify(password)) found = label;
    });
    return found;
}

std::string Keyring::decoy() const {
    std::string made;
    each([&](std::string_view label, std::string_view text) {
        const auto secret = Secret::parse(text);
        const std::string decoy = secret ? secret.value().decoy() : std::string{};
        if (label.empty())
            made = decoy;
        else
            append(made, label, decoy);
    });
    return made;
}

bool Keyring::is_slow(Labels among) const {
    bool slow = false;
    each([&](std::string_view label, std::string_view text) {
        if (!is_in(among, label)) return;
        const auto secret = Secret::parse(text);
        slow = slow || (secret && secret.value().is_slow());
    });
    return slow;
}

std::string Keyring::with(std::string_view text, Labels kept, std::string_view label, std::string_view secret) {
    const auto stays = [&](std::string_view name) {
        return name != label && std::find(kept.begin(), kept.end(), name) != kept.end();
    };
    const Keyring old{text};
    std::string made;
    made.reserve(text.size() + label.size() + secret.size() + 2); // growing would leave pieces of secrets in memory
    if (label.empty())
        made = secret;
    else if (stays(""))
        made = old.secret("").value_or("");
    old.each([&](std::string_view name, std::string_view one) {
        if (!name.empty() && stays(name)) append(made, name, one);
    });
    if (!label.empty()) append(made, label, secret);
    return made;
}

} // namespace buzon::auth
