// client/main.cpp - main() of bin/client.
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/io.h"
#include "modes.h"

namespace {

using namespace buzon;

int fail(std::string_view what, int code) {
    client::complain(what);
    return code;
}

int print(std::string_view text) {
    const std::error_code error = posix::write_all(STDOUT_FILENO, text);
    return error ? fail("cannot write: " + error.message(), client::exit_output) : client::exit_ok;
}

} // namespace

int main(int argc, char** argv) try {
    posix::fill_standard_descriptors();
    const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    if (!arguments.empty() && arguments.front() == "--complete")
        return client::run_completion(std::span{arguments}.subspan(1));
    const char* const server = std::getenv("BUZON_SERVER");
    const auto parsed = client::parse_arguments(arguments, server == nullptr ? "" : server);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) {
        return fail(*wrong + " (client --help says more)", client::exit_usage);
    }
    const auto& invocation = std::get<client::Invocation>(parsed);
    using What = client::Invocation::What;
    if (invocation.what == What::help) return print(client::usage_text());
    if (invocation.what == What::version) return print("buzon client " BUZON_VERSION "\n");
    if (invocation.what == What::hash) return client::run_hash(invocation);
    if (!invocation.top.replay.empty()) return client::run_replay(invocation.top);
    return client::run(invocation);
} catch (const std::exception& trouble) {
    return fail(trouble.what(), 71); // EX_OSERR
}
