#include "buzon/files/edit_file.h"

#include <optional>

#include "buzon/auth/passwd_file.h"
#include "buzon/config/config_text.h"
#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"

namespace buzon::files {
namespace {

constexpr std::size_t longest_edited_file = 256u << 20;

} // namespace

std::error_code edit_file(jobs::Edited what, const std::string& path, const jobs::Edits& edits) {
    auto text = posix::read_regular_file(path.c_str(), longest_edited_file);
    if (!text) return text.error();
    std::string changed;
    if (what == jobs::Edited::config) {
        changed = config::change_config(text.value(), edits);
    } else {
        auth::UserChanges changes;
        for (const auto& [name, secret] : edits) {
            changes[name] = secret.empty() ? std::nullopt : std::optional{secret.front()};
        }
        changed = auth::rewrite_passwd_file(text.value(), changes);
    }
    if (changed == text.value()) return {};
    return posix::replace_file(path, changed, "saving");
}

} // namespace buzon::files
