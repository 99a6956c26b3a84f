// tests/support/second_life.h - a test program that is started again under another argv[0] runs the function registered
// under that name instead of its tests. This gives tests a child process with known behaviour.
#pragma once

#include <map>
#include <string>

namespace buzon::test {

std::map<std::string, int (*)()>& second_lives();

struct SecondLife {
    SecondLife(const char* name, int (*run)()) { second_lives()[name] = run; }
};

} // namespace buzon::test
