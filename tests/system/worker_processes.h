// system/worker_processes.h - the mail workers of a running server, as /proc shows them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server.h"

namespace buzon::test {

// The value of a line in /proc/PID/status.
inline std::string status_of(const std::filesystem::path& process, const std::string& key) {
    std::ifstream file{process / "status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
    return {};
}

// The command line, with a space after each word.
inline std::string words_of(const std::filesystem::path& process) {
    std::string words = read_whole(process / "cmdline");
    for (char& c : words)
        if (c == '\0') c = ' ';
    return words;
}

inline bool descends_from(std::filesystem::path process, pid_t ancestor) {
    for (std::string parent; !(parent = status_of(process, "PPid")).empty() && parent != "0";
         process = "/proc/" + parent)
        if (parent == std::to_string(ancestor)) return true;
    return false;
}

inline std::vector<std::filesystem::path> workers_of(const Server& server) {
    std::vector<std::filesystem::path> all;
    for (const auto& one : std::filesystem::directory_iterator("/proc")) {
        if (status_of(one.path(), "Name") == "buzon-worker" && descends_from(one.path(), server.pid()))
            all.push_back(one.path());
    }
    return all;
}

} // namespace buzon::test
