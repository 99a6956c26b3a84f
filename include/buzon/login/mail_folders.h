// login/mail_folders.h - the folders in which all mail lies: what a process reaches that serves whoever comes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::login {

// Whether a path is this folder or lies below it. Both are absolute, without any detour.
[[nodiscard]] bool lies_in(std::string_view path, std::string_view folder) noexcept;

// Absolute ones: at most 32 of them, and 7 KiB: where there would be more, those above the deepest take their places.
class MailFolders {
public:
    void add(std::string_view path);
    [[nodiscard]] const std::vector<std::string>& all() const noexcept { return all_; } // none lies in another
    [[nodiscard]] bool contain(std::string_view path) const noexcept;

private:
    void lift();
    [[nodiscard]] bool too_many() const noexcept;

    std::vector<std::string> all_;
};

} // namespace buzon::login
