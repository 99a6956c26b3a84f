#include "program_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/posix/result.h"

namespace buzon::filter {
namespace {

constexpr std::size_t kernel_looks_at = 256; // octets of the beginning (BINPRM_BUF_SIZE)
constexpr int deepest_script = 5;            // scripts that are each other's interpreters

bool is_missing(std::error_code why) {
    return why.value() == ENOENT || why.value() == ENOTDIR;
}

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
    return text;
}

std::size_t read_at(int fd, std::uint64_t offset, void* into, std::size_t octets) {
    const ssize_t n = ::pread(fd, into, octets, static_cast<off_t>(offset));
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

// What the program needs beside itself to be loaded; empty: nothing, or it cannot be told.
std::string loader_of(int fd) {
    Elf64_Ehdr header{};
    if (read_at(fd, 0, &header, sizeof header) != sizeof header || header.e_ident[EI_CLASS] != ELFCLASS64) return {};
    constexpr unsigned char ours = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    if (header.e_ident[EI_DATA] != ours || header.e_phentsize != sizeof(Elf64_Phdr)) return {};
    std::vector<Elf64_Phdr> parts(std::min<std::size_t>(header.e_phnum, 128));
    const std::size_t size = parts.size() * sizeof(Elf64_Phdr);
    if (read_at(fd, header.e_phoff, parts.data(), size) != size) return {};
    for (const Elf64_Phdr& part : parts) {
        if (part.p_type != PT_INTERP || part.p_filesz > PATH_MAX) continue;
        std::string path(part.p_filesz, '\0');
        if (read_at(fd, part.p_offset, path.data(), path.size()) != path.size()) return {};
        return path.substr(0, path.find('\0'));
    }
    return {};
}

// Somebody may have taught the kernel to run files of any kind (binfmt_misc).
bool other_kinds_may_run() {
    std::error_code why;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/sys/fs/binfmt_misc", why}) {
        if (const auto name = entry.path().filename(); name != "register" && name != "status") return true;
    }
    return false;
}

class Look {
public:
    Look(const std::string& named, const std::string& user) : named_{named}, user_{user} {}

    std::optional<Objection> at(const std::string& path, int depth) {
        if (auto wrong = as_file(path)) return wrong;
        const posix::UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
        if (!file) return std::nullopt; // what may be executed need not be readable
        std::array<char, kernel_looks_at> octets{};
        const std::string_view beginning{octets.data(), read_at(file.get(), 0, octets.data(), octets.size())};
        if (beginning.substr(0, 2) == "#!") return as_script(path, beginning.substr(2), depth);
        if (beginning.substr(0, 4) == std::string_view{ELFMAG, SELFMAG}) return as_binary(file.get());
        if (other_kinds_may_run()) return std::nullopt;
        return object(path, Unfit::wrong_kind, "is neither a binary nor a script with a first line such as #!/bin/sh");
    }

private:
    // The file that was named, or one that it needs.
    Objection object(const std::string& path, Unfit kind, const std::string& why) const {
        return {kind, path == named_ ? path + ": " + why : named_ + ": it needs " + printable(path) + ": " + why};
    }
    std::string for_whom() const { return user_.empty() ? "for this server" : "for user " + user_; }

    std::optional<Objection> as_file(const std::string& path) const {
        struct stat about {};
        if (::stat(path.c_str(), &about) != 0) {
            const std::error_code why = posix::last_error();
            if (is_missing(why)) return object(path, Unfit::missing, why.message() + hint_);
            if (why.value() != EACCES) return object(path, Unfit::unknown, why.message());
            return object(path, Unfit::not_executable, why.message() + " " + for_whom());
        }
        if (S_ISDIR(about.st_mode)) return object(path, Unfit::wrong_kind, "is a directory, not a program");
        if (!S_ISREG(about.st_mode)) return object(path, Unfit::wrong_kind, "is not a regular file");
        if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return std::nullopt;
        const std::error_code why = posix::last_error();
        if (why.value() != EACCES) return object(path, Unfit::unknown, why.message());
        struct statvfs mount {};
        if (::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
            return object(path, Unfit::not_executable, "is on a file system mounted noexec");
        }
        return object(path, Unfit::not_executable, "is not executable " + for_whom());
    }

    std::optional<Objection> as_script(const std::string& path, std::string_view line, int depth) {
        if (depth == deepest_script) return object(path, Unfit::wrong_kind, "too many scripts need each other");
        line = line.substr(0, line.find('\n'));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        std::string interpreter{
            line.substr(0, std::min(line.find_first_of(std::string_view{" \t\0", 3}), line.size()))};
        if (interpreter.empty()) return object(path, Unfit::wrong_kind, "its first line names no interpreter");
        if (interpreter.back() == '\r') hint_ = " (a first line must not end with CR)";
        if (interpreter.front() != '/') interpreter.insert(0, "/"); // the directory of all programs
        return at(interpreter, depth + 1);
    }

    std::optional<Objection> as_binary(int file) const {
        const std::string loader = loader_of(file);
        return loader.empty() ? std::nullopt : as_file(loader);
    }

    const std::string& named_;
    const std::string& user_;
    std::string hint_;
};

} // namespace

std::optional<Objection> look_at_program(const std::string& path, const std::string& user) {
    return Look{path, user}.at(path, 0);
}

} // namespace buzon::filter
