#include "support/programs.h"

// The build defines these paths for this file only, so that all others compile the same wherever the project lies.
namespace buzon::test {

std::string server_program() {
    return BUZON_SERVER;
}

std::string client_program() {
    return BUZON_CLIENT;
}

std::string probe_program() {
    return BUZON_PROBE_PROGRAM;
}

std::string filter_program() {
    return BUZON_FILTER_PROGRAM;
}

std::string source_directory() {
    return BUZON_SOURCE_DIR;
}

} // namespace buzon::test
