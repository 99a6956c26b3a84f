#include "buzon/config/machine_name.h"

#include <unistd.h>

#include "buzon/state/settings.h"

namespace buzon::config {

std::string machine_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && state::is_host_name(name) ? name : "localhost";
}

} // namespace buzon::config
