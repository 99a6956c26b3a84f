// filter/program.h - a program to be started: what it is given, and what it cannot access.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::filter {

// 0: the host's own limit. Never more than the host's hard limit. Core files are always off.
struct ResourceLimits {
    std::uint64_t cpu_seconds = 300;
    std::uint64_t address_space = std::uint64_t{4} << 30; // octets, each process
    std::uint64_t file_size = std::uint64_t{1} << 30;     // octets, each file written
    // Counts all processes of the programs' user: a brake on fork bombs. The kernel does not apply it to root.
    std::uint64_t processes = 4096;
    std::uint64_t open_files = 1024;

    [[nodiscard]] bool operator==(const ResourceLimits&) const = default;
};

// The user that programs run as (--transform-user).
struct RunAs {
    std::string name; // for messages
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;

    [[nodiscard]] bool operator==(const RunAs&) const = default;
};

// A program's whole environment, except for TMPDIR, which its host adds.
struct Environment {
    std::string user;      // BUZON_USER
    std::string uidl;      // BUZON_UIDL
    std::string client_ip; // BUZON_CLIENT_IP
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::string lang = "C.UTF-8";
};

// --transform-jail
enum class JailKind : std::uint32_t {
    off,
    standard, // no access to hidden paths, and no signals to other processes
    strict,   // also no network; writes only below its TMPDIR; reads only system folders, its own, and `readable`
};

// What a program cannot reach. The kernel enforces it (Landlock) where it can.
struct Jail {
    JailKind kind = JailKind::off;
    std::vector<std::string> hidden;   // the mail roots, and the server's own files and folders
    std::vector<std::string> readable; // strict: --transform-read

    [[nodiscard]] bool operator==(const Jail&) const = default;
};

// Everything is borrowed until the request has been sent.
struct Program {
    std::string_view path;                     // absolute
    const std::vector<std::string>& arguments; // without argv[0], which is the path
    const std::vector<std::string>& environment;
    std::vector<int> descriptors; // at most max_descriptors; they become 0, 1, 2 …; -1: /dev/null
    const ResourceLimits& limits;
    const Jail* jail = nullptr; // null: none
    bool lives_on = false;      // its file is watched, and its start is reported at once
};

[[nodiscard]] std::vector<std::string> variables_of(const Environment& environment);
// The environment of a program that is asked about logins. It has nothing of the server's own environment, so no
// secrets.
[[nodiscard]] std::vector<std::string> login_variables();

} // namespace buzon::filter
