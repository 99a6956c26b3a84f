#include "buzon/files/vault.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "buzon/line/number.h"
#include "buzon/posix/io.h"
#include "buzon/posix/secret_text.h"

namespace buzon::files {
namespace {

std::string path_of(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

posix::Result<posix::UniqueFd> in_memory(std::string_view bytes, const char* name, int seals) {
    posix::UniqueFd memory{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory) return posix::last_error();
    if (const std::error_code why = posix::write_all(memory.get(), bytes)) return why;
    if (::fcntl(memory.get(), F_ADD_SEALS, seals | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) return posix::last_error();
    return memory;
}

} // namespace

posix::Result<posix::UniqueFd> key_of(const posix::UniqueFd& memory) {
    if (::fchmod(memory.get(), 0) != 0) return posix::last_error();
    posix::UniqueFd key{::open(path_of(memory.get()).c_str(), O_PATH | O_CLOEXEC)};
    if (!key) return posix::last_error();
    return key;
}

posix::Result<posix::UniqueFd> open_vault(int key, int flags) {
    const std::string path = path_of(key);
    // Another worker that opens it may revoke our access between the two calls.
    for (int tries = 0; tries < 100; ++tries) {
        if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return posix::last_error();
        posix::UniqueFd vault{::open(path.c_str(), flags | O_CLOEXEC)};
        const std::error_code why = posix::last_error();
        if (::chmod(path.c_str(), 0) != 0) return posix::last_error();
        if (vault) return vault;
        if (why.value() != EACCES) return why;
    }
    return std::error_code{EACCES, std::system_category()};
}

posix::Result<posix::UniqueFd> make_vault_of_changes() {
    const auto memory = in_memory({}, "buzon-changes", 0);
    return memory ? key_of(memory.value()) : memory.error();
}

// Each secret begins on a new line, even after one that was cut short.
std::error_code append_secret(int vault, std::uint64_t change, std::string_view secret) {
    std::string line;
    line.reserve(secret.size() + 32);
    line.append("\n").append(std::to_string(change)).append(" ").append(secret);
    line += '\n';
    const std::error_code why = posix::write_all(vault, line);
    posix::wipe(line);
    return why;
}

std::uint64_t read_secrets(int vault, std::uint64_t from,
                           const std::function<void(std::uint64_t change, std::string secret)>& each) {
    struct stat about {};
    if (::fstat(vault, &about) != 0 || static_cast<std::uint64_t>(about.st_size) <= from) return from;
    std::string text(static_cast<std::size_t>(about.st_size) - from, '\0');
    const ssize_t got = ::pread(vault, text.data(), text.size(), static_cast<off_t>(from));
    if (got <= 0) return from;
    std::string_view rest{text.data(), static_cast<std::size_t>(got)};
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1), from += end + 1) {
        const std::string_view line = rest.substr(0, end);
        const std::size_t space = line.find(' ');
        if (space == line.npos) continue;
        if (const auto change = line::parse_whole<std::uint64_t>(line.substr(0, space)))
            each(*change, std::string{line.substr(space + 1)});
    }
    return from;
}

posix::Result<KeptUsers> keep(const auth::LoadedUsers& loaded) {
    auto users = in_memory(loaded.users.bytes(), "buzon-users", F_SEAL_GROW | F_SEAL_WRITE);
    if (!users) return users.error();
    const auto secrets = in_memory(loaded.secrets.bytes(), "buzon-secrets", F_SEAL_GROW | F_SEAL_WRITE);
    if (!secrets) return secrets.error();
    auto key = key_of(secrets.value());
    if (!key) return key.error();
    return KeptUsers{std::move(users).value(), std::move(key).value()};
}

} // namespace buzon::files
