#include "buzon/serve/pop3_connection.h"

#include <algorithm>
#include <utility>

#include "buzon/digest/random.h"
#include "buzon/event/memory.h"
#include "buzon/login/refusals.h"
#include "buzon/net/peer.h"
#include "buzon/serve/transforms.h"
#include "deliver.h"
#include "list.h"
#include "report.h"
#include "search.h"
#include "update.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

// One connection's share of a turn before the others get theirs.
constexpr std::size_t octets_per_turn = 512 * 1024;
constexpr int lines_per_turn = 200;

constexpr auto between_checks = 50ms; // at what the TLS program has read

pop3::Channel channel_of(const login::ClientInfo& client) noexcept {
    if (client.tls) return pop3::Channel::tls;
    return client.secure ? pop3::Channel::secure : pop3::Channel::open;
}

} // namespace

Pop3Connection::Pop3Connection(Pop3Needs& needs, ConnectionOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                               const login::ClientInfo& client)
    : needs_{needs}
    , owner_{owner}
    , stream_{needs.room, std::move(socket), *this}
    , timer_{*this}
    , visit_{id, client, 0, {needs.pop3, channel_of(client), digest::fresh_text}}
    , reader_{pop3::Session::command_limit}
    , began_{needs.loop.now()}
    , active_{began_} {
    if (client.tls) visit_.session.came_under(needs.front_certificate);
}

Pop3Connection::~Pop3Connection() = default;

template <class Work>
void Pop3Connection::survive(Work work) {
    event::guarded(work, [this] { out_of_memory(); });
}

void Pop3Connection::start() {
    survive([&] {
        const net::Endpoint& from = address();
        visit_.publish(needs_.events, state::EventType::connect, {{"ip", from.ip.text()}, {"port", from.port}});
        if (stream_.start()) return close(Ending::cut);
        arm_timer();
        stream_.begin_turn();
        if (!greeted_) visit_.session.greet(stream_.out());
        state_ = State::idle;
        work();
        settle();
    });
}

std::string_view Pop3Connection::state_name() const noexcept {
    switch (visit_.session.state()) {
    case pop3::Session::State::authorization: return "authorization";
    case pop3::Session::State::transaction: return "transaction";
    case pop3::Session::State::update: return "update";
    }
    return "";
}

// --- turns ---

void Pop3Connection::turn(std::string_view fresh) {
    if (state_ == State::closed) return;
    survive([&] {
        stream_.begin_turn(fresh);
        work();
        settle();
    });
}

void Pop3Connection::work() {
    const std::uint64_t sent_before = stream_.sent();
    for (int lines = 0; state_ != State::leaving && state_ != State::parting && state_ != State::closed;) {
        if (stream_.full()) stream_.flush();
        if (stream_.is_cut() && state_ != State::detached) return close(Ending::lost);
        const bool share_is_used = stream_.sent() - sent_before >= octets_per_turn || lines >= lines_per_turn;
        if (share_is_used && !stream_.slow()) return needs_.loop.next_turn(*this);
        if (state_ != State::idle) {
            if (!go_on()) return;
        } else {
            if (stream_.slow() || !next_line()) return;
            ++lines;
        }
    }
}

void Pop3Connection::settle() {
    if (state_ != State::closed && state_ != State::detached) {
        stream_.flush();
        if (stream_.is_cut())
            close(Ending::lost);
        else if (state_ == State::leaving && stream_.queued() == 0 && ending_ != Ending::tls)
            part();
    }
    stream_.end_turn(state_ == State::idle && !pending());
    // Only now: the handshake may displace another connection, which then has a turn of its own.
    if (state_ == State::leaving && ending_ == Ending::tls && stream_.queued() == 0) hand_over();
}

bool Pop3Connection::next_line() {
    reader_.set_limit(visit_.session.line_limit());
    const std::string_view before = stream_.input();
    const line::LineReader::Next next = reader_.next(stream_.input());
    if (next.kind == line::LineReader::Kind::more) {
        if (stream_.state() == net::Stream::State::half_closed) leave(Ending::lost);
        return false;
    }
    const std::size_t at = stream_.out().size();
    pop3::Asked asked = ask(next);
    if (!logged_in()) posix::wipe(before.substr(0, before.size() - stream_.input().size()));
    // While a command is waiting for more, as AUTH does, the line belongs to it.
    if (!unanswered_) {
        unanswered_ = asked.command;
        ++commands_;
    }
    count_reply(at);
    perform(std::move(asked.action));
    active_ = needs_.loop.now();
    return true;
}

pop3::Asked Pop3Connection::ask(const line::LineReader::Next& next) {
    pop3::Session& session = visit_.session;
    switch (next.kind) {
    case line::LineReader::Kind::too_long: return session.bad_line(pop3::BadLine::too_long, stream_.out());
    case line::LineReader::Kind::invalid: return session.bad_line(pop3::BadLine::invalid, stream_.out());
    default: return session.line(next.text, stream_.out());
    }
}

template <class Kind, class... Arguments>
void Pop3Connection::begin(Arguments&&... arguments) {
    task_ = std::make_unique<Kind>(std::forward<Arguments>(arguments)...);
    state_ = State::busy;
}

void Pop3Connection::perform(pop3::Action action) {
    struct Performer {
        Pop3Connection& self;
        login::TaskOwner& owner; // the same
        Pop3Needs& needs;
        login::Visit& visit;

        void operator()(const pop3::Continue&) const {}
        void operator()(const pop3::Close& p) const {
            const bool quit = p.why == pop3::Close::Why::quit;
            self.leave(quit ? Ending::quit : Ending::bad_lines, !quit);
        }
        void operator()(pop3::CheckPassword& p) const { log_in(std::move(p)); }
        void operator()(pop3::CheckApop& p) const { log_in(std::move(p)); }
        void operator()(pop3::CheckCram& p) const { log_in(std::move(p)); }
        void operator()(pop3::CheckToken& p) const { log_in(std::move(p)); }
        void operator()(pop3::ProofWaits& p) const {
            self.begin<login::AwaitTurn>(needs.login, visit, login_ends(), owner, std::move(p));
        }
        void operator()(pop3::Authenticated& p) const { log_in(std::move(p)); }
        void operator()(pop3::NotAuthenticated& p) const { log_in(std::move(p)); }
        void operator()(const pop3::ClearTextRefused& p) const {
            login::tell_refusal(needs.login, visit, p);
            if (visit.session.out_of_tries()) self.leave(Ending::wrong_logins, true);
        }
        void operator()(pop3::GetScram& p) const {
            self.begin<login::GetScram>(needs.login, visit, owner, std::move(p.user));
        }
        void operator()(const pop3::Deliver& p) const { self.begin<Deliver>(needs.delivery, visit, owner, p); }
        void operator()(const pop3::Produce& p) const { self.begin<List>(needs.listings, visit, p); }
        void operator()(pop3::Search& p) const { self.begin<Search>(needs.disk, visit, owner, std::move(p)); }
        void operator()(const pop3::Report& p) const {
            self.begin<Report>(needs.reports, needs.disk, visit, owner, p.days);
        }
        void operator()(const pop3::StartTls&) const {
            // What an attacker injected after STLS must not be taken for the client's (RFC 2595 section 4).
            self.stream_.discard_input();
            self.leave(Ending::tls);
        }
        void operator()(const pop3::Update&) const { self.begin<Update>(needs.update, visit, owner); }

        void log_in(login::Proof proof) const {
            self.begin<login::LogIn>(needs.login, self.owner_, visit, login_ends(), owner, std::move(proof));
        }
        [[nodiscard]] event::Instant login_ends() const { return self.began_ + needs.settings.login_timeout; }
    };
    std::visit(Performer{*this, *this, needs_, visit_}, action);
}

// True: the turn continues.
bool Pop3Connection::go_on() {
    const bool was_in = logged_in();
    const std::size_t at = stream_.out().size();
    const login::Step step = task_->go_on(stream_);
    count_reply(at);
    if (!was_in && logged_in()) {
        active_ = needs_.loop.now();
        arm_timer();
        owner_.user_came(*this);
        counted_ = true;
    }
    switch (step) {
    case login::Step::again: return true;
    case login::Step::next_turn: needs_.loop.next_turn(*this); return false;
    case login::Step::waits_for_client:
    case login::Step::waits_for_worker: return false;
    case login::Step::cut: close(Ending::cut); return false;
    case login::Step::done: task_is_done(); return true;
    }
    return false;
}

void Pop3Connection::task_is_done() {
    task_.reset();
    if (state_ == State::detached) return close(Ending::quit);
    if (visit_.session.state() == pop3::Session::State::update) return leave(Ending::quit);
    if (state_ == State::last) return leave(Ending::stopping);
    if (!logged_in() && visit_.session.out_of_tries()) return leave(Ending::wrong_logins, true);
    state_ = State::idle;
}

// --- events outside turns ---

void Pop3Connection::on_sent(std::size_t octets) {
    needs_.metrics.bytes += octets;
    active_ = needs_.loop.now();
}

void Pop3Connection::on_half_closed() {
    if (has_most_likely_left()) timer_.arm(needs_.loop.timers(), needs_.loop.now() + needs_.grace_for_silent_peer);
}

bool Pop3Connection::has_most_likely_left() const noexcept {
    return stream_.state() == net::Stream::State::half_closed && task_ && task_->may_last() && !stream_.keeps_input();
}

void Pop3Connection::on_timer(event::Timer&) {
    survive([this] { look_at_clock(); });
}

void Pop3Connection::look_at_clock() {
    if (state_ == State::parting) return part();
    if (has_most_likely_left()) return close(Ending::lost);
    const event::Instant now = needs_.loop.now();
    // Time during which the client waits for us, reads or sends is not idle time. After the client has closed its side,
    // waiting for us counts as idle.
    const bool ended = stream_.state() == net::Stream::State::half_closed;
    const bool waits_for_us = task_ && task_->client_waits() && !stream_.slow() && !ended;
    if (!logged_in()) {
        // Reading a cold maildrop may take longer than the login timeout.
        if (waits_for_us) return timer_.arm(needs_.loop.timers(), now + needs_.settings.login_timeout);
        if (now - began_ < needs_.settings.login_timeout) return arm_timer();
    } else {
        if (stream_.peer_reads() || waits_for_us) active_ = now;
        if (now - active_ < needs_.settings.timeout) return arm_timer();
    }
    ++needs_.metrics.autologouts;
    if (!logged_in()) {
        login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::login_timeout, address().ip, id(), user()});
    }
    close(logged_in() ? Ending::autologout : Ending::login_timeout);
}

event::Instant Pop3Connection::patience_ends() const noexcept {
    return logged_in() ? active_ + needs_.settings.timeout : began_ + needs_.settings.login_timeout;
}

void Pop3Connection::arm_timer() {
    timer_.arm(needs_.loop.timers(), patience_ends());
}

void Pop3Connection::settings_changed() {
    const bool ended = state_ == State::parting || state_ == State::detached || state_ == State::closed;
    if (!ended && !has_most_likely_left()) arm_timer();
}

bool Pop3Connection::give_way() {
    if (stream_.is_cut() || visit_.session.state() == pop3::Session::State::update) return false;
    const bool at_rest = state_ == State::idle && !stream_.keeps_input() && stream_.queued() == 0;
    const std::chrono::seconds silence = needs_.settings.peer_silence;
    const int wire = owner_.wire_of(*this);
    if (!(at_rest && stream_.peer_has_ended()) && !net::peer_is_dead(wire, silence)) {
        net::probe_peer(wire, silence);
        return false;
    }
    close(Ending::lost);
    return true;
}

// --- the end ---

void Pop3Connection::finish_up() {
    if (state_ == State::busy) state_ = State::last;
    if (state_ != State::idle) return;
    leave(Ending::stopping);
    if (stream_.queued() == 0) survive([this] { part(); });
}

void Pop3Connection::turn_away(std::string_view line) {
    survive([&] {
        login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::displaced, address().ip, id(), user()});
        stream_.begin_turn();
        if (state_ != State::leaving && state_ != State::parting && !stream_.slow()) {
            stream_.out().append(line);
            stream_.flush();
        }
        close(Ending::displaced);
        stream_.end_turn(false);
    });
}

void Pop3Connection::leave(Ending why, bool peer_talks) {
    state_ = State::leaving;
    ending_ = why;
    stream_.finish(peer_talks);
}

// All replies have left. What lies in a TCP socket reaches the client even after close(), but a TLS program drops what
// it has not read.
void Pop3Connection::part() {
    const bool over_tls = owner_.wire_of(*this) != stream_.socket();
    if (!over_tls || stream_.peer_has_read_all()) return close(ending_);
    const event::Instant now = needs_.loop.now();
    if (stream_.peer_reads()) active_ = now;
    if (now >= patience_ends() && now - active_ >= 1s) return close(ending_);
    // Rarer and rarer, because there may be many such clients.
    timer_.arm(needs_.loop.timers(), now + std::clamp<event::Clock::duration>((now - active_) / 8, between_checks, 1s));
    if (std::exchange(state_, State::parting) != State::parting) end_session(ending_);
}

void Pop3Connection::close(Ending why) {
    if (state_ == State::closed) return;
    timer_.disarm();
    if (task_ && task_->client_gone()) {
        state_ = State::detached;
        return stream_.cut();
    }
    end(why);
}

void Pop3Connection::end(Ending why) noexcept {
    if (std::exchange(state_, State::closed) != State::parting) end_session(why);
    stream_.cut();
    owner_.retire(*this);
}

// Allocates no memory except to report the end.
void Pop3Connection::end_session(Ending why) noexcept {
    cancel();
    task_.reset();
    (void)visit_.lock.release();
    event::guarded([&] { tell_of_end(why); }, [this] { ++needs_.metrics.out_of_memory; });
    if (std::exchange(counted_, false)) {
        needs_.delivery.transforms.kept().forget(visit_.id);
        owner_.user_left(*this);
    }
}

// STLS has been answered: the socket goes on through TLS, and this connection ends without a word.
void Pop3Connection::hand_over() {
    posix::UniqueFd socket = stream_.release();
    timer_.disarm();
    end(Ending::tls);
    owner_.tls_begins(*this, std::move(socket));
}

// In the middle of a turn; the reply can only be cut off.
void Pop3Connection::out_of_memory() noexcept {
    ++needs_.metrics.out_of_memory;
    stream_.abandon();
    timer_.disarm();
    if (state_ == State::closed) return;
    // Tries once more to carry out the QUIT.
    if (state_ != State::detached && task_ && task_->client_gone()) {
        state_ = State::detached;
        return needs_.loop.next_turn(*this);
    }
    end(Ending::no_memory);
}

} // namespace buzon::serve
