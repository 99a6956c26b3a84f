// support/main.cpp - runs before Catch2's own main(): the linker calls this one instead (--wrap, see
// tests/CMakeLists.txt). This saves compiling the runner, which takes longer than any test file.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "support/second_life.h"

namespace buzon::test {
std::map<std::string, int (*)()>& second_lives() {
    static std::map<std::string, int (*)()> lives;
    return lives;
}
} // namespace buzon::test

extern "C" int __real_main(int argc, char* argv[]);

extern "C" int __wrap_main(int argc, char* argv[]) {
    // A peer that disconnects is normal in these tests, as it is in the server.
    std::signal(SIGPIPE, SIG_IGN);
    if (argc > 0) {
        const auto& lives = buzon::test::second_lives();
        if (const auto life = lives.find(argv[0]); life != lives.end()) {
            const int code = life->second();
            std::fflush(nullptr);
            ::_exit(code); // there are thousands of them: looking for leaks in each would take longer than the tests
        }
        // A server's child whose role is not registered here must not run all tests, which would start it again.
        if (std::string_view{argv[0]}.substr(0, 6) == "buzon-") return 70;
    }
    return __real_main(argc, argv);
}
