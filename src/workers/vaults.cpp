#include "vaults.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "buzon/auth/keyring.h"
#include "buzon/files/vault.h"

namespace buzon::workers {

posix::Result<Vaults::Opened*> Vaults::open(int key, bool of_changes) {
    struct stat about {};
    if (::fstat(key, &about) != 0) return posix::last_error();
    const auto known = std::find_if(opened_.begin(), opened_.end(), [&](const Opened& one) {
        return one.device == about.st_dev && one.inode == about.st_ino; // kept open, so the inode number is not reused
    });
    if (known != opened_.end()) return &*known;
    auto file = files::open_vault(key, O_RDONLY);
    if (!file) return file.error();
    Opened fresh;
    fresh.device = about.st_dev;
    fresh.inode = about.st_ino;
    if (of_changes) {
        fresh.file = std::move(file).value();
    } else {
        auto block = auth::UserBlock::from_fd(std::move(file).value());
        if (!block) return block.error();
        fresh.block = std::move(block).value();
    }
    if (opened_.size() >= max_opened) opened_.pop_back();
    opened_.push_front(std::move(fresh));
    return &opened_.front();
}

posix::Result<std::string> Vaults::keyring(int key, const auth::SecretPlace& place) {
    const std::error_code missing{ENOENT, std::system_category()};
    auto opened = open(key, place.change != 0);
    if (!opened) return opened.error();
    Opened& vault = *opened.value();
    std::string found;
    if (place.change != 0) {
        vault.read =
            files::read_secrets(vault.file.get(), vault.read, [&vault](std::uint64_t change, std::string text) {
                vault.changes[change] = std::move(text);
            });
        const auto entry = vault.changes.find(place.change);
        if (entry == vault.changes.end()) return missing;
        found = entry->second;
    } else if (place.name.empty()) {
        return std::string{vault.block.decoy()};
    } else {
        const auto entry = vault.block.secret_of(place.name);
        if (!entry) return missing;
        found = *entry;
    }
    if (!place.decoy) return found;
    return auth::Keyring{found}.decoy();
}

} // namespace buzon::workers
