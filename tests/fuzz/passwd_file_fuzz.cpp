// Any text is a user base or is refused; what is taken stays below the rules of names, and rewriting it is steady.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "buzon/auth/user_base.h"
#include "buzon/auth/user_name.h"

using namespace buzon::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    static_cast<void>(parse_name_and_password(text));
    if (rewrite_passwd_file(text, {}) != text) std::abort();

    auto loaded = UserBase::load({}, text);
    UserChanges changes{{"added", "{PLAIN}x"}};
    if (loaded) {
        for (UserBase::Place place; const auto user = loaded.value().next(place);) {
            if (!fault_of_user_name(user->name).empty()) std::abort();
            if (!user->maildir.empty() && user->maildir[0] != '/') std::abort();
            if (!loaded.value().find(user->name)) std::abort();
            changes.emplace(user->name, changes.size() % 2 ? std::optional<std::string>{"*"} : std::nullopt);
        }
    }
    const std::string once = rewrite_passwd_file(text, changes);
    if (rewrite_passwd_file(once, changes) != once) std::abort();
    if (!loaded) return 0;

    const auto again = UserBase::load({}, once);
    if (!again) std::abort();
    for (const auto& [name, secret] : changes) {
        const auto user = again.value().find(name);
        if (user.has_value() != secret.has_value() || (user && user->secret != *secret)) std::abort();
    }
    return 0;
}
