#include "modes.h"

namespace buzon::client {

int run_plot(Conversation&, const Invocation&, Output&) {
    complain("plot is not in this build");
    return exit_usage;
}

int run_top(Conversation&, const Invocation&, const std::string&) {
    complain("top is not in this build");
    return exit_usage;
}

} // namespace buzon::client
