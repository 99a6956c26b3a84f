#include <poll.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/talk/commands.h"
#include "buzon/terminal/text.h"
#include "modes.h"

namespace buzon::client {
namespace {

constexpr std::size_t longest_script_line = std::size_t{1} * 1024 * 1024;

// Reads lines from stdin while the server is watched, so that a closed connection is noticed even between commands.
class ScriptInput final : public Watcher {
public:
    // Watches stdin only while a line is wanted, so that a long script is not read into memory.
    [[nodiscard]] std::span<const int> descriptors() const override {
        return {descriptors_.data(), wanted_ && !ready() ? 2U : 1U};
    }

    // Returns true when a line, the end of the input or a signal has arrived.
    bool wants_out(int descriptor) override {
        if (descriptor == signals_.descriptor()) {
            if (const int signal = signals_.take()) signal_ = signal;
            return signal_ != 0;
        }
        std::array<char, 16 * 1024> piece;
        const posix::Transfer got = posix::read_some(STDIN_FILENO, piece);
        if (got.what == posix::Moved::some) {
            text_.append(piece.data(), got.bytes);
            too_long_ = text_.size() > longest_script_line && text_.find('\n') == std::string::npos;
        } else if (got.what != posix::Moved::would_block) {
            ended_ = true;
        }
        return ready();
    }

    void want_line(bool on) noexcept { wanted_ = on; }
    [[nodiscard]] int signal() const noexcept { return signal_; }
    [[nodiscard]] bool too_long() const noexcept { return too_long_; }
    [[nodiscard]] bool ready() const noexcept {
        return ended_ || too_long_ || text_.find('\n', taken_) != std::string::npos;
    }

    // The next line without its line end, which the last line may lack. Nothing at the end of the input.
    std::optional<std::string> take() {
        if (taken_ == text_.size()) return std::nullopt;
        const std::size_t end = text_.find('\n', taken_);
        std::string line = text_.substr(taken_, end == std::string::npos ? end : end - taken_);
        taken_ = end == std::string::npos ? text_.size() : end + 1;
        if (taken_ == text_.size()) {
            text_.clear();
            taken_ = 0;
        }
        if (!line.empty() && line.back() == '\r') line.pop_back();
        line.erase(0, line.find_first_not_of(" \t")); // a script may be indented; the protocol allows no leading blanks
        return line;
    }

private:
    Signals signals_;
    std::array<int, 2> descriptors_ = {signals_.descriptor(), STDIN_FILENO};
    std::string text_;
    std::size_t taken_ = 0; // octets of text_ already returned
    bool wanted_ = true, ended_ = false, too_long_ = false;
    int signal_ = 0;
};

class Script {
public:
    // `typed`: a person types the script at a terminal. There is a prompt if our output goes to a terminal, too.
    Script(Conversation& server, const Invocation& invocation, Output& out, bool typed)
        : server_{server}
        , invocation_{invocation}
        , out_{out}
        , typed_{typed}
        , prompt_{typed && ::isatty(out.descriptor()) ? prompt_text(invocation) : std::string{}} {}

    int run() {
        for (;;) {
            input_.want_line(true);
            out_.put(prompt_);
            while (!input_.ready()) {
                const Hearing heard = server_.hear(std::nullopt, &input_);
                if (heard.what == Heard::gone) {
                    end_row();
                    return unavailable(invocation_.target.address, heard.text);
                }
                if (input_.signal() != 0) return finish();
            }
            if (input_.too_long()) {
                complain("input line too long");
                return exit_usage;
            }
            const std::optional<std::string> line = input_.take();
            if (!line) return finish();
            const auto words = words_of(*line);
            if (words.empty() || words.front().front() == '#') continue;
            const Answer answer = run_line(*line);
            if (answer.kind == Answer::Kind::gone) return unavailable(invocation_.target.address, answer.why);
            if (answer.kind == Answer::Kind::interrupted || out_.error()) return finish();
            if (!answer.reply.ok) failed_ = true;
            if (has_verb(*line, "QUIT") && answer.reply.ok) return verdict();
        }
    }

private:
    Answer run_line(const std::string& line) {
        if (line.find('\0') != std::string::npos) {
            complain("a command contains a NUL");
            return {Answer::Kind::reply};
        }
        const bool live = is_live(line);
        if (live) return run_live(line);
        input_.want_line(false);
        Answer answer = ask(server_, line, &input_);
        if (answer.kind == Answer::Kind::reply) put_reply(out_, invocation_.format, line, answer.reply);
        return answer;
    }

    // As in the protocol, the next line ends a live command and is not run. The end of the input ends it, too.
    Answer run_live(const std::string& line) {
        const Format format = invocation_.format;
        Answer answer = follow(
            server_, line, input_,
            [&](const Reply& reply) { return out_.put(show_live_start(format, reply)) && !input_.ready(); },
            [&](std::string_view shown) { return out_.put(show_live_line(format, shown)); });
        if (answer.kind != Answer::Kind::reply) return answer;
        if (!answer.reply.ok) {
            put_reply(out_, format, line, answer.reply);
            return answer;
        }
        out_.put(show_live_end(format));
        if (input_.signal() != 0) return {Answer::Kind::interrupted};
        static_cast<void>(input_.take());
        return answer;
    }

    void end_row() { // after an unanswered prompt
        if (!prompt_.empty()) out_.put("\n");
    }

    int finish() {
        end_row();
        server_.leave();
        if (input_.signal() != 0) return 128 + input_.signal(); // as a shell reports it
        return verdict();
    }

    // A person has seen any refusal; the caller of a script sees only this exit code.
    [[nodiscard]] int verdict() const noexcept { return failed_ && !typed_ ? exit_refused : exit_ok; }

    Conversation& server_;
    const Invocation& invocation_;
    Output& out_;
    const bool typed_;
    const std::string prompt_; // empty: none
    ScriptInput input_;
    bool failed_ = false;
};

} // namespace

int run_script(Conversation& server, const Invocation& invocation, Output& out) {
    return Script{server, invocation, out, ::isatty(STDIN_FILENO) == 1}.run();
}

} // namespace buzon::client
