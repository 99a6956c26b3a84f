// The one place where Catch2's runner is compiled; every test program links it.
#include "support/second_life.h"

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <csignal>
#include <cstring>

namespace buzon::test {
std::map<std::string, int (*)()>& second_lives() {
    static std::map<std::string, int (*)()> lives;
    return lives;
}
} // namespace buzon::test

int main(int argc, char* argv[]) {
    // A peer that hangs up is an ordinary event in these tests, as it is in the server.
    std::signal(SIGPIPE, SIG_IGN);
    if (argc > 0) {
        const auto& lives = buzon::test::second_lives();
        if (const auto life = lives.find(argv[0]); life != lives.end()) return life->second();
    }
    return Catch::Session().run(argc, argv);
}
