// bench/filter/main.cpp - long-running programs ("process:") that do as little as possible: `same` leaves each message
// as it is, `header` adds a field in front, `stream` returns the message in pieces as it arrives.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "buzon/posix/io.h"

namespace {

constexpr std::string_view field = "X-Bench: yes\n";

std::string input;
std::size_t taken = 0; // octets of it already used

// Reads more of it, in pieces as large as the pipe has.
bool read_more() {
    constexpr std::size_t room = 1 << 18;
    input.erase(0, taken);
    taken = 0;
    const std::size_t before = input.size();
    input.resize(before + room);
    const ssize_t n = ::read(STDIN_FILENO, input.data() + before, room);
    input.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return n > 0;
}

// A line without its end. Exits at the end of input, when the server has no more messages.
std::string read_line() {
    std::size_t end = 0;
    while ((end = input.find('\n', taken)) == std::string::npos)
        if (!read_more()) std::exit(EXIT_SUCCESS);
    std::string line = input.substr(taken, end - taken);
    taken = end + 1;
    return line;
}

void say(std::string_view octets) {
    if (buzon::posix::write_all(STDOUT_FILENO, octets)) std::exit(EXIT_FAILURE);
}

// Up to `most` octets of the message, as many as are there.
std::string_view take(std::size_t most) {
    if (taken == input.size() && !read_more()) std::exit(EXIT_FAILURE);
    const std::string_view piece = std::string_view{input}.substr(taken, most);
    taken += piece.size();
    return piece;
}

void stream(std::size_t left) {
    say("stream\n");
    while (left > 0) {
        const std::string_view piece = take(left);
        left -= piece.size();
        say("chunk " + std::to_string(piece.size()) + "\n");
        say(piece);
    }
    say("end\n");
}

std::string whole(std::size_t left) {
    std::string message;
    while (message.size() < left) message += take(left - message.size());
    return message;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view kind = argc == 2 ? argv[1] : "";
    if (kind != "same" && kind != "header" && kind != "stream") {
        std::fputs("usage: bench_filter same|header|stream\n", stderr);
        return 64;
    }
    if (read_line() != "buzon-filter 1") return EXIT_FAILURE;
    say("buzon-filter 1\n");
    for (;;) {
        const std::string head = read_line(); // "message 324 user=ana ..."
        const std::size_t octets = std::strtoul(head.c_str() + head.find(' '), nullptr, 10);
        if (kind == "stream") {
            stream(octets);
        } else if (const std::string message = whole(octets); kind == "same") {
            say("same\n");
        } else {
            say("message " + std::to_string(field.size() + octets) + "\n" + std::string{field} + message);
        }
    }
}
