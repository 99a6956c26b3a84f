#include "support/programs.h"

// The build defines the three paths for this file alone: every other one is compiled alike wherever the project lies.
namespace buzon::test {

std::string server_program() {
    return BUZON_SERVER;
}

std::string client_program() {
    return BUZON_CLIENT;
}

std::string source_directory() {
    return BUZON_SOURCE_DIR;
}

} // namespace buzon::test
