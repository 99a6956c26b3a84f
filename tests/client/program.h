// tests/client/program.h - runs bin/client: with pipes, or in a pseudo-terminal whose screen can be examined.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"
#include "screen.h"

struct Finished {
    int code = -1; // 128 + N when signal N ended it
    std::string out, err;
};

// Runs the client to its end, with `input` as its stdin. `environment`: all its variables, as "NAME=value".
Finished run_client(std::vector<std::string> arguments, std::string_view input = {},
                    std::vector<std::string> environment = {});

// The client in a terminal. The wait functions throw if what they wait for does not happen within a minute.
class TerminalClient {
public:
    // With Parent::shell it runs as a shell's job: whenever it stops, "stopped" or "stopped in raw mode" is printed,
    // and it is continued.
    enum class Parent { test, shell };
    explicit TerminalClient(std::vector<std::string> arguments, std::size_t rows = 24, std::size_t columns = 80,
                            Parent parent = Parent::test,
                            std::vector<std::string> environment = {"TERM=xterm", "LC_ALL=C.UTF-8"});
    ~TerminalClient();
    TerminalClient(const TerminalClient&) = delete;
    TerminalClient& operator=(const TerminalClient&) = delete;

    void type(std::string_view bytes);
    // Reads until the screen shows the text. wait_cursor(): until row_with_cursor() ends with the text.
    void wait_for(std::string_view text);
    // Reads until `seen` returns true. `what` describes that in the message if it never happens.
    void wait_until(const std::function<bool()>& seen, std::string_view what);
    void wait_cursor(std::string_view row_end);
    void look() { (void)read_more(); }                  // reads what has been written meanwhile
    void resize(std::size_t rows, std::size_t columns); // the screen begins empty again
    void signal(int number);
    int wait_end();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] const Screen& screen() const noexcept { return screen_; }
    // Whether line mode, echo and signal keys are on, as before the start.
    [[nodiscard]] bool mode_is_usual() const;
    [[nodiscard]] const std::string& everything() const noexcept { return everything_; }

private:
    bool read_more(); // false: the program has ended and everything is read

    buzon::posix::UniqueFd master_, slave_;
    pid_t pid_ = -1;
    std::optional<int> code_;
    Screen screen_;
    std::string everything_;
};
