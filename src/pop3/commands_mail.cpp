// The commands of the TRANSACTION state (RFC 1939 sections 5 and 7).
#include "buzon/line/command_line.h"
#include "commands.h"
#include "reply.h"

namespace buzon::pop3 {

using message::Maildrop;

namespace {

constexpr std::uint32_t usual_report_days = 30;
constexpr std::uint32_t max_report_days = 3650;

} // namespace

Action Commands::stat(Session& session, std::string_view, std::string& out) {
    const Maildrop& maildrop = session.transaction().maildrop;
    out.append("+OK ");
    append_pair(out, maildrop.live_count(), maildrop.live_octets());
    return Continue{};
}

// The message named by an argument; nothing if a refusal was written instead.
std::optional<MessageNumber> Commands::find_message(Session& session, std::string_view text, std::string& out) {
    const Maildrop& maildrop = session.transaction().maildrop;
    const Catalogue& texts = session.texts();
    const std::optional<MessageNumber> number = parse_message_number(line::without_outer_spaces(text));
    if (!number) {
        err(out, Code::none, texts.not_a_number);
        return std::nullopt;
    }
    if (!maildrop.exists(*number)) {
        err(out, Code::none, texts.no_such_message);
        return std::nullopt;
    }
    if (maildrop.deleted(*number)) {
        err(out, Code::none, texts.deleted_already, {static_cast<std::uint32_t>(*number)});
        return std::nullopt;
    }
    return number;
}

Action Commands::list(Session& session, std::string_view arguments, std::string& out) {
    Session::Transaction& transaction = session.transaction();
    const Maildrop& maildrop = transaction.maildrop;
    if (line::count_words(arguments) == 1) {
        if (const auto number = find_message(session, arguments, out)) {
            out.append("+OK ");
            append_pair(out, static_cast<std::uint32_t>(*number), maildrop.octets(*number));
        }
        return Continue{};
    }
    ok(out, session.texts().listing, {maildrop.live_count(), maildrop.live_octets()});
    session.listing_ = Listing::sizes;
    transaction.current = MessageNumber{0};
    return Produce{Listing::sizes, maildrop.deleted_count() == 0};
}

Action Commands::uidl(Session& session, std::string_view arguments, std::string& out) {
    Session::Transaction& transaction = session.transaction();
    if (line::count_words(arguments) == 1) {
        if (const auto number = find_message(session, arguments, out)) {
            out.append("+OK ");
            append_pair(out, static_cast<std::uint32_t>(*number), transaction.maildrop.uidl(*number));
        }
        return Continue{};
    }
    ok(out, session.texts().unique_ids_follow);
    session.listing_ = Listing::unique_ids;
    transaction.current = MessageNumber{0};
    return Produce{Listing::unique_ids, transaction.maildrop.deleted_count() == 0};
}

Action Commands::retr(Session& session, std::string_view arguments, std::string& out) {
    const auto number = find_message(session, arguments, out);
    return number ? deliver(session, *number, std::nullopt, out) : Continue{};
}

Action Commands::top(Session& session, std::string_view arguments, std::string& out) {
    const auto number = find_message(session, line::take_word(arguments), out);
    if (!number) return Continue{};
    const auto lines = parse_count(line::take_word(arguments));
    if (!lines) {
        err(out, Code::none, session.texts().not_a_number);
        return Continue{};
    }
    return deliver(session, *number, lines, out);
}

Action Commands::deliver(Session& session, MessageNumber number, std::optional<std::uint32_t> top_lines,
                         std::string& out) {
    Session::Transaction& transaction = session.transaction();
    const std::uint64_t limit = session.settings_->max_message_size;
    if (limit != 0 && transaction.maildrop.octets(number) > limit) {
        session.delivery_refused(DeliveryRefusal::too_large, out);
        return Continue{};
    }
    transaction.current = number;
    session.whole_message_ = !top_lines;
    return Deliver{number, top_lines};
}

Action Commands::dele(Session& session, std::string_view arguments, std::string& out) {
    if (!session.transaction().may_delete) {
        err(out, Code::sys_perm, session.texts().may_not_delete);
        return Continue{};
    }
    if (const auto number = find_message(session, arguments, out)) {
        session.transaction().maildrop.mark_deleted(*number);
        ok(out, session.texts().deleted, {static_cast<std::uint32_t>(*number)});
    }
    return Continue{};
}

Action Commands::rset(Session& session, std::string_view, std::string& out) {
    Maildrop& maildrop = session.transaction().maildrop;
    maildrop.reset();
    ok(out, session.texts().maildrop_has, {maildrop.live_count(), maildrop.live_octets()});
    return Continue{};
}

Action Commands::search(Session& session, std::string_view arguments, std::string& out) {
    auto parsed = message::SearchCriteria::parse(arguments);
    if (auto* const criteria = std::get_if<message::SearchCriteria>(&parsed)) {
        return Search{std::string{arguments}, std::move(*criteria)};
    }
    err(out, Code::none, session.texts().bad_search);
    return Continue{};
}

Action Commands::report(Session& session, std::string_view arguments, std::string& out) {
    if (line::count_words(arguments) == 0) return Report{usual_report_days};
    const auto days = parse_count(line::take_word(arguments));
    if (days && *days >= 1 && *days <= max_report_days) return Report{*days};
    err(out, Code::none, session.texts().not_a_number);
    return Continue{};
}

Action Commands::noop(Session&, std::string_view, std::string& out) {
    out.append("+OK\r\n");
    return Continue{};
}

} // namespace buzon::pop3
