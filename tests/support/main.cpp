// The one place where Catch2's runner is compiled; every test program links it.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <csignal>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <csignal>
#endif

int main(int argc, char* argv[]) {
    // A peer that hangs up is an ordinary event in these tests, as it is in the server.
    std::signal(SIGPIPE, SIG_IGN);
    return Catch::Session().run(argc, argv);
}
