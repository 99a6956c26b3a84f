// login/mail_folders.h - the folders that hold all users' mail, which a process that serves any user must be able to
// reach.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::login {

// Whether a path is this folder or lies below it. Both are absolute, without "." and "..".
[[nodiscard]] bool lies_in(std::string_view path, std::string_view folder) noexcept;

// Absolute paths, at most 32 of them and 7 KiB in all. Beyond that, the deepest are replaced by their parents.
class MailFolders {
public:
    void add(std::string_view path);
    [[nodiscard]] const std::vector<std::string>& all() const noexcept { return all_; } // none lies below another
    [[nodiscard]] bool contain(std::string_view path) const noexcept;

private:
    void lift();
    [[nodiscard]] bool too_many() const noexcept;

    std::vector<std::string> all_;
};

} // namespace buzon::login
