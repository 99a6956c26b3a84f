#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "buzon/auth/make_secret.h"
#include "buzon/terminal/terminal.h"
#include "modes.h"
#include "new_password.h"

namespace buzon::client {
namespace {

constexpr std::string_view usual_scheme = "SCRAM-SHA-256";

std::optional<std::string> password_to_hash() {
    if (const char* given = std::getenv("BUZON_PASSWORD")) return given;
    return new_password();
}

} // namespace

int run_hash(const Invocation& invocation) {
    const auto password = password_to_hash();
    if (!password) return exit_usage;
    const std::string scheme = invocation.operands.empty() ? std::string{usual_scheme} : invocation.operands.front();
    const auto secret = auth::make_secret(scheme, *password);
    if (!secret) {
        complain(secret.why());
        return exit_usage;
    }
    Output out{STDOUT_FILENO};
    if (out.put(secret.value() + '\n')) return exit_ok;
    complain("cannot write: " + out.error().message());
    return exit_output;
}

} // namespace buzon::client
