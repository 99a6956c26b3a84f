// bench/load/questions.cpp - see the header.
#include "load/questions.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace bench {
namespace {

// Asks `text` on one session and keeps the reply, where its wording is up to the server.
class Learner final : public Customer {
public:
    Learner(Loop& loop, Crowd& crowd) : loop_{&loop}, crowd_{&crowd} {}

    void ask(const std::string& text, std::string* status, std::string* body) {
        constexpr double seconds = 60;
        crowd_->serve(*this);
        crowd_->members().front().ask(text, {.learn_status = status, .learn_body = body});
        if (trouble_.empty() && !loop_->run(seconds)) trouble_ = "no answer";
        if (!trouble_.empty()) throw std::runtime_error{text + ": " + trouble_};
    }

private:
    void answered(Connection&) override { loop_->stop(); }
    void ended(Connection&, const std::string& trouble) override {
        trouble_ = trouble;
        loop_->stop();
    }

    Loop* loop_;
    Crowd* crowd_;
    std::string trouble_;
};

// Each line must be "n ID", n counted from 1, ID 1 to 70 printable characters, none twice (RFC 1939 section 7).
void check_uidl(const std::string& body, const Maildrop& maildrop) {
    std::set<std::string_view> seen;
    std::string_view rest = body;
    for (std::uint64_t n = 1; n <= maildrop.messages; ++n) {
        const std::string_view line = rest.substr(0, rest.find("\r\n"));
        rest.remove_prefix(std::min(rest.size(), line.size() + 2));
        const std::string number = std::to_string(n) + " ";
        const std::string_view id = line.substr(std::min(line.size(), number.size()));
        const bool printable =
            id.find_first_not_of(
                "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") ==
            id.npos;
        if (!line.starts_with(number) || id.empty() || id.size() > 70 || !printable || !seen.insert(id).second) {
            throw std::runtime_error{"UIDL: bad line " + std::string{line}};
        }
    }
    if (rest != ".\r\n") throw std::runtime_error{"UIDL: more lines than messages"};
}

} // namespace

std::vector<Question> retrievals(const std::vector<std::string>& wires) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < wires.size(); ++i) {
        questions.push_back({"RETR " + std::to_string(i + 1) + "\r\n", {.body = wires[i]}});
    }
    return questions;
}

std::vector<Question> command_mix(const Mix& wanted, const Maildrop& maildrop, Loop& loop, Crowd& crowd, Texts& texts) {
    std::vector<std::pair<std::string, std::string>> mix; // command and reply
    std::string noop;
    Learner{loop, crowd}.ask("NOOP\r\n", &noop, nullptr);
    const std::size_t listed = std::min<std::size_t>(maildrop.octets.size(), 100);
    mix.emplace_back("NOOP\r\n", noop);
    for (std::size_t n = 1; !wanted.noop_only && n <= listed; ++n) {
        if (n > 1) mix.emplace_back("NOOP\r\n", noop);
        mix.emplace_back("STAT\r\n", maildrop.stat_reply());
        mix.emplace_back("LIST " + std::to_string(n) + "\r\n", maildrop.list_reply(n));
    }
    std::vector<Question> questions;
    // As many pieces as it takes until the mix starts over at the start of a piece.
    for (std::size_t at = 0; questions.empty() || at % mix.size() != 0;) {
        Question question{.text = {}, .answer = {.status = false}, .units = wanted.depth};
        std::string& replies = texts.emplace_back();
        for (std::uint64_t i = 0; i < wanted.depth; ++i, ++at) {
            question.text += mix[at % mix.size()].first;
            replies += mix[at % mix.size()].second;
        }
        question.answer.body = replies;
        questions.push_back(std::move(question));
    }
    return questions;
}

std::vector<Question> listing(Listing which, const Maildrop& maildrop, Loop& loop, Crowd& crowd, Texts& texts) {
    std::string& body = texts.emplace_back(maildrop.list_body());
    if (which == Listing::list) return {{"LIST\r\n", {.body = body}}};
    Learner{loop, crowd}.ask("UIDL\r\n", nullptr, &body);
    check_uidl(body, maildrop);
    return {{"UIDL\r\n", {.body = body}}};
}

} // namespace bench
