// tests/client/program.h - bin/client as a process: with pipes, or in a pseudo-terminal whose screen is looked at.
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

// Runs the client to its end, `input` being its stdin. `environment` are "NAME=value" pairs besides PATH and TERM.
Finished run_client(std::vector<std::string> arguments, std::string_view input = {},
                    std::vector<std::string> environment = {});

// The client in a terminal. Waits are for something to appear and end in an exception after a minute.
class TerminalClient {
public:
    // With Parent::shell it runs as a shell's job: each time it stops, "stopped" is printed, or "stopped in raw mode",
    // and it is sent on.
    enum class Parent { test, shell };
    explicit TerminalClient(std::vector<std::string> arguments, std::size_t rows = 24, std::size_t columns = 80,
                            Parent parent = Parent::test,
                            std::vector<std::string> environment = {"TERM=xterm", "LC_ALL=C.UTF-8"});
    ~TerminalClient();
    TerminalClient(const TerminalClient&) = delete;
    TerminalClient& operator=(const TerminalClient&) = delete;

    void type(std::string_view bytes);
    // Reads until the screen shows the text (row_with_cursor() ends with it for wait_cursor).
    void wait_for(std::string_view text);
    // The same for whatever `seen` looks at; `what` it is, for the message when it never comes.
    void wait_until(const std::function<bool()>& seen, std::string_view what);
    void wait_cursor(std::string_view row_end);
    void look() { (void)read_more(); }                  // takes what has been written meanwhile
    void resize(std::size_t rows, std::size_t columns); // the screen begins empty again
    void signal(int number);
    int wait_end();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] const Screen& screen() const noexcept { return screen_; }
    // Line mode, echo and signals from keys are on, as before the start.
    [[nodiscard]] bool mode_is_usual() const;
    [[nodiscard]] const std::string& everything() const noexcept { return everything_; }

private:
    bool read_more(); // false: the program has ended and all is read

    buzon::posix::UniqueFd master_, slave_;
    pid_t pid_ = -1;
    std::optional<int> code_;
    Screen screen_;
    std::string everything_;
};
