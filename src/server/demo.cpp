#include "demo.h"

#include <sysexits.h>

#include <cstdlib>
#include <filesystem>

#include "buzon/config/options.h"

namespace buzon::server {
namespace {

namespace fs = std::filesystem;

fs::path find_sample() {
    std::error_code why;
    const fs::path program = fs::read_symlink("/proc/self/exe", why).parent_path();
    for (const char* where : {"../maildir-sample", "../share/buzon/maildir-sample", "../../../maildir-sample"}) {
        const fs::path sample = program / where;
        if (fs::is_directory(sample / "user1", why)) return fs::canonical(sample, why);
    }
    throw config::StartError(EX_NOINPUT, "--default",
                             "the sample mail (maildir-sample) was not found beside " + program.string());
}

} // namespace

Demo::Demo() {
    const fs::path sample = find_sample();
    std::error_code why;
    std::string name = (fs::temp_directory_path(why) / "buzon-demo-XXXXXX").string();
    if (why || !::mkdtemp(name.data()))
        throw config::StartError(EX_CANTCREAT, "--default", "cannot create a temporary directory");
    root_ = name;
    fs::copy(sample, root_, fs::copy_options::recursive, why);
    for (int i = 1; i <= 6 && !why; ++i) {
        for (const char* part : {"cur", "new", "tmp"}) { // an empty one may be missing in an installed or packed copy
            fs::create_directories(fs::path{root_} / ("user" + std::to_string(i)) / part, why);
        }
    }
    if (!why) return;
    const std::string reason = why.message();
    fs::remove_all(root_, why);
    throw config::StartError(EX_CANTCREAT, "--default", "the sample mail cannot be copied: " + reason);
}

Demo::~Demo() {
    std::error_code why;
    fs::remove_all(root_, why);
}

std::vector<auth::NamedSecret> Demo::users() {
    std::vector<auth::NamedSecret> users;
    for (int i = 1; i <= 6; ++i) users.push_back({"user" + std::to_string(i), "{PLAIN}pass" + std::to_string(i)});
    return users;
}

} // namespace buzon::server
