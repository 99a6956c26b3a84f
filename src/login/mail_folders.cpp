#include "buzon/login/mail_folders.h"

#include <algorithm>
#include <utility>

namespace buzon::login {
namespace {

constexpr std::size_t max_folders = 32, max_octets = 7 * 1024;

std::size_t depth_of(const std::string& path) noexcept {
    return path == "/" ? 0 : static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

} // namespace

bool lies_in(std::string_view path, std::string_view folder) noexcept {
    if (folder == "/") return path.starts_with('/');
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool MailFolders::contain(std::string_view path) const noexcept {
    return std::any_of(all_.begin(), all_.end(), [path](const std::string& one) { return lies_in(path, one); });
}

void MailFolders::add(std::string_view path) {
    if (!path.starts_with('/') || contain(path)) return;
    std::erase_if(all_, [path](const std::string& one) { return lies_in(one, path); });
    all_.emplace_back(path);
    while (too_many()) lift();
}

bool MailFolders::too_many() const noexcept {
    std::size_t octets = 0;
    for (const std::string& one : all_) octets += one.size();
    return all_.size() > 1 && (all_.size() > max_folders || octets > max_octets);
}

void MailFolders::lift() {
    std::vector<std::string> lifted = std::exchange(all_, {});
    const auto by_depth = [](const std::string& a, const std::string& b) { return depth_of(a) < depth_of(b); };
    const std::size_t deepest = depth_of(*std::max_element(lifted.begin(), lifted.end(), by_depth));
    for (std::string& one : lifted)
        if (depth_of(one) == deepest) one.resize(std::max<std::size_t>(one.rfind('/'), 1));
    std::sort(lifted.begin(), lifted.end(), by_depth); // a folder that contains others comes before them
    for (std::string& one : lifted)
        if (!contain(one)) all_.push_back(std::move(one));
}

} // namespace buzon::login
