// client/prompt.h - a person's conversation with the server, one line at a time.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "buzon/talk/commands.h"
#include "buzon/terminal/editor.h"
#include "buzon/terminal/keys.h"
#include "history_file.h"
#include "modes.h"

namespace buzon::client {

// Reads keys whenever it waits.
class Prompt final : public Watcher {
public:
    Prompt(Conversation& server, const Invocation& invocation, Output& out)
        : server_{server}, target_{invocation.target}, format_{invocation.format}, out_{out}, editor_{{}, history_} {
        for (std::string& line : read_history(history_path_)) history_.add(std::move(line));
        editor_.begin();
        name_server();
    }

    int run();

    [[nodiscard]] std::span<const int> descriptors() const override { return descriptors_; }
    bool wants_out(int descriptor) override;

private:
    enum class Mode { editing, asking, live };

    bool wait();
    void read_keys();
    [[nodiscard]] bool take_ending_key();
    void handle(const Key& key);
    void enter();
    void run_line(const std::string& line);
    void run_live(const std::string& line);
    void run_own(const std::string& line);
    void run_watch(const std::string& line);
    void run_any(std::string line);
    void remember(const std::string& line);
    void paste(const Key& key);
    bool reconnect(const std::string& why);
    void name_server();
    bool add_secret(std::string& line);
    void complete_word();
    void learn(manage::Names what);
    Answer ask_quietly(std::string_view line);
    void settle(const Answer& answer);
    void draw();
    void stop(int code) {
        end_.now = true;
        end_.code = code;
    }

    struct Input {
        KeyReader reader;
        std::deque<Key> keys;            // typed, but not yet processed
        std::vector<std::string> pasted; // lines that wait for Enter
        bool pasting = false;
        bool ended = false;
    };
    struct End {
        bool now = false;
        int signal = 0;
        int code = exit_ok;
        std::string trouble; // why the connection was lost; printed once the terminal is restored
    };

    Conversation& server_;
    Target target_; // a later login changes its AUTH command
    const Format format_;
    Output& out_;
    Signals signals_;
    // Bracketed paste, so that a tab in pasted text becomes a blank and completes nothing.
    RawMode raw_{STDIN_FILENO, STDOUT_FILENO, "\x1b[?2004h", "\x1b[?2004l"};
    std::array<int, 2> descriptors_ = {signals_.descriptor(), STDIN_FILENO};
    Input input_;
    const std::string history_path_ = history_path();
    const bool hints_ = has_colours(); // the terminal can show them fainter than the line
    History history_;
    Editor editor_;
    bool draining_ = false;
    bool completed_ = false; // the last key was Tab, which shows the choices anyway
    Vocabulary known_;       // names that the server was asked for
    Mode mode_ = Mode::editing;
    End end_;
};

} // namespace buzon::client
