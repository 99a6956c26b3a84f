// probe/under_filter.cpp - under_filter FILTER PROGRAM [ARG...]: executes the program under the seccomp filter in the
// file FILTER (tests/unit-filter), as a service manager would.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: under_filter FILTER PROGRAM [ARG...]\n");
        return 64;
    }
    std::vector<sock_filter> steps;
    {
        std::ifstream file{argv[1], std::ios::binary};
        for (sock_filter one{}; file.read(reinterpret_cast<char*>(&one), sizeof one);) steps.push_back(one);
    }
    const sock_fprog filter{static_cast<unsigned short>(steps.size()), steps.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        std::perror("under_filter");
        return 71;
    }
    // At its end, a sanitized program would look for leaks with ptrace, which units forbid.
    const char* const options = std::getenv("ASAN_OPTIONS");
    ::setenv("ASAN_OPTIONS", (std::string{options ? options : ""} + ":detect_leaks=0").c_str(), 1);
    ::execv(argv[2], argv + 2);
    std::perror(argv[2]);
    return 127;
}
