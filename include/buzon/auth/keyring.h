// auth/keyring.h - all secrets of one user in one text, as vaults hold them: the main secret, and behind it the
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

// Which of them: labels, "" for the main secret; no labels at all mean every secret.
using Labels = std::span<const std::string>;

class Keyring {
public:
    // The text must outlive it.
    explicit Keyring(std::string_view text) noexcept : text_{text} {}

    // Nothing if there is none of this label.
    [[nodiscard]] std::optional<std::string_view> secret(std::string_view label) const noexcept;
    // The label of the first secret that the password matches. Takes as long as all of them if none does.
    [[nodiscard]] std::optional<std::string> opened_by(std::string_view password, Labels among) const;
    // As slow to verify as all of them, and matched by no password.
    [[nodiscard]] std::string decoy() const;
    // Whether verifying one of them is slow on purpose.
    [[nodiscard]] bool is_slow() const;

    // Those of `text` with these labels, and one more secret, which replaces one of the same label.
    [[nodiscard]] static std::string with(std::string_view text, Labels kept, std::string_view label,
                                          std::string_view secret);

private:
    template <class Visit>
    void each(Visit visit) const;

    std::string_view text_;
};

} // namespace buzon::auth
