// support/vaults.h - users whose secrets are in vaults, as in a server that has just started.
#pragma once

#include <memory>
#include <span>

#include "buzon/files/vault.h"
#include "support/catch.h"

namespace buzon::test {

inline auth::UserBase users_with_vault(std::span<const auth::NamedSecret> named, std::string_view file) {
    const auto loaded = auth::UserBase::load(named, file);
    REQUIRE(loaded);
    auto kept = files::keep(loaded.value());
    REQUIRE(kept);
    const auto shared = [](posix::UniqueFd key) { return std::make_shared<const posix::UniqueFd>(std::move(key)); };
    auto block = auth::UserBlock::from_fd(std::move(kept.value().users));
    REQUIRE(block);
    return auth::UserBase{std::move(block).value(), shared(std::move(kept.value().vault)),
                          shared(files::make_vault_of_changes().value())};
}

} // namespace buzon::test
