// server/demo.h - what --default serves: a private copy of the sample mail.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "buzon/net/address.h"

namespace buzon::server {

// A fresh copy of maildir-sample in a directory of its own. Whoever outlives the server removes it: the process that
// serves has not the right to.
class Demo {
public:
    // The sample is looked for beside the program: ../maildir-sample in a source tree, ../share/buzon/maildir-sample
    // where it is installed. Throws StartError.
    [[nodiscard]] static Demo make();
    void remove() const noexcept;

    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    // For managers, beside the usual addresses: whoever started the demo is an administrator there, without a password.
    [[nodiscard]] std::string management_socket() const { return root_ + "/manage"; }
    // How to try it, for a person at the terminal. `address` and `port`: of POP3.
    [[nodiscard]] std::string advice(const net::Ip& address, std::uint16_t port) const;

private:
    explicit Demo(std::string root) : root_{std::move(root)} {}

    std::string root_;
};

} // namespace buzon::server
