#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "buzon/posix/io.h"
#include "choices.h"
#include "commands.h"
#include "editor.h"
#include "fields.h"
#include "keys.h"
#include "modes.h"
#include "secret_line.h"
#include "text.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;

// Sends NOOP this often, so that `mgmt-timeout` does not close the connection of a person who is still there.
constexpr Milliseconds keepalive_interval = 4min;

// Bracketed paste: a tab in pasted text is a blank and completes nothing.
constexpr std::string_view paste_marks_on = "\x1b[?2004h", paste_marks_off = "\x1b[?2004l";

// A person's conversation with the server. Reads keys whenever it waits.
class Prompt final : public Watcher {
public:
    Prompt(Conversation& server, const Invocation& invocation, const std::string& auth, Output& out)
        : server_{server}
        , invocation_{invocation}
        , auth_{auth}
        , out_{out}
        , editor_{prompt_text(invocation), history_} {}

    int run();

    [[nodiscard]] std::span<const int> descriptors() const override { return descriptors_; }
    bool wants_out(int descriptor) override;

private:
    enum class Mode { editing, asking, live };

    bool wait();
    void read_keys();
    void handle(const Key& key);
    void enter();
    void run_line(const std::string& line);
    void run_live(const std::string& line);
    void run_own(const std::string& line);
    bool add_secret(std::string& line);
    void complete_word();
    void learn(Needs what);
    Answer ask_quietly(std::string_view line);
    void settle(const Answer& answer);
    void draw() { out_.put(editor_.drawing(screen_size(STDOUT_FILENO).columns)); }
    void stop(int code) {
        finished_ = true;
        code_ = code;
    }

    Conversation& server_;
    const Invocation& invocation_;
    std::string auth_; // the AUTH command that logged us in; top needs it for its own connection
    Output& out_;
    Signals signals_;
    RawMode raw_{STDIN_FILENO, STDOUT_FILENO, std::string{paste_marks_on}, std::string{paste_marks_off}};
    std::array<int, 2> descriptors_ = {signals_.descriptor(), STDIN_FILENO};
    KeyReader key_reader_;
    std::deque<Key> keys_; // typed, but not yet processed
    History history_;
    Editor editor_;
    struct {
        Vocabulary words;
        bool metrics = false, settings = false; // have been asked for
    } known_;
    Mode mode_ = Mode::editing;
    bool pasting_ = false;
    bool input_ended_ = false;
    int signal_ = 0;
    bool finished_ = false;
    int code_ = exit_ok;
    std::string trouble_; // why the server is lost; printed once the terminal is restored
};

bool is_control(const Key& key, std::string_view letter) {
    return key.code == Key::Code::control && key.text == letter;
}

void Prompt::read_keys() {
    std::array<char, 4096> bytes;
    const posix::Transfer got = posix::read_some(STDIN_FILENO, bytes);
    if (got.what == posix::Moved::would_block) return;
    if (got.what != posix::Moved::some) {
        input_ended_ = true; // the terminal was closed
        return;
    }
    for (Key& key : key_reader_.feed({bytes.data(), got.bytes})) keys_.push_back(std::move(key));
}

bool Prompt::wants_out(int descriptor) {
    if (descriptor == signals_.descriptor()) {
        if (const int signal = signals_.take(&raw_)) signal_ = signal;
        return signal_ != 0 || mode_ == Mode::editing;
    }
    read_keys();
    if (input_ended_) return true;
    if (mode_ == Mode::editing) return !keys_.empty();
    // Ctrl-C ends the wait, and in a live list so does Enter. Discards what was typed before it.
    const auto ending = std::find_if(keys_.begin(), keys_.end(), [this](const Key& key) {
        return is_control(key, "C") || (mode_ == Mode::live && (key.code == Key::Code::enter || is_control(key, "D")));
    });
    if (ending == keys_.end()) return false;
    keys_.erase(keys_.begin(), ending + 1);
    return true;
}

// Waits for a key. False if there will be none.
bool Prompt::wait() {
    while (keys_.empty()) {
        draw();
        const Hearing heard = server_.hear(keepalive_interval, this);
        if (heard.what == Heard::gone) {
            trouble_ = heard.text;
            return false;
        }
        if (heard.what == Heard::quiet) settle(ask_quietly("NOOP"));
        if (finished_) return false;
        if (signal_ != 0 || input_ended_ || out_.error()) return false;
        // An unsolicited line: most likely the server's goodbye.
        if (heard.what == Heard::line) out_.put("\r\x1b[K" + printable(heard.text) + '\n');
    }
    return true;
}

int Prompt::run() {
    while (!finished_ && wait()) {
        const Key key = std::move(keys_.front());
        keys_.pop_front();
        handle(key);
        if (signal_ != 0 || input_ended_) break;
    }
    if (!finished_) out_.put("\n");
    if (trouble_.empty() && !finished_) server_.leave();
    raw_.leave();
    if (!trouble_.empty()) return unavailable(invocation_, trouble_);
    return signal_ != 0 ? 128 + signal_ : code_;
}

void Prompt::handle(const Key& key) {
    if (key.code == Key::Code::paste_begin || key.code == Key::Code::paste_end) {
        pasting_ = key.code == Key::Code::paste_begin;
        return;
    }
    const bool blank = pasting_ && key.code == Key::Code::tab;
    switch (editor_.press(blank ? Key{Key::Code::text, " "} : key)) {
    case Editor::Wants::nothing:
    case Editor::Wants::redraw: break;
    case Editor::Wants::bell: out_.put("\a"); break;
    case Editor::Wants::run: enter(); break;
    case Editor::Wants::cancel:
        draw();
        out_.put("^C\n");
        editor_.begin();
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
    std::string line = editor_.line();
    if (!holds_secret(line)) { // a password may end with blanks; elsewhere Tab left them
        line.erase(line.find_last_not_of(' ') + 1);
        history_.add(line);
    }
    editor_.begin();
    line.erase(0, line.find_first_not_of(' ')); // as in a script
    const auto words = words_of(line);
    if (words.empty() || words.front().front() == '#') return;
    if (lacks_secret(line) && !add_secret(line)) return;
    if (has_verb(line, "plot") || has_verb(line, "top")) {
        run_own(line);
    } else if (shape_of(line) == Shape::live) {
        run_live(line);
    } else {
        run_line(line);
    }
}

Answer Prompt::ask_quietly(std::string_view line) {
    mode_ = Mode::asking;
    Answer answer = ask(server_, line, this);
    mode_ = Mode::editing;
    return answer;
}

void Prompt::run_line(const std::string& line) {
    const Answer answer = ask_quietly(line);
    settle(answer);
    if (answer.kind != Answer::Kind::reply) return;
    out_.put(show(invocation_.format, line, answer.reply, terminal_width(STDOUT_FILENO)));
    if (has_verb(line, "QUIT") && answer.reply.ok) stop(exit_ok);
    if (has_verb(line, "AUTH") && answer.reply.ok) auth_ = line;
    if (has_verb(line, "CONF")) known_.settings = false;
}

void Prompt::run_live(const std::string& line) {
    mode_ = Mode::live;
    const Format format = invocation_.format;
    const Answer answer = follow(
        server_, line, *this,
        [&](const Reply& reply) {
            return out_.put(format == Format::person ? "(press Enter or Ctrl-C to stop)\n"
                                                     : show_live_start(format, reply));
        },
        [&](std::string_view shown) { return out_.put(show_live_line(format, line, shown)); });
    mode_ = Mode::editing;
    settle(answer);
    if (answer.kind != Answer::Kind::reply) return;
    out_.put(answer.reply.ok ? show_live_end(format) : show(format, line, answer.reply));
}

// plot and top, run from the prompt.
void Prompt::run_own(const std::string& line) {
    std::vector<std::string_view> arguments = {"host", "1"};
    for (const std::string_view word : words_of(line)) arguments.push_back(word);
    auto parsed = parse_arguments(arguments);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) {
        out_.put(*wrong + '\n');
        return;
    }
    Invocation own = std::get<Invocation>(std::move(parsed));
    own.address = invocation_.address;
    own.format = invocation_.format;
    raw_.leave();
    const int code = own.what == Invocation::What::top ? run_top(server_, own, auth_) : run_plot(server_, own, out_);
    raw_.enter();
    if (code == exit_unavailable || code > 128) stop(code);
}

// Passwords are neither echoed nor kept in the history: ask for one if the command ends before it.
bool Prompt::add_secret(std::string& line) {
    out_.put("Password: ");
    SecretLine secret;
    for (;;) {
        while (keys_.empty()) {
            const Hearing heard = server_.hear(std::nullopt, this);
            if (heard.what == Heard::gone) trouble_ = heard.text;
            if (heard.what == Heard::gone || signal_ != 0 || input_ended_) return false;
        }
        const SecretLine::State state = secret.press(keys_.front());
        keys_.pop_front();
        if (state == SecretLine::State::typing) continue;
        out_.put("\n");
        if (state == SecretLine::State::given_up) return false;
        line += ' ' + secret.release();
        return true;
    }
}

void Prompt::settle(const Answer& answer) {
    if (answer.kind == Answer::Kind::reply) return;
    // A reply that was not read would be taken for that of the next command, so the connection is unusable.
    trouble_ = answer.kind == Answer::Kind::gone ? answer.why : "interrupted while waiting for a reply";
    stop(exit_unavailable);
}

void Prompt::learn(Needs what) {
    bool& learnt = what == Needs::metrics ? known_.metrics : known_.settings;
    if (what == Needs::nothing || learnt) return;
    learnt = true;
    const Answer answer = ask_quietly(what == Needs::metrics ? "METR *" : "CONF");
    settle(answer);
    std::vector<std::string>& names = what == Needs::metrics ? known_.words.metrics : known_.words.settings;
    names.clear();
    for (const std::string& line : answer.reply.lines) {
        names.push_back(what == Needs::metrics ? last_blank_field(line).first : first_blank_field(line).first);
    }
}

void Prompt::complete_word() {
    Completion found = complete(editor_.before_cursor(), known_.words);
    if (found.needs != Needs::nothing) {
        learn(found.needs);
        found = complete(editor_.before_cursor(), known_.words);
    }
    if (finished_) return;
    if (found.words.empty()) {
        out_.put("\a");
        return;
    }
    const std::size_t typed = editor_.before_cursor().size() - found.from;
    const std::size_t common = common_length(found.words);
    if (found.words.size() == 1) {
        editor_.replace_word(found.from, found.words.front() + ' ');
    } else if (common > typed) {
        editor_.replace_word(found.from, found.words.front().substr(0, common));
    } else {
        draw();
        out_.put("\n" + listing(found.words, screen_size(STDOUT_FILENO).columns));
    }
}

} // namespace

int run_prompt(Conversation& server, const Invocation& invocation, const std::string& auth, Output& out) {
    return Prompt{server, invocation, auth, out}.run();
}

} // namespace buzon::client
