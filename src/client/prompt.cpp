// client/prompt.cpp - keys at the prompt: editing, pasting, history.
#include "prompt.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "buzon/posix/io.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;

// NOOP is sent this often, so that `mgmt-timeout` does not close the connection of a person who is still there.
constexpr Milliseconds keepalive_interval = 4min;

bool is_control(const Key& key, std::string_view letter) {
    return key.code == Key::Code::control && key.text == letter;
}

} // namespace

void Prompt::read_keys() {
    std::array<char, 4096> bytes;
    const posix::Transfer got = posix::read_some(STDIN_FILENO, bytes);
    if (got.what == posix::Moved::would_block) return;
    if (got.what != posix::Moved::some) {
        input_.ended = true; // the terminal was closed
        return;
    }
    for (Key& key : input_.reader.feed({bytes.data(), got.bytes})) input_.keys.push_back(std::move(key));
}

bool Prompt::wants_out(int descriptor) {
    if (descriptor == signals_.descriptor()) {
        if (const int signal = signals_.take(&raw_)) end_.signal = signal;
        return end_.signal != 0 || mode_ == Mode::editing;
    }
    read_keys();
    if (input_.ended) return true;
    return mode_ == Mode::editing ? !input_.keys.empty() : take_ending_key();
}

// Ctrl-C ends the wait, and so do Enter and Ctrl-D in a live view. Discards what was typed before that key.
bool Prompt::take_ending_key() {
    const auto ending = std::find_if(input_.keys.begin(), input_.keys.end(), [this](const Key& key) {
        return is_control(key, "C") || (mode_ == Mode::live && (key.code == Key::Code::enter || is_control(key, "D")));
    });
    if (ending == input_.keys.end()) return false;
    input_.keys.erase(input_.keys.begin(), ending + 1);
    return true;
}

// Waits for a key. Returns false if none will come.
bool Prompt::wait() {
    while (input_.keys.empty()) {
        draw();
        const Hearing heard = server_.hear(keepalive_interval, this);
        if (heard.what == Heard::gone && !reconnect(heard.text)) return false;
        if (heard.what == Heard::quiet) settle(ask_quietly("NOOP"));
        if (end_.now) return false;
        if (end_.signal != 0 || input_.ended || out_.error()) return false;
        // An unsolicited line: most likely the server's goodbye.
        if (heard.what == Heard::line) out_.put("\r\x1b[K" + printable(heard.text) + '\n');
    }
    return true;
}

int Prompt::run() {
    while (!end_.now && wait()) {
        const Key key = std::move(input_.keys.front());
        input_.keys.pop_front();
        handle(key);
        if (end_.signal != 0 || input_.ended) break;
    }
    if (!end_.now) out_.put("\n");
    if (end_.trouble.empty() && !end_.now) server_.leave();
    raw_.leave();
    if (!end_.trouble.empty()) return unavailable(target_.address, end_.trouble);
    return end_.signal != 0 ? 128 + end_.signal : end_.code;
}

void Prompt::handle(const Key& key) {
    if (key.code == Key::Code::paste_begin || key.code == Key::Code::paste_end) {
        input_.pasting = key.code == Key::Code::paste_begin;
        if (!input_.pasting && !input_.pasted.empty()) paste(key);
        return;
    }
    if (input_.pasting && key.code == Key::Code::enter) return paste(key);
    completed_ = key.code == Key::Code::tab;
    const bool blank = input_.pasting && key.code == Key::Code::tab;
    switch (editor_.press(blank ? Key{Key::Code::text, " "} : key)) {
    case Editor::Wants::nothing:
    case Editor::Wants::redraw: break;
    case Editor::Wants::bell: out_.put("\a"); break;
    case Editor::Wants::run: enter(); break;
    case Editor::Wants::cancel:
        draw();
        out_.put("^C\n");
        editor_.begin();
        input_.pasted.clear();
        break;
    case Editor::Wants::leave:
        out_.put("\n");
        server_.leave();
        stop(exit_ok);
        break;
    case Editor::Wants::complete: complete_word(); break;
    case Editor::Wants::clear_screen: out_.put("\x1b[H\x1b[2J"); break;
    case Editor::Wants::suspend:
        out_.put("\n");
        raw_.suspend();
        break;
    }
}

void Prompt::enter() {
    editor_.press({Key::Code::end});
    draw();
    out_.put("\n");
    std::vector<std::string> lines = std::move(input_.pasted);
    input_.pasted.clear();
    lines.push_back(editor_.line());
    editor_.begin();
    for (std::string& line : lines) {
        remember(line);
        run_any(std::move(line));
        if (end_.now || end_.signal != 0) return;
    }
}

// Lines with a password stay out of the history. Trailing blanks, which Tab leaves, are removed.
void Prompt::remember(const std::string& typed) {
    std::string line = typed;
    line.erase(line.find_last_not_of(' ') + 1);
    if (words_of(line).empty() || manage::holds_password(line)) return;
    if (history_.lines().empty() || history_.lines().back() != line) append_history(history_path_, line);
    history_.add(line);
    editor_.begin();
}

// The lines of a pasted block wait for Enter, which runs them all: they may not be what the user meant to paste.
void Prompt::paste(const Key& key) {
    if (key.code == Key::Code::enter) {
        draw();
        out_.put("\n");
        input_.pasted.push_back(editor_.line());
        editor_.begin();
        return;
    }
    if (input_.pasted.size() == 1 && editor_.line().empty()) {
        editor_.press({Key::Code::text, input_.pasted.front()});
        input_.pasted.clear();
        return;
    }
    const std::size_t count = input_.pasted.size() + (editor_.line().empty() ? 0 : 1);
    out_.put("(" + std::to_string(count) + " pasted lines: Enter runs them, Ctrl-C drops them)\n");
}

void Prompt::draw() {
    const std::string_view before = editor_.before_cursor();
    const bool begun = hints_ && !completed_ && before.ends_with(' ') && !words_of(before).empty();
    editor_.set_hint(begun ? manage::rest_after(before) : "");
    out_.put(editor_.drawing(screen_size(STDOUT_FILENO).columns));
}

int run_prompt(Conversation& server, const Invocation& invocation, Output& out) {
    return Prompt{server, invocation, out}.run();
}

} // namespace buzon::client
