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

// Standard input and output. Whatever is wrong with them ends the process.
class Talk {
public:
    enum class Results : bool { may_differ, stable }; // stable: they depend on nothing but the message
    explicit Talk(Results results) noexcept : results_{results} {}

    // The next message. Nothing: the server wants no more.
    [[nodiscard]] std::optional<Letter> next();
    void same() { say("same\n"); }
    void message(std::string_view octets);
    void fail(std::string_view reason); // one line of it

private:
    [[nodiscard]] std::optional<std::string> line();
    [[nodiscard]] bool read_more();
    void shake_hands();
    void say(std::string_view octets);

    Results results_;
    bool known_ = false; // hands have been shaken
    std::string input_;
    std::size_t taken_ = 0; // of input_
};

// What a value was before it was made one word (%XX); "-" is empty.
[[nodiscard]] std::string plain_value(std::string_view word);

} // namespace buzon::programs
