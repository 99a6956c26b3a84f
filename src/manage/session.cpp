// manage/session.cpp - the state machine of one manager.
#include "buzon/manage/session.h"

#include <algorithm>
#include <utility>

#include "session_impl.h"
#include "words.h"

namespace buzon::manage {
namespace {

constexpr unsigned max_mistakes = 50;
constexpr unsigned max_failed_logins = 3;
constexpr std::size_t max_last_output = 64 * 1024; // octets of a live view that are still sent when a line ends it

bool is_http(std::string_view line) {
    constexpr std::string_view version = " HTTP/1.";
    if (line.size() < version.size() + 1) return false;
    const char minor = line.back();
    return line.substr(line.size() - version.size() - 1, version.size()) == version && minor >= '0' && minor <= '9';
}

bool has_controls(std::string_view line) {
    return std::any_of(line.begin(), line.end(),
                       [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// A setting in the form that CONF shows: "yes" becomes "on", "007" becomes "7".
std::string in_force(const Session::Impl& session, std::string_view name) {
    const state::SettingField* const field = state::find_setting(name);
    return field != nullptr ? print_setting(session.host.settings(), *field) : std::string{};
}

// Publishes an event for a successful change. It contains no secrets.
void note_change(const Session::Impl& session, const Action& action, const std::string& result) {
    const auto config = [&](std::string_view what, std::string_view value) {
        session.note(state::EventType::config, {{"what", what}, {"value", value}});
    };
    const auto user = [&](std::string_view what, const std::string& name) {
        session.note(state::EventType::config, {{"what", what}, {"name", name}});
    };
    const auto secret = [&](std::string_view what, const std::string& name, std::string_view label) {
        session.note(state::EventType::config, {{"what", what}, {"name", name}, {"secret", label}});
    };
    std::visit(
        Overloaded{
            [&](const CheckAdministrator& a) {
                session.note(state::EventType::manager, {{"action", "auth"}, {"result", "ok"}, {"name", a.name}});
            },
            [&](const ChangePort&) { config("port", result); },
            [&](const ChangeAddress&) { config("ip", result); },
            [&](const ChangeDirectory&) { config("path", result); },
            [&](const ChangeSetting& a) { config(a.name, in_force(session, a.name)); },
            [&](const ChangeTransform& a) {
                session.note(state::EventType::config,
                             {{"what", "transform"}, {"for", a.user.value_or("*")}, {"value", result}});
            },
            [&](const AddUser& a) { user("user-add", a.name); },
            [&](const SetPassword& a) { user("user-pass", a.name); },
            [&](const RemoveUser& a) { user("user-del", a.name); },
            [&](const AddSecret& a) { secret("secret-add", a.user, a.label); },
            [&](const RemoveSecret& a) { secret("secret-del", a.user, a.label); },
            [&](const SaveConfig&) { config("save", result); },
            [&](const Drain&) {
                session.note(state::EventType::server, {{"action", "drain"}});
            },
            [&](const Undelete& a) {
                session.note(state::EventType::undelete, {{"user", a.user}, {"messages", result}});
            },
            [&](const ReleaseUidl& a) {
                session.note(state::EventType::uidl, {{"action", "release"}, {"user", a.user}});
            },
            [](const auto&) {},
        },
        action);
}

} // namespace

Session::Session(Host& host, Peer peer, std::function<void()> wake)
    : impl_{std::make_unique<Impl>(host, std::move(peer), std::move(wake))} {}
Session::~Session() = default;

void Session::greet(std::string& out) const {
    append_ok("buzon management ready", out);
}

bool Session::is_foreign(std::string_view first_octets) noexcept {
    return !first_octets.empty() && first_octets.front() == 0x16; // a TLS handshake record, RFC 8446 section 5.1
}

Action Session::line(std::string_view text, std::string& out) {
    if (std::exchange(impl_->first_line, false) && (is_foreign(text) || is_http(text))) {
        // A web page may have made a browser send this: what follows must never be read as commands.
        append_error("this is the management protocol of a POP3 server, not HTTP or TLS", out);
        return Closing{};
    }
    if (impl_->live) return impl_->end_live(out);
    return impl_->run(text, out);
}

Action Session::too_long(std::string& out) {
    if (std::exchange(impl_->first_line, false)) {
        append_error("line too long", out); // perhaps another protocol's line, with its mark cut off
        return Closing{};
    }
    if (impl_->live) return impl_->end_live(out);
    return impl_->mistake("line too long", out);
}

Action Session::invalid(std::string& out) {
    impl_->first_line = false;
    if (impl_->live) return impl_->end_live(out);
    return impl_->mistake("control characters are not allowed", out);
}

bool Session::produce(std::string& out, std::size_t room) {
    const std::size_t end = out.size() + room;
    if (impl_->live) {
        impl_->produce_live(out, end);
        return true;
    }
    std::string line;
    while (impl_->listing && out.size() < end) {
        line.clear();
        if (impl_->listing->next(line)) {
            append_stuffed(line, out);
        } else {
            out += ".\r\n";
            impl_->listing.reset();
        }
    }
    return impl_->listing != nullptr;
}

Action Session::done(const Outcome& outcome, std::string& out) {
    const Action action = std::exchange(impl_->pending, Answered{});
    if (const auto* const check = std::get_if<CheckAdministrator>(&action);
        check != nullptr && !outcome.ok && !outcome.undecided) {
        impl_->note(state::EventType::manager, {{"action", "auth"}, {"result", "failed"}, {"name", check->name}});
        const bool enough = ++impl_->failed_logins >= max_failed_logins;
        append_error(enough ? "[AUTH] too many failures, goodbye" : "[AUTH] name or password incorrect", out);
        if (enough) return Closing{};
        return Answered{};
    }
    if (!outcome.ok) return impl_->fail(outcome.text.empty() ? "failed" : outcome.text, out);
    if (!outcome.unchanged) note_change(*impl_, action, outcome.text);
    if (std::holds_alternative<CheckAdministrator>(action)) {
        impl_->authenticated = true;
        impl_->failed_logins = 0;
        return impl_->answer("welcome", out);
    }
    if (const auto* const change = std::get_if<ChangeSetting>(&action))
        return impl_->answer(in_force(*impl_, change->name), out);
    return impl_->answer(outcome.text, out);
}

bool Session::is_stranger() const {
    return !impl_->may(Access::served);
}

bool Session::Impl::may(Access access) const {
    if (access == Access::free || authenticated || peer.trusted) return true;
    return access == Access::served && !host.has_administrators();
}

void Session::Impl::refuse(Access access, std::string& out) const {
    const bool nobody = access == Access::guarded && !host.has_administrators();
    append_error(nobody
                     ? "[AUTH] for administrators only, and none is configured: start the server with -a NAME:PASSWORD"
                     : "[AUTH] log in with AUTH first",
                 out);
}

Action Session::Impl::run(std::string_view text, std::string& out) {
    if (has_controls(text)) return mistake("control characters are not allowed", out);
    const std::size_t blank = text.find_first_of(" \t");
    const Command* const command = find_command(text.substr(0, blank));
    if (command == nullptr) return mistake("unknown command, HELP lists them", out);
    mistakes = 0;
    if (const Access access = access_to(text); !may(access)) {
        refuse(access, out);
        return Answered{};
    }
    const std::string_view argument =
        skip_blanks(blank == std::string_view::npos ? std::string_view{} : text.substr(blank));
    Action action = command->run(*this, argument, out);
    const bool performs = action.index() > Action{Closing{}}.index();
    if (performs) pending = action;
    return action;
}

Action Session::Impl::mistake(std::string_view why, std::string& out) {
    append_error(why, out);
    if (++mistakes < max_mistakes) return Answered{};
    return Closing{};
}

Action Session::Impl::end_live(std::string& out) {
    produce_live(out, out.size() + max_last_output); // events before the line belong to the reply
    live.reset();
    out += ".\r\n";
    return Answered{};
}

void Session::Impl::produce_live(std::string& out, std::size_t end) {
    std::string_view line;
    while (out.size() < end && live->next(line)) {
        if (const std::uint64_t lost = live->take_lost(); lost != 0) {
            std::string note_of_loss;
            append_lost(host, lost, note_of_loss);
            append_stuffed(note_of_loss, out);
        }
        if (filter.passes(line, host)) append_stuffed(line, out);
    }
}

Action Session::Impl::answer(std::string_view text, std::string& out) const {
    append_ok(text.empty() ? "done" : text, out); // a bare +OK announces lines
    return Answered{};
}

Action Session::Impl::fail(std::string_view why, std::string& out) const {
    append_error(why, out);
    return Answered{};
}

Action Session::Impl::list(std::unique_ptr<Listing> what, std::string& out) {
    append_ok("", out); // lines follow
    listing = std::move(what);
    return Producing{};
}

Action Session::Impl::list(std::vector<std::string> lines, std::string& out) {
    return list(std::make_unique<FixedListing>(std::move(lines)), out);
}

Action Session::Impl::follow(state::LineFeed& feed, std::uint32_t kinds, LineFilter wanted, std::string& out) {
    append_ok("", out);
    filter = std::move(wanted);
    live.emplace(feed, kinds, 0, wake);
    return Following{};
}

void Session::Impl::note(state::EventType type, std::initializer_list<state::EventField> fields) const {
    std::vector<state::EventField> all{fields};
    all.emplace_back("by", peer.name);
    all.emplace_back("manager", peer.id);
    host.events().publish(
        state::Event{type, state::level_of(type), host.now(), 0, {}, {}, std::span<const state::EventField>{all}});
}

} // namespace buzon::manage
