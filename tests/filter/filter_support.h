// tests/filter/filter_support.h - programs, messages and counts for the tests of filter/.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/filter/hosts.h"
#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/forking_starter.h"

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = "/tmp/buzon-filter-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        REQUIRE(::chmod(path_.c_str(), 0755) == 0); // programs may run as another user
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        for (const std::string& file : files_) ::unlink(file.c_str());
        ::rmdir(path_.c_str());
    }

    std::string path(const std::string& name) const { return path_ + "/" + name; }
    std::string file(const std::string& name, const std::string& text, mode_t mode = 0644) const {
        std::ofstream{path(name)} << text;
        REQUIRE(::chmod(path(name).c_str(), mode) == 0);
        files_.insert(path(name));
        return path(name);
    }
    // A shell script.
    std::string script(const std::string& name, const std::string& commands) const {
        return file(name, "#!/bin/sh\n" + commands + "\n", 0755);
    }
    // A file that the program under test will create.
    std::string expect(const std::string& name) const {
        files_.insert(path(name));
        return path(name);
    }

private:
    std::string path_;
    mutable std::set<std::string> files_;
};

inline std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

// A message, opened as by its owner.
inline buzon::posix::UniqueFd message(const std::string& text) {
    std::string name = "/tmp/buzon-message-XXXXXX";
    const buzon::posix::UniqueFd written{::mkstemp(name.data())};
    REQUIRE(!buzon::posix::write_all(written.get(), text));
    buzon::posix::UniqueFd opened{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
    ::unlink(name.c_str());
    return opened;
}

inline std::size_t open_descriptors() {
    std::size_t count = 0;
    DIR* const directory = ::opendir("/proc/self/fd");
    while (::readdir(directory)) ++count;
    ::closedir(directory);
    return count;
}

// The pids of our children, including zombies.
inline std::string children() {
    const std::string self = std::to_string(::getpid());
    return contents("/proc/" + self + "/task/" + self + "/children");
}

inline bool process_exists(pid_t pid) {
    if (::kill(pid, 0) != 0) return false;
    // A zombie only waits for its new parent to reap it; to us, it is gone.
    const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

// Turns the loop until the condition holds, or far too much time has passed.
inline void turn_until(buzon::event::EventLoop& loop, auto condition) {
    const auto limit = buzon::event::Clock::now() + std::chrono::minutes{2};
    while (!condition() && loop.now() < limit) loop.turn(std::chrono::milliseconds{10});
}

// Hosts that run a test's programs. At the end nothing may be left: no process, no descriptor, no watch.
struct NothingLeft {
    NothingLeft() : descriptors{open_descriptors()} { REQUIRE(children().empty()); }
    NothingLeft(const NothingLeft&) = delete;
    NothingLeft& operator=(const NothingLeft&) = delete;
    ~NothingLeft() {
        settle();
        CHECK(loop.watched() == 0);
        loop.turn(std::chrono::milliseconds{1});
        starter.end();
        CHECK(children().empty());
        CHECK(open_descriptors() == descriptors);
    }

    // Turns the loop until everything that runs has ended.
    void settle() {
        turn_until(loop, [this] {
            hosts.end_free_ones();
            return loop.watched() == 0;
        });
    }

    buzon::event::EventLoop loop;
    buzon::test::ForkingStarter starter;
    buzon::filter::Hosts hosts{loop, starter};
    std::size_t descriptors;
};

// For what programs say about themselves, which takes time to arrive.
inline void wait_until(auto condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) ::usleep(10'000);
}
