// tests/fuzz/pop3_peer.h - the minimum of a connection that a session needs, for the POP3 fuzz targets. Aborts on every
// answer that a client could not read.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/line/line_reader.h"
#include "buzon/pop3/session.h"
#include "support/snapshots.h"

namespace buzon::fuzz {

inline void require(bool holds) {
    if (!holds) std::abort();
}

inline std::shared_ptr<const message::Snapshot> three_messages() {
    message::SnapshotBuilder builder;
    builder.add({.file_name = "1.a.b", .in_new = true, .octets = 120});
    builder.add({.file_name = "2.a.b", .in_new = true, .uidl = "two"});
    builder.add({.file_name = "3.a.b", .octets = 5'000'000'000});
    auto built = test::snapshot_of(builder);
    require(built.ok());
    return built.value();
}

class Pop3Peer {
public:
    Pop3Peer(const pop3::Settings& settings, std::shared_ptr<const message::Snapshot> mail)
        : session_{settings, pop3::Channel::open, +[] { return std::string{"1.2"}; }}, mail_{std::move(mail)} {
        session_.greet(out_);
        check_answer(0);
    }

    void feed(std::string_view octets) {
        kept_ += octets;
        std::string_view input = kept_;
        while (!closed_) {
            reader_.set_limit(session_.line_limit());
            const line::LineReader::Next next = reader_.next(input);
            if (next.kind == line::LineReader::Kind::more) break;
            const std::size_t before = out_.size();
            perform(take(next));
            check_answer(before);
        }
        if (closed_) input = {};
        require(input.size() < pop3::Session::answer_limit);
        kept_.erase(0, kept_.size() - input.size());
    }
    [[nodiscard]] const std::string& all_answers() const { return out_; }

private:
    pop3::Action take(const line::LineReader::Next& next) {
        using Kind = line::LineReader::Kind;
        if (next.kind == Kind::too_long) return session_.bad_line(pop3::BadLine::too_long, out_).action;
        if (next.kind == Kind::invalid) return session_.bad_line(pop3::BadLine::invalid, out_).action;
        require(next.text.size() < session_.line_limit());
        return session_.line(next.text, out_).action;
    }

    // A secret is right if it has an even number of octets.
    void finish_login(bool right) {
        if (!right) return session_.login_refused(pop3::Refusal::wrong, out_);
        session_.login_succeeded(message::Maildrop{mail_}, out_);
    }

    void perform(const pop3::Action& action) {
        if (const auto* wanted = std::get_if<pop3::CheckPassword>(&action)) {
            finish_login(wanted->password.size() % 2 == 0);
        }
        if (const auto* wanted = std::get_if<pop3::CheckToken>(&action)) {
            if (wanted->token.size() % 2 == 0)
                finish_login(true);
            else
                session_.token_refused(auth::token_error("invalid_token", {}), out_);
        }
        if (const auto* wanted = std::get_if<pop3::CheckApop>(&action)) finish_login(wanted->digest.size() % 2 == 0);
        if (const auto* wanted = std::get_if<pop3::CheckCram>(&action)) finish_login(wanted->digest.size() % 2 == 0);
        if (std::holds_alternative<pop3::ProofWaits>(action)) session_.proof_accepted(out_);
        if (std::holds_alternative<pop3::Authenticated>(action)) finish_login(true);
        if (std::holds_alternative<pop3::NotAuthenticated>(action)) finish_login(false);
        if (std::holds_alternative<pop3::GetScram>(action)) session_.scram_credentials({4096, "salt"}, true, out_);
        if (const auto* wanted = std::get_if<pop3::Deliver>(&action)) {
            require(session_.maildrop()->exists(wanted->number) && !session_.maildrop()->deleted(wanted->number));
            session_.delivery_begins(session_.maildrop()->octets(wanted->number), out_);
            out_ += ".\r\n";
            session_.delivered();
        }
        if (std::holds_alternative<pop3::Produce>(action)) {
            while (!session_.produce(out_, 7)) {
            }
        }
        if (std::holds_alternative<pop3::Update>(action)) session_.updated(0, out_);
        closed_ = std::holds_alternative<pop3::Close>(action) || std::holds_alternative<pop3::Update>(action);
    }

    // One answer for each line: a status of at most 512 octets, whole lines, no NUL.
    void check_answer(std::size_t from) const {
        const std::string_view answer = std::string_view{out_}.substr(from);
        const std::string_view status = answer.substr(0, answer.find("\r\n"));
        const bool challenge = status.substr(0, 2) == "+ ";
        require(answer.ends_with("\r\n"));
        require(status.substr(0, 3) == "+OK" || status.substr(0, 5) == "-ERR " || challenge);
        require(challenge || status.size() + 2 <= 512);
        require(answer.find('\0') == std::string_view::npos);
    }

    pop3::Session session_;
    std::shared_ptr<const message::Snapshot> mail_;
    line::LineReader reader_{pop3::Session::command_limit};
    std::string kept_;
    std::string out_;
    bool closed_ = false;
};

} // namespace buzon::fuzz
