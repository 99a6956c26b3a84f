// auth/keyring.h - all secrets of one user in one text, as stored in vaults: the main secret, followed by the
// application passwords (application.h), which have labels. For processes that may know secrets.
//
//   {SCHEME}secret NUL LABEL:{SCHEME}secret NUL ...
//
// The main secret may be empty: in the vault of changes, a keyring holds only what has changed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "buzon/auth/secret.h"

namespace buzon::auth {

// Labels of secrets; the main secret has the label "".
using Labels = std::span<const std::string>;

class Keyring {
public:
    // The text must outlive this object.
    explicit Keyring(std::string_view text) noexcept : text_{text} {}

    // Nothing if no secret has this label.
    [[nodiscard]] std::optional<std::string_view> secret(std::string_view label) const noexcept;
    // The label of the first secret in `among` (if empty: of all secrets) that the password matches. If none matches,
    // it takes as long as verifying all of them.
    [[nodiscard]] std::optional<std::string> opened_by(std::string_view password, Labels among) const;
    // A keyring that takes as long to verify and that no password matches.
    [[nodiscard]] std::string decoy() const;
    // Whether any secret in `among` (if empty: of all secrets) is slow to verify on purpose.
    [[nodiscard]] bool is_slow(Labels among) const;

    // The secrets of `text` whose labels are in `kept`, plus one more secret, which replaces any with the same label.
    [[nodiscard]] static std::string with(std::string_view text, Labels kept, std::string_view label,
                                          std::string_view secret);

private:
    template <class Visit>
    void each(Visit visit) const;

    std::string_view text_;
};

} // namespace buzon::auth
