#include "conversation.h"

#include "buzon/message/snapshot.h"
#include "support/catch.h"
#include "support/snapshots.h"

namespace buzon::pop3 {

message::Maildrop make_maildrop(const std::vector<Message>& messages) {
    message::SnapshotBuilder builder;
    builder.reserve(messages.size());
    for (const Message& message : messages)
        builder.add({.file_name = message.uidl, .in_new = true, .octets = message.octets, .uidl = message.uidl});
    auto built = test::snapshot_of(builder);
    REQUIRE(built.ok());
    return message::Maildrop{std::move(built.value())};
}

namespace {

World with_host(World world) {
    world.settings.host = "dbc.mtview.ca.us";
    return world;
}

} // namespace

Conversation::Conversation(World the_world)
    : world{with_host(std::move(the_world))}, session{world.settings, world.channel, world.fresh_text} {
    if (world.channel >= Channel::tls) session.came_under(world.certificate_hash);
    session.greet(out_);
}

std::string Conversation::send(std::string_view octets) {
    input_ += octets;
    pump();
    return std::exchange(out_, {});
}

void Conversation::pump() {
    std::string_view input = input_;
    while (!closed) {
        reader_.set_limit(session.line_limit());
        const line::LineReader::Next next = reader_.next(input);
        if (next.kind == line::LineReader::Kind::more) break;
        if (next.kind == line::LineReader::Kind::line) {
            perform(session.line(next.text, out_).action);
        } else {
            const bool too_long = next.kind == line::LineReader::Kind::too_long;
            perform(session.bad_line(too_long ? BadLine::too_long : BadLine::invalid, out_).action);
        }
    }
    input_.erase(0, input_.size() - input.size());
}

void Conversation::perform(const Action& action) {
    if (const auto* wanted = std::get_if<Close>(&action)) {
        asked.emplace_back(wanted->why == Close::Why::quit ? "close after quit" : "close after bad lines");
        closed = true;
    }
    if (const auto* wanted = std::get_if<CheckPassword>(&action)) check_password(*wanted);
    if (const auto* wanted = std::get_if<CheckApop>(&action)) {
        asked.push_back("apop " + wanted->user + " " + wanted->digest + " " + wanted->challenge);
        finish_login(world.digests.count(wanted->user) != 0 && world.digests.at(wanted->user) == wanted->digest);
    }
    if (const auto* wanted = std::get_if<CheckCram>(&action)) {
        asked.push_back("cram " + wanted->user + " " + wanted->digest + " " + wanted->challenge);
        finish_login(world.digests.count(wanted->user) != 0 && world.digests.at(wanted->user) == wanted->digest);
    }
    if (const auto* wanted = std::get_if<CheckToken>(&action)) {
        const std::string token{wanted->token.view()};
        asked.push_back("token " + wanted->user + " " + token + " " + std::string{name_of(wanted->mechanism)});
        const auto known = world.tokens.find(token);
        if (known != world.tokens.end() && known->second == wanted->user)
            finish_login(true);
        else
            session.token_refused(auth::token_error("invalid_token", "mail"), out_);
    }
    if (const auto* wanted = std::get_if<GetScram>(&action)) {
        asked.push_back("scram " + wanted->user);
        session.scram_credentials(world.scram, world.scram_genuine, out_);
    }
    if (const auto* wanted = std::get_if<ProofWaits>(&action)) {
        asked.push_back("proof waits " + wanted->user + " " + std::string{name_of(wanted->mechanism)});
        session.proof_accepted(out_);
    }
    if (const auto* wanted = std::get_if<Authenticated>(&action)) {
        asked.push_back("authenticated " + wanted->user + " " + std::string{name_of(wanted->mechanism)});
        finish_login(true);
    }
    if (const auto* wanted = std::get_if<NotAuthenticated>(&action)) {
        asked.push_back("not authenticated " + wanted->user + " " + std::string{name_of(wanted->mechanism)});
        finish_login(false);
    }
    if (const auto* wanted = std::get_if<ClearTextRefused>(&action)) {
        asked.push_back("no clear text " + wanted->user + " " + std::string{name_of(wanted->mechanism)});
    }
    if (const auto* wanted = std::get_if<Deliver>(&action)) deliver(*wanted);
    if (const auto* wanted = std::get_if<Search>(&action)) {
        asked.push_back("search " + wanted->text);
        if (!world.found) return session.search_failed(out_);
        session.search_begins(out_);
        for (const std::uint32_t& number : *world.found) session.search_found({&number, 1}, out_);
        session.search_ended(out_);
    }
    if (const auto* wanted = std::get_if<Report>(&action)) {
        asked.push_back("report " + std::to_string(wanted->days));
        if (!world.report) return session.report_failed(out_);
        session.report_follows(*world.report, out_);
    }
    if (std::holds_alternative<Produce>(action)) {
        while (!session.produce(out_, world.room)) {
        }
    }
    if (std::holds_alternative<Update>(action)) {
        asked.emplace_back("update");
        session.updated(world.not_removed, out_);
        closed = true;
    }
}

void Conversation::check_password(const CheckPassword& wanted) {
    asked.push_back("password " + wanted.user + " " + std::string{wanted.password.view()} + " " +
                    std::string{name_of(wanted.mechanism)});
    const auto known = world.users.find(wanted.user);
    finish_login(known != world.users.end() && known->second == wanted.password);
}

void Conversation::finish_login(bool right) {
    if (!right) return session.login_refused(Refusal::wrong, out_);
    if (world.refusal) return session.login_refused(*world.refusal, out_, world.refusal_seconds);
    session.login_succeeded(make_maildrop(world.messages), out_);
}

void Conversation::deliver(const Deliver& wanted) {
    const auto number = static_cast<std::uint32_t>(wanted.number);
    asked.push_back("deliver " + std::to_string(number) +
                    (wanted.top_lines ? " top " + std::to_string(*wanted.top_lines) : ""));
    if (world.delivery_refusal) return session.delivery_refused(*world.delivery_refusal, out_);
    const Message& message = world.messages.at(number - 1);
    session.delivery_begins(world.octets_known ? std::optional{message.octets} : std::nullopt, out_);
    out_ += message.text + ".\r\n";
    session.delivered();
}

void Conversation::replay(std::string_view transcript) {
    std::string expected;
    std::string got = std::exchange(out_, {});
    while (!transcript.empty()) {
        std::string_view line = transcript.substr(0, transcript.find('\n'));
        transcript.remove_prefix(std::min(transcript.size(), line.size() + 1));
        line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
        if (line.substr(0, 3) == "S: ") expected.append(line.substr(3)).append("\r\n");
        if (line.substr(0, 3) != "C: ") continue;
        CHECK(got == expected);
        expected.clear();
        got = command(line.substr(3));
    }
    CHECK(got == expected);
}

void Conversation::log_in() {
    command("USER user1");
    REQUIRE(command("PASS pass1") == "+OK Password accepted\r\n");
}

} // namespace buzon::pop3
