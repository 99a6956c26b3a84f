#include "demo.h"

#include <sysexits.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "buzon/config/options.h"

namespace buzon::server {
namespace {

namespace fs = std::filesystem;

fs::path folder_of_program() {
    std::error_code why;
    return fs::read_symlink("/proc/self/exe", why).parent_path();
}

// The client as called from the current folder. In a source tree it is beside the server.
std::string client_program() {
    std::error_code why;
    const fs::path beside = folder_of_program() / "client";
    if (!fs::exists(beside, why)) return "buzonctl";
    const std::string near = fs::proximate(beside, why).string();
    return why || near.starts_with("..") ? beside.string() : near;
}

fs::path find_sample() {
    std::error_code why;
    const fs::path program = folder_of_program();
    for (const char* where : {"../maildir-sample", "../share/buzon/maildir-sample", "../../../maildir-sample"}) {
        const fs::path sample = program / where;
        if (fs::is_directory(sample / "user1", why)) return fs::canonical(sample, why);
    }
    throw config::StartError(EX_NOINPUT, "--default",
                             "the sample mail (maildir-sample) was not found beside " + program.string());
}

} // namespace

Demo Demo::make() {
    const fs::path sample = find_sample();
    std::error_code why;
    // Preferably not below /tmp. Transformations must not reach the mail (--transform-jail), so they could then create
    // no files in /tmp.
    fs::path folder = fs::temp_directory_path(why);
    if ((folder.string() + '/').starts_with("/tmp/") && ::access("/var/tmp", W_OK | X_OK) == 0) folder = "/var/tmp";
    std::string name = (folder / "buzon-demo-XXXXXX").string();
    if (why || !::mkdtemp(name.data()))
        throw config::StartError(EX_CANTCREAT, "--default", "cannot create a temporary directory");
    Demo demo{name};
    fs::copy(sample, name, fs::copy_options::recursive, why);
    for (int i = 1; i <= 6 && !why; ++i) {
        for (const char* part : {"cur", "new", "tmp"}) { // empty ones may be missing in an installed or packed copy
            fs::create_directories(fs::path{name} / ("user" + std::to_string(i)) / part, why);
        }
    }
    if (!why) return demo;
    const std::string reason = why.message();
    demo.remove();
    throw config::StartError(EX_CANTCREAT, "--default", "the sample mail cannot be copied: " + reason);
}

void Demo::remove() const noexcept {
    std::error_code why;
    fs::remove_all(root_, why);
}

std::string Demo::advice(const net::Ip& address, std::uint16_t port) const {
    const std::string client = "  " + client_program() + " unix:" + management_socket();
    return "\nTry it in another terminal:\n  curl pop3://user1:pass1@" + net::Endpoint{address, port}.text() + "/1\n" +
           client + " top\n" + client +
           "\nThe client is an administrator there; at its prompt HELP lists the commands. Ctrl-C ends the demo.\n";
}

} // namespace buzon::server
