// bench/floor/loops.cpp - the bare loops that open files and that filter them (floor.h).
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "floor/floor.h"

namespace bench {
namespace {

using buzon::posix::UniqueFd;

// The same as for the server's programs, so that a program does the same work for its locale in both cases.
constexpr const char* environment[] = {"BUZON_USER=g1",
                                       "BUZON_UIDL=1600000040.Vfd01Ia03779M436327.mail.example.org",
                                       "BUZON_CLIENT_IP=127.0.0.1",
                                       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                       "LANG=C.UTF-8",
                                       nullptr};

struct Child {
    pid_t pid = 0;
    UniqueFd output = UniqueFd{};
};

Child start_program(const char* file, char* const* words) {
    auto pipe = buzon::posix::make_pipe(false);
    if (!pipe) throw std::system_error{pipe.error(), "pipe"};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, file, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe.value().write_end.get(), 1);
    Child child;
    const int trouble =
        posix_spawn(&child.pid, words[0], &actions, nullptr, words, const_cast<char* const*>(environment));
    posix_spawn_file_actions_destroy(&actions);
    if (trouble != 0) throw std::system_error{trouble, std::system_category(), words[0]};
    child.output = std::move(pipe.value().read_end);
    return child;
}

} // namespace

std::uint64_t open_all(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory{opendir(folder.c_str()), closedir};
    if (!directory) give_up(folder.c_str());
    static std::array<char, 65536> buffer;
    std::uint64_t files = 0;
    while (const dirent* entry = readdir(directory.get())) {
        if (entry->d_name[0] == '.') continue;
        const UniqueFd file{openat(dirfd(directory.get()), entry->d_name, O_RDONLY | O_CLOEXEC)};
        if (!file) continue;
        while (read(file.get(), buffer.data(), buffer.size()) > 0) {
        }
        ++files;
    }
    return files;
}

std::uint64_t spawn_for(double seconds, const char* file, char* const* words) {
    static std::array<char, 65536> buffer;
    std::array<Child, 2> flight;
    for (Child& child : flight) child = start_program(file, words);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>{seconds};
    std::uint64_t finished = 0;
    for (int living = 2; living > 0;) {
        std::array<pollfd, 2> wanted{pollfd{flight[0].output.get(), POLLIN, 0},
                                     pollfd{flight[1].output.get(), POLLIN, 0}};
        if (poll(wanted.data(), wanted.size(), -1) < 0) give_up("poll");
        for (std::size_t i = 0; i < flight.size(); ++i) {
            if (wanted[i].revents == 0 || read(flight[i].output.get(), buffer.data(), buffer.size()) > 0) continue;
            int status = 0;
            waitpid(flight[i].pid, &status, 0);
            if (status != 0) throw std::runtime_error{"the program failed"};
            ++finished;
            flight[i] = {};
            if (std::chrono::steady_clock::now() < end)
                flight[i] = start_program(file, words);
            else
                --living;
        }
    }
    return finished;
}

} // namespace bench
