// client/prompt_commands.cpp - what the lines typed at the prompt do.
#include <unistd.h>

#include <utility>

#include "buzon/line/number.h"
#include "buzon/talk/fields.h"
#include "buzon/talk/reconnect.h"
#include "buzon/terminal/pager.h"
#include "buzon/terminal/secret_line.h"
#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"
#include "choices.h"
#include "prompt.h"

namespace buzon::client {

void Prompt::run_any(std::string line) {
    line.erase(0, line.find_first_not_of(' ')); // as in a script
    const auto words = words_of(line);
    if (words.empty() || words.front().front() == '#') return;
    if (!manage::holds_password(line)) line.erase(line.find_last_not_of(' ') + 1);
    if (manage::lacks_password(line) && !add_secret(line)) return;
    if (has_verb(line, "\\watch")) {
        run_watch(line);
    } else if (has_verb(line, "plot") || has_verb(line, "top")) {
        run_own(line);
    } else if (is_live(line)) {
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
    const std::string text = show(format_, line, answer.reply, terminal_width(STDOUT_FILENO));
    if (format_ == Format::person && needs_pager(out_, text)) {
        raw_.leave();
        put_paged(out_, text);
        raw_.enter();
    } else {
        out_.put(text);
    }
    if (has_verb(line, "QUIT") && answer.reply.ok) stop(exit_ok);
    if (!answer.reply.ok) return;
    if (has_verb(line, "AUTH")) target_.auth = line;
    if (has_verb(line, "DRAIN") || has_verb(line, "DRAI")) draining_ = true;
    for (const std::string& one : answer.reply.lines)
        if (has_verb(line, "INFO") && one.starts_with("draining ")) draining_ = one.ends_with(" yes");
    name_server();
}

void Prompt::run_live(const std::string& line) {
    mode_ = Mode::live;
    const Format format = format_;
    const Answer answer = follow(
        server_, line, *this,
        [&](const Reply& reply) {
            return out_.put(format == Format::person ? "(press Enter or Ctrl-C to stop)\n"
                                                     : show_live_start(format, reply));
        },
        [&](std::string_view shown) { return out_.put(show_live_line(format, shown)); });
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
    own.target = target_;
    own.format = format_;
    raw_.leave();
    const int code = own.what == Invocation::What::top ? run_top(server_, target_, own.top, format_, out_)
                                                       : run_plot(server_, own, out_);
    raw_.enter();
    if (code == exit_unavailable || code > 128) stop(code);
}

// \watch [SECONDS] COMMAND
void Prompt::run_watch(const std::string& line) {
    auto words = words_of(line);
    words.erase(words.begin());
    const auto seconds = words.empty() ? std::nullopt : line::parse_whole<unsigned>(words.front(), 1, 86'400);
    if (seconds) words.erase(words.begin());
    const std::string command =
        words.empty() ? "" : line.substr(static_cast<std::size_t>(words.front().data() - line.data()));
    if (command.empty() || is_live(command) || has_verb(command, "QUIT") || has_verb(command, "AUTH"))
        return static_cast<void>(out_.put("\\watch [SECONDS] COMMAND repeats a command that ends by itself\n"));
    out_.put("(press Enter or Ctrl-C to stop)\n");
    for (;;) {
        const Answer answer = ask_quietly(command);
        settle(answer);
        if (answer.kind != Answer::Kind::reply) return;
        const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        out_.put(clock_text(now) + '\n' + show(format_, command, answer.reply, terminal_width(STDOUT_FILENO)));
        mode_ = Mode::live;
        // The user may have pressed Enter before the reply came.
        const Hearing heard = take_ending_key() ? Hearing{Heard::interrupted, {}}
                                                : server_.hear(std::chrono::seconds{seconds.value_or(2)}, this);
        mode_ = Mode::editing;
        if (heard.what == Heard::gone) return static_cast<void>(reconnect(heard.text));
        if (heard.what != Heard::quiet || !answer.reply.ok) return;
    }
}

// Asks for the password that the command lacks, so that it is neither echoed nor kept in the history.
bool Prompt::add_secret(std::string& line) {
    out_.put("Password: ");
    SecretLine secret;
    for (;;) {
        while (input_.keys.empty()) {
            const Hearing heard = server_.hear(std::nullopt, this);
            if (heard.what == Heard::gone) end_.trouble = heard.text;
            if (heard.what == Heard::gone || end_.signal != 0 || input_.ended) return false;
        }
        const SecretLine::State state = secret.press(input_.keys.front());
        input_.keys.pop_front();
        if (state == SecretLine::State::typing) continue;
        out_.put("\n");
        if (state == SecretLine::State::given_up) return false;
        line += ' ' + secret.release();
        return true;
    }
}

void Prompt::settle(const Answer& answer) {
    if (answer.kind == Answer::Kind::reply) return;
    if (answer.kind == Answer::Kind::gone) return static_cast<void>(reconnect(answer.why));
    // An unread reply would be taken for the reply to the next command, so the connection is unusable.
    end_.trouble = "interrupted while waiting for a reply";
    stop(exit_unavailable);
}

// A server that was restarted comes back after a while. The interrupted command is not sent again.
bool Prompt::reconnect(const std::string& why) {
    out_.put("\r\x1b[K" + printable(why) + "; reconnecting ...\n");
    const Mode before = std::exchange(mode_, Mode::asking);
    auto again = connect_again(target_, *this);
    mode_ = before;
    if (std::holds_alternative<std::string>(again)) {
        end_.trouble = why;
        stop(exit_unavailable);
        return false;
    }
    server_ = std::get<Conversation>(std::move(again));
    draining_ = false;
    name_server();
    out_.put("reconnected\n");
    return true;
}

// "buzon root@HOST:PORT (draining)> ".
void Prompt::name_server() {
    const auto words = words_of(target_.auth);
    const std::string who = words.size() > 1 ? printable(words[1]) + '@' : "";
    editor_.set_prompt("buzon " + who + target_.address.text() + (draining_ ? " (draining)> " : "> "));
}

// Users and sessions come and go, so the server is asked each time.
void Prompt::learn(manage::Names what) {
    using manage::Names;
    const bool lasting = what == Names::metrics || what == Names::settings;
    if (lasting && known_.contains(what)) return;
    const char* const command = what == Names::metrics    ? "METR *"
                                : what == Names::settings ? "CONF"
                                : what == Names::users    ? "USER LIST"
                                                          : "SESS";
    const Answer answer = ask_quietly(command);
    settle(answer);
    std::vector<std::string>& names = known_[what];
    names.clear();
    for (const std::string& line : answer.reply.lines) names.push_back(first_blank_field(line).first);
}

void Prompt::complete_word() {
    Completion found = complete(editor_.before_cursor(), known_);
    for (const manage::Names what : found.needs)
        if (!end_.now) learn(what);
    if (!found.needs.empty()) found = complete(editor_.before_cursor(), known_);
    if (end_.now) return;
    if (found.words.empty()) {
        out_.put("\a");
        return;
    }
    const std::size_t typed = editor_.before_cursor().size() - found.from;
    const std::size_t common = common_length(found.words);
    if (found.words.size() == 1) {
        const std::string& word = found.words.front();
        editor_.replace_word(found.from, word.ends_with('=') ? word : word + ' ');
    } else if (common > typed) {
        editor_.replace_word(found.from, found.words.front().substr(0, common));
    } else {
        draw();
        out_.put("\n" + listing(found.words, screen_size(STDOUT_FILENO).columns));
    }
}

} // namespace buzon::client
