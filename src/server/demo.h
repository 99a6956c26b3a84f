// server/demo.h - what --default serves: a private copy of the sample mail.
#pragma once

#include <string>
#include <vector>

#include "buzon/auth/user_base.h"

namespace buzon::server {

// A fresh copy of maildir-sample in a directory of its own, removed at the end. The sample is looked for beside the
// program: ../maildir-sample in a source tree, ../share/buzon/maildir-sample where it is installed.
class Demo {
public:
    Demo(); // throws StartError
    Demo(const Demo&) = delete;
    Demo& operator=(const Demo&) = delete;
    ~Demo();

    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    // user1:pass1 to user6:pass6
    [[nodiscard]] static std::vector<auth::NamedSecret> users();

private:
    std::string root_;
};

} // namespace buzon::server
