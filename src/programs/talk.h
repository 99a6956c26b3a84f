// programs/talk.h - the program's side of "process:" (filter/answer_parser.h has the server's). It blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::programs {

struct Letter {
    std::string octets;
    std::string user, uidl, ip;
};

// Standard input and output. Any error on them ends the process.
class Talk {
public:
    enum class Results : bool { may_differ, stable }; // stable: they depend on nothing but the message
    explicit Talk(Results results) noexcept : results_{results} {}

    // The next message; nothing if the server has no more.
    [[nodiscard]] std::optional<Letter> next();
    void same() { say("same\n"); }
    void message(std::string_view octets);
    void fail(std::string_view reason); // sent as one line, cut at 1000 octets

private:
    [[nodiscard]] std::optional<std::string> line();
    [[nodiscard]] bool read_more();
    void shake_hands();
    void say(std::string_view octets);

    Results results_;
    bool known_ = false; // the handshake is done
    std::string input_;
    std::size_t taken_ = 0; // of input_
};

// Decodes a value that was encoded as one word (%XX); "-" is empty.
[[nodiscard]] std::string plain_value(std::string_view word);

} // namespace buzon::programs
