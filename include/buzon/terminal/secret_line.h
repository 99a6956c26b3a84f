// terminal/secret_line.h - a password being typed, without echo.
#pragma once

#include <string>

#include "buzon/terminal/keys.h"

namespace buzon::client {

class SecretLine {
public:
    enum class State { typing, done, given_up };
    State press(const Key& key);
    [[nodiscard]] std::string release() noexcept { return std::move(text_); }

private:
    std::string text_;
};

} // namespace buzon::client
