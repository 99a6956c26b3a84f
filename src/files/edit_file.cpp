#include "buzon/files/edit_file.h"

#include "buzon/config/config_text.h"
#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"

namespace buzon::files {
namespace {

constexpr std::size_t longest_edited_file = 256u << 20;

template <class Change>
std::error_code edit(const std::string& path, Change change) {
    const auto text = posix::read_regular_file(path.c_str(), longest_edited_file);
    if (!text) return text.error();
    const std::string changed = change(text.value());
    return changed == text.value() ? std::error_code{} : posix::replace_file(path, changed, "saving");
}

} // namespace

std::error_code edit_config(const std::string& path, const jobs::Edits& edits) {
    return edit(path, [&edits](const std::string& text) { return config::change_config(text, edits); });
}

std::error_code edit_users(const std::string& path, const auth::UserChanges& changes) {
    return edit(path, [&changes](const std::string& text) { return auth::rewrite_passwd_file(text, changes); });
}

} // namespace buzon::files
