// filter/answer_parser.h - parses what a long-running program ("process:") says. No I/O; the input may be split
// anywhere.
//
//   S: buzon-filter 1                                   P: buzon-filter 1            ("buzon-filter 1 stable")
//   S: message 324 user=ana uidl=17000.M1 ip=192.0.2.7     and 324 octets
//   P: same                                             the message goes out as it is
//   P: message 330        and 330 octets                this goes out instead
//   P: stream             "chunk N" and N octets …, "end"     the same in pieces
//   P: fail REASON                                      no message; after "stream", also in place of a chunk
//
// Lines end with LF. Counts are octets, in decimal digits.
//
//   hello ── "buzon-filter 1" ──► idle ── expect() ──► answer ── "same", "fail" ─────────────────► idle
//                                                        ├─ "message N" ─► N octets ─► end ──────► idle
//                                                        └─ "stream" ─► chunks ─► "end", "fail" ─► idle
//   any other input, in any state: broken, permanently
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::filter {

inline constexpr std::string_view protocol_hello = "buzon-filter 1\n";

class AnswerParser {
public:
    static constexpr std::size_t max_line = 4096; // octets without the LF

    enum class What : std::uint8_t {
        more,   // all input has been consumed
        hello,  // the handshake is complete
        same,   // the answer, complete
        begins, // a message follows, in pieces
        octets, // of the message: text()
        end,    // the message is complete
        fail,   // the answer, complete: text() is the reason
        broken, // not a valid answer: text() says why
    };

    // Consumes `input` up to the end of the next item, and returns what it is. text() is valid until the next call, and
    // only as long as the input.
    [[nodiscard]] What next(std::string_view& input);
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    // Call it when a message has been handed over, and only when idle().
    void expect() noexcept { state_ = State::answer; }
    [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }
    // What is missing if the input ends now.
    [[nodiscard]] std::string_view expected() const noexcept;
    // The program has declared that its results depend on nothing but the message.
    [[nodiscard]] bool stable() const noexcept { return stable_; }

private:
    enum class State : std::uint8_t { hello, idle, answer, body, chunk_head, chunk, broken };

    [[nodiscard]] bool read_line(std::string_view& input);
    [[nodiscard]] What take_hello();
    [[nodiscard]] What take_answer();
    [[nodiscard]] What take_chunk_head();
    [[nodiscard]] What take_octets(std::string_view& input);
    [[nodiscard]] What take_fail();
    [[nodiscard]] bool take_count(std::string_view word);
    [[nodiscard]] What broken(std::string why);

    State state_ = State::hello;
    bool stable_ = false;
    std::uint64_t left_ = 0; // octets of the message or chunk that are still to come
    std::string line_;       // received so far
    std::string kept_;       // backs text(), unless that is part of the input
    std::string_view text_;
};

} // namespace buzon::filter
