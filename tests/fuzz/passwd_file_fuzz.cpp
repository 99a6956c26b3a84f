// Any text is a user base or is refused; accepted names follow the rules, and rewriting the file is idempotent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "buzon/auth/keyring.h"
#include "buzon/auth/user_base.h"
#include "buzon/auth/user_name.h"

using namespace buzon::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    static_cast<void>(parse_name_and_password(text));
    if (rewrite_passwd_file(text, {}) != text) std::abort();

    auto loaded = UserBase::load({}, text);
    UserChanges changes{{"added", UserChange{"{PLAIN}x", {}, {"phone:{PLAIN}y"}}}};
    if (loaded) {
        const UserBase base{std::move(loaded.value().users)};
        for (UserBase::Place place; const auto user = base.next(place);) {
            if (!fault_of_user_name(user->name).empty()) std::abort();
            if (!user->maildir.empty() && user->maildir[0] != '/') std::abort();
            if (!base.find(user->name)) std::abort();
            changes.emplace(user->name, changes.size() % 2
                                            ? std::optional{UserChange{"*", {"old"}, {"phone:{PLAIN}y;rights=read"}}}
                                            : std::nullopt);
        }
    }
    const std::string once = rewrite_passwd_file(text, changes);
    if (rewrite_passwd_file(once, changes) != once) std::abort();
    if (!loaded) return 0;

    auto again = UserBase::load({}, once);
    if (!again) std::abort();
    const UserBase base{std::move(again.value().users)};
    for (const auto& [name, change] : changes) {
        if (base.find(name).has_value() != change.has_value()) std::abort();
        if (!change) continue;
        const Keyring keyring{again.value().secrets.secret_of(name).value()};
        if (keyring.secret("") != change->secret || keyring.secret("old")) std::abort();
        if (keyring.secret("phone") != "{PLAIN}y" && base.applications_of(name).size() <= max_applications)
            std::abort();
    }
    return 0;
}
