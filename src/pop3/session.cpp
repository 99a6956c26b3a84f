#include "buzon/pop3/session.h"

#include <utility>

#include "buzon/digest/base64.h"
#include "buzon/line/command_line.h"
#include "catalogue.h"
#include "commands.h"
#include "exchange.h"
#include "reply.h"

namespace buzon::pop3 {

using message::Maildrop;

Session::Session(const Settings& settings, Channel channel, FreshText fresh_text)
    : settings_{&settings}
    , phase_{std::make_unique<Authorization>(Authorization{fresh_text, {}, {}, {}, nullptr})}
    , channel_{channel} {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::came_under(std::string certificate_hash) noexcept {
    channel_ = certificate_hash.empty() ? Channel::tls : Channel::bound;
    authorization().certificate_hash = std::move(certificate_hash);
}

const Catalogue& Session::texts() const noexcept {
    return *catalogues()[static_cast<std::size_t>(language_)];
}

void Session::greet(std::string& out) {
    out.append("+OK ").append(texts().greeting);
    if (settings_->plain_secrets_known && !settings_->disabled.contains(state::Pop3Command::apop)) {
        std::string& challenge = authorization().challenge;
        challenge = "<" + authorization().fresh_text() + "@" + settings_->host + ">";
        out.append(" ").append(challenge);
    }
    out.append("\r\n");
}

std::size_t Session::line_limit() const noexcept {
    const auto* phase = std::get_if<std::unique_ptr<Authorization>>(&phase_);
    return phase && (*phase)->exchange ? answer_limit : command_limit;
}

namespace {

// Why a command cannot be run now; null if it can.
std::string_view Catalogue::*obstacle(const Command& command, Session::State state,
                                      std::string_view arguments) noexcept {
    const bool before_login = state == Session::State::authorization;
    if (command.when == When::before_login && !before_login) return &Catalogue::only_before_login;
    if (command.when == When::after_login && before_login) return &Catalogue::only_after_login;
    const std::size_t given =
        command.max_arguments == Command::rest_of_line ? !arguments.empty() : line::count_words(arguments);
    if (given < command.min_arguments || given > command.max_arguments) return &Catalogue::bad_arguments;
    return nullptr;
}

} // namespace

Asked Session::line(std::string_view line, std::string& out) {
    if (state_ == State::authorization && authorization().exchange) {
        return {Commands::answer(*this, line, out), state::Pop3Command::auth};
    }
    const line::CommandLine given = line::split_command(line);
    const Command* const command = find_command(given.verb);
    if (!command) return {refuse_line(&Catalogue::unknown_command, out)};
    if (settings_->disabled.contains(command->id)) {
        return {refuse_line(&Catalogue::unknown_command, out), command->id};
    }
    if (const auto why = obstacle(*command, state_, given.rest)) {
        err(out, Code::none, texts().*why);
        return {Continue{}, command->id};
    }
    const std::size_t before = out.size();
    Asked asked{command->run(*this, given.rest, out), command->id};
    // Refused arguments neither count as a bad line nor reset the count.
    if (out.size() == before || out[before] == '+') bad_lines_ = 0;
    return asked;
}

Asked Session::bad_line(BadLine what, std::string& out) {
    return {refuse_line(what == BadLine::too_long ? &Catalogue::line_too_long : &Catalogue::invalid_line, out)};
}

// Refuses an invalid line, which also ends an AUTH exchange.
Action Session::refuse_line(std::string_view Catalogue::*why, std::string& out) {
    if (state_ == State::authorization) authorization().exchange.reset();
    if (++bad_lines_ < bad_line_limit) {
        err(out, Code::none, texts().*why);
        return Continue{};
    }
    err(out, Code::none, texts().too_many_bad_lines);
    return Close{Close::Why::bad_lines};
}

void Session::scram_credentials(auth::ScramCredentials credentials, bool genuine, std::string& out,
                                std::string account) {
    authorization().exchange->account = std::move(account);
    Commands::supply(*this, std::move(credentials), genuine, out);
}

void Session::proof_accepted(std::string& out) {
    const std::string signature = std::exchange(authorization().exchange->signature, {});
    out.append("+ ").append(digest::encode_base64(signature)).append("\r\n");
}

void Session::login_succeeded(Maildrop maildrop, std::string& out, bool may_delete) {
    // Frees what only the login needed.
    std::string name = std::move(authorization().user);
    name.shrink_to_fit();
    phase_ = Transaction{std::move(name), std::move(maildrop), MessageNumber{0}, may_delete};
    state_ = State::transaction;
    ok(out, texts().password_accepted);
}

void Session::login_refused(Refusal why, std::string& out, std::optional<std::uint32_t> seconds) {
    authorization().user.clear();
    authorization().exchange.reset();
    const bool counts = why == Refusal::wrong || why == Refusal::not_permitted || why == Refusal::throttled;
    if (counts && !out_of_tries()) ++wrong_logins_;
    const Catalogue& text = texts();
    const std::uint64_t time = seconds.value_or(0);
    switch (why) {
    case Refusal::wrong: return err(out, Code::auth, text.wrong_password);
    case Refusal::not_permitted: return err(out, Code::auth, text.not_permitted);
    case Refusal::throttled:
    case Refusal::temporary: return err(out, Code::sys_temp, text.login_temporary);
    case Refusal::in_use: return err(out, Code::in_use, text.in_use);
    case Refusal::too_soon: return err(out, Code::login_delay, seconds ? text.too_soon_for : text.too_soon, {time});
    case Refusal::maildrop_unavailable: return err(out, Code::sys_temp, text.maildrop_unavailable);
    case Refusal::maildrop_broken: return err(out, Code::sys_perm, text.maildrop_broken);
    case Refusal::too_many_sessions: return err(out, Code::sys_temp, text.too_many_sessions);
    }
}

void Session::token_refused(std::string_view error, std::string& out) {
    // The last try is refused at once, because the connection is closed after it.
    if (wrong_logins_ + 1U >= wrong_login_limit) return login_refused(Refusal::wrong, out);
    ++wrong_logins_;
    out.append("+ ").append(digest::encode_base64(error)).append("\r\n");
}

void Session::delivery_begins(std::optional<std::uint64_t> octets, std::string& out) {
    // No text, as in other servers: some clients (mailfilter) take it for the first line of the header.
    if (!whole_message_) {
        out.append("+OK\r\n");
        return;
    }
    if (octets) return ok(out, texts().octets, {*octets});
    ok(out, texts().message_follows);
}

void Session::delivery_refused(DeliveryRefusal why, std::string& out) {
    const Catalogue& text = texts();
    switch (why) {
    case DeliveryRefusal::gone: return err(out, Code::sys_temp, text.message_gone);
    case DeliveryRefusal::unreadable: return err(out, Code::sys_temp, text.message_unreadable);
    case DeliveryRefusal::filter_failed: return err(out, Code::sys_temp, text.filter_failed);
    case DeliveryRefusal::needs_utf8: return err(out, Code::utf8, text.message_needs_utf8);
    case DeliveryRefusal::too_large: return err(out, Code::sys_perm, text.message_too_large);
    }
}

void Session::delivered() {
    if (whole_message_) transaction().maildrop.mark_retrieved(transaction().current);
}

bool Session::produce(std::string& out, std::size_t room) {
    Transaction& phase = transaction();
    PairLines lines{out};
    while (lines.size() < room) {
        const std::optional<MessageNumber> next = phase.maildrop.next_live(phase.current);
        if (!next) {
            lines.finish();
            out.append(".\r\n");
            return true;
        }
        phase.current = *next;
        const auto number = static_cast<std::uint32_t>(*next);
        if (listing_ == Listing::sizes)
            lines.add(number, phase.maildrop.octets(*next));
        else
            lines.add(number, phase.maildrop.uidl(*next));
    }
    lines.finish();
    return false;
}

void Session::search_begins(std::string& out) {
    ok(out, texts().search_follows);
}

void Session::search_found(std::span<const std::uint32_t> numbers, std::string& out) {
    const Maildrop& maildrop = transaction().maildrop;
    for (const std::uint32_t number : numbers) append_pair(out, number, maildrop.octets(MessageNumber{number}));
}

void Session::search_ended(std::string& out) {
    out.append(".\r\n");
}

void Session::search_failed(std::string& out) {
    err(out, Code::sys_temp, texts().search_failed);
}

void Session::report_follows(std::string_view lines, std::string& out) {
    ok(out, texts().report_follows);
    out.append(lines).append(".\r\n");
}

void Session::report_failed(std::string& out) {
    err(out, Code::sys_temp, texts().report_failed);
}

void Session::updated(std::uint32_t not_removed, std::string& out) {
    if (not_removed == 0) return ok(out, texts().goodbye);
    err(out, Code::sys_temp, texts().not_removed, {not_removed, transaction().maildrop.deleted_count()});
}

const std::string& Session::user() const noexcept {
    if (const Transaction* phase = std::get_if<Transaction>(&phase_)) return phase->user;
    return std::get<std::unique_ptr<Authorization>>(phase_)->user;
}

const Maildrop* Session::maildrop() const noexcept {
    const Transaction* phase = std::get_if<Transaction>(&phase_);
    return phase ? &phase->maildrop : nullptr;
}

std::string_view name_of(Mechanism mechanism) noexcept {
    switch (mechanism) {
    case Mechanism::pass: return "PASS";
    case Mechanism::apop: return "APOP";
    case Mechanism::plain: return "PLAIN";
    case Mechanism::login: return "LOGIN";
    case Mechanism::scram_sha_256: return "SCRAM-SHA-256";
    case Mechanism::cram_md5: return "CRAM-MD5";
    case Mechanism::scram_sha_256_plus: return "SCRAM-SHA-256-PLUS";
    case Mechanism::oauthbearer: return "OAUTHBEARER";
    case Mechanism::xoauth2: return "XOAUTH2";
    }
    return "";
}

} // namespace buzon::pop3
