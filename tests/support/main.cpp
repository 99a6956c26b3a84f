// support/main.cpp - what happens before Catch2's own main(): the linker calls this one in its place (--wrap, see
// tests/CMakeLists.txt). So the runner need not be compiled by us, which takes longer than any test's file.
#include <csignal>
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
    // A peer that hangs up is an ordinary event in these tests, as it is in the server.
    std::signal(SIGPIPE, SIG_IGN);
    if (argc > 0) {
        const auto& lives = buzon::test::second_lives();
        if (const auto life = lives.find(argv[0]); life != lives.end()) return life->second();
        // A child of a server under test whose role is missing here must not run all tests, which would start it again.
        if (std::string_view{argv[0]}.substr(0, 6) == "buzon-") return 70;
    }
    return __real_main(argc, argv);
}
