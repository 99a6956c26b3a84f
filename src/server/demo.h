// server/demo.h - what --default serves: a private copy of the sample mail.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "buzon/net/address.h"

namespace buzon::server {

// A fresh copy of maildir-sample in a directory of its own. A process that outlives the server must remove it, because
// the process that serves is not allowed to.
class Demo {
public:
    // Looks for the sample beside the program: in ../maildir-sample in a source tree, in ../share/buzon/maildir-sample
    // if it is installed. Throws StartError.
    [[nodiscard]] static Demo make();
    void remove() const noexcept;

    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    // For managers, in addition to the usual addresses. The user who started the demo is an administrator there without
    // a password.
    [[nodiscard]] std::string management_socket() const { return root_ + "/manage"; }
    // Tells a person at the terminal how to try the demo. `address` and `port` are those of POP3.
    [[nodiscard]] std::string advice(const net::Ip& address, std::uint16_t port) const;

private:
    explicit Demo(std::string root) : root_{std::move(root)} {}

    std::string root_;
};

} // namespace buzon::server
