#include "buzon/daemon/pop3_connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "buzon/auth/hex.h"
#include "buzon/auth/random.h"
#include "buzon/daemon/control_verb.h"
#include "buzon/daemon/jobs.h"
#include "buzon/daemon/logins.h"
#include "buzon/daemon/transforms.h"
#include "buzon/daemon/users.h"
#include "buzon/mail/update.h"
#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// One connection's share of a turn: then the others go first.
constexpr std::size_t octets_per_turn = 512 * 1024;
constexpr int lines_per_turn = 200;
// Replies are sent when so many octets have come together, so that a slow client costs no more than that.
constexpr std::size_t send_at = 64 * 1024;
// A client that has closed its side while its message is being transformed has most likely left for good. One that
// only says no more (nc -N) gets its answer if that comes soon.
constexpr auto grace_for_silent_peer = 2s;

// Not to be guessed and never the same again: APOP and CRAM-MD5 sign it (RFC 1939 section 7), SCRAM needs it.
std::string fresh_text() {
    return auth::encode_hex(auth::random_octets(16));
}

// What we handed over and the client has not yet confirmed.
int octets_in_kernel(int socket) {
    int octets = 0;
    return ::ioctl(socket, SIOCOUTQ, &octets) == 0 ? octets : 0;
}

state::Mechanism counted_as(pop3::Mechanism mechanism) {
    switch (mechanism) {
    case pop3::Mechanism::pass: return state::Mechanism::user;
    case pop3::Mechanism::apop: return state::Mechanism::apop;
    case pop3::Mechanism::plain: return state::Mechanism::plain;
    case pop3::Mechanism::login: return state::Mechanism::login;
    case pop3::Mechanism::scram_sha_256: return state::Mechanism::scram_sha_256;
    case pop3::Mechanism::cram_md5: return state::Mechanism::cram_md5;
    }
    return state::Mechanism::user;
}

state::LoginResult result_of(pop3::Refusal why) {
    switch (why) {
    case pop3::Refusal::wrong:
    case pop3::Refusal::not_permitted: return state::LoginResult::wrong;
    case pop3::Refusal::in_use: return state::LoginResult::busy;
    case pop3::Refusal::too_soon: return state::LoginResult::throttled;
    default: return state::LoginResult::failed;
    }
}

} // namespace

std::string_view name_of(Ending ending) noexcept {
    constexpr std::array<std::string_view, 8> names = {"quit",      "connection-lost", "autologout", "login-timeout",
                                                       "bad-lines", "cut",             "kicked",     "shutdown"};
    return names[static_cast<std::size_t>(ending)];
}

Pop3Connection::Pop3Connection(Context& context, ConnectionOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                               ClientInfo client)
    : context_{context}
    , owner_{owner}
    , socket_{std::move(socket)}
    , timer_{*this}
    , session_{context.pop3, client.secure ? pop3::Channel::secure : pop3::Channel::open, fresh_text}
    , reader_{pop3::Session::command_limit}
    , id_{id}
    , client_{client}
    , began_{context.loop.now()}
    , active_{began_} {}

Pop3Connection::~Pop3Connection() = default;

void Pop3Connection::start(std::string_view early) {
    publish(state::EventType::connect, {{"ip", client_.address.ip.text()}, {"port", client_.address.port}});
    if (watch_.start(context_.loop, socket_.get(), EPOLLIN, *this)) return close(Ending::cut);
    timer_.arm(context_.loop.timers(), began_ + context_.settings.login_timeout);
    in_ = early;
    received_ = early.size();
    turn([this](std::string& out) { session_.greet(out); });
}

std::string_view Pop3Connection::state_name() const noexcept {
    switch (session_.state()) {
    case pop3::Session::State::authorization: return "authorization";
    case pop3::Session::State::transaction: return "transaction";
    case pop3::Session::State::update: return "update";
    }
    return "";
}

std::string_view Pop3Connection::command() const noexcept {
    switch (doing_) {
    case Doing::logging_in: return "login";
    case Doing::preparing:
    case Doing::delivering: return retr_ ? "RETR" : "TOP";
    case Doing::listing: return "list";
    case Doing::updating: return "QUIT";
    case Doing::nothing: break;
    }
    return "";
}

// --- turns ---

template <class First>
void Pop3Connection::turn(First first) {
    if (closed_) return;
    // With a backlog replies go behind it; else into the buffer that all connections share.
    const bool behind = backlog() > 0;
    std::string& out = behind ? output_ : context_.scratch.output;
    if (!behind) out.clear();
    const std::size_t at = out.size();
    first(out);
    count_reply(out, at);
    if (!behind) work(out);
    if (!closed_ && !behind) (void)flush(out);
    after_work();
}

void Pop3Connection::work(std::string& out) {
    const std::uint64_t sent_before = sent_;
    for (int lines = 0; !closing_ && !closed_;) {
        if (out.size() >= send_at && !flush(out)) return;
        if (sent_ - sent_before >= octets_per_turn || lines >= lines_per_turn) return context_.loop.next_turn(*this);
        switch (doing_) {
        case Doing::nothing:
            if (finish_up_) {
                closing_ = true;
                break;
            }
            if (!next_line(out)) return;
            ++lines;
            break;
        case Doing::preparing:
            if (!prepare(out)) return;
            break;
        case Doing::delivering:
            if (!pump(out)) return;
            break;
        case Doing::listing:
            if (session_.produce(out, send_at)) doing_ = Doing::nothing;
            active_ = context_.loop.now();
            break;
        case Doing::logging_in:
        case Doing::updating: return;
        }
    }
}

bool Pop3Connection::next_line(std::string& out) {
    reader_.set_limit(session_.line_limit());
    const line::LineReader::Next next = reader_.next(in_);
    if (next.kind == line::LineReader::Kind::more) {
        if (peer_done_) close(Ending::lost);
        return false;
    }
    // While a command waits for more, as AUTH does for its exchange, the line belongs to it.
    if (!counting_) {
        verb_ = next.kind == line::LineReader::Kind::line ? verb_of(next.text) : state::Pop3Command::unknown;
        counting_ = true;
        ++commands_;
    }
    const std::size_t at = out.size();
    switch (next.kind) {
    case line::LineReader::Kind::more: break;
    case line::LineReader::Kind::line: perform(session_.line(next.text, out), out); break;
    case line::LineReader::Kind::too_long: perform(session_.bad_line(pop3::BadLine::too_long, out), out); break;
    case line::LineReader::Kind::invalid: perform(session_.bad_line(pop3::BadLine::invalid, out), out); break;
    }
    count_reply(out, at);
    active_ = context_.loop.now();
    return true;
}

// True: everything has left. False: the client takes no more for now, or has gone.
bool Pop3Connection::flush(std::string& out) {
    std::size_t done = 0;
    while (done < out.size()) {
        const posix::Transfer sent = posix::send_some(socket_.get(), std::string_view{out}.substr(done));
        if (sent.what == posix::Moved::some) {
            done += sent.bytes;
            continue;
        }
        if (sent.what == posix::Moved::would_block) break;
        close(Ending::lost);
        return false;
    }
    sent_ += done;
    context_.metrics.bytes += done;
    if (done > 0) active_ = context_.loop.now();
    if (done == out.size()) {
        out.clear();
        return true;
    }
    output_.assign(out, done);
    output_sent_ = 0;
    out.clear();
    kernel_holds_ = octets_in_kernel(socket_.get());
    if (delivery_) delivery_->pause();
    return false;
}

void Pop3Connection::after_work() {
    keep_rest();
    if (closed_) return;
    if (backlog() == 0) {
        if (deliver_counts_) delivered();
        if (closing_) return close(ending_);
    }
    set_interest();
}

// What was not worked through in this turn waits in a buffer of our own.
void Pop3Connection::keep_rest() {
    if (in_.empty()) {
        if (input_.capacity() > sizeof(std::string)) input_ = {};   // an idle session holds no buffer
        else input_.clear();
    } else if (in_.data() < input_.data() || in_.data() >= input_.data() + input_.size()) {
        input_.assign(in_);
    } else {
        input_.erase(0, static_cast<std::size_t>(in_.data() - input_.data()));
    }
    in_ = {};
}

void Pop3Connection::run() {
    in_ = input_;
    turn([](std::string&) {});
}

void Pop3Connection::delivery_wakes() {
    if (backlog() > 0) {
        if (delivery_) delivery_->pause();
        return;
    }
    in_ = input_;
    turn([](std::string&) {});
}

void Pop3Connection::on_ready(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return close(Ending::lost);
    if (events & EPOLLOUT && backlog() > 0) {
        const posix::Transfer sent = posix::send_some(socket_.get(), std::string_view{output_}.substr(output_sent_));
        if (sent.what == posix::Moved::failed) return close(Ending::lost);
        if (sent.what == posix::Moved::some) {
            output_sent_ += sent.bytes;
            sent_ += sent.bytes;
            context_.metrics.bytes += sent.bytes;
            active_ = context_.loop.now();
        }
        if (backlog() > 0) return;
        output_ = {};
        output_sent_ = 0;
        if (deliver_counts_) delivered();
        in_ = input_;
        return turn([](std::string&) {});
    }
    if (events & (EPOLLIN | EPOLLRDHUP)) {
        if (doing_ != Doing::nothing || backlog() > 0 || pending() || closing_) return peek_at_busy_peer();
        read_input();
    }
}

void Pop3Connection::read_input() {
    Scratch& scratch = context_.scratch;
    const posix::Transfer got = posix::read_some(socket_.get(), {scratch.input.get(), Scratch::input_size});
    switch (got.what) {
    case posix::Moved::would_block: return;
    case posix::Moved::failed: return close(Ending::lost);
    case posix::Moved::end: peer_done_ = true; break;
    case posix::Moved::some:
        received_ += got.bytes;
        drain_ = got.bytes == Scratch::input_size;
        break;
    }
    const std::string_view fresh{scratch.input.get(), got.bytes};
    if (input_.empty()) {
        in_ = fresh;
    } else {
        input_ += fresh;
        in_ = input_;
    }
    turn([](std::string&) {});
}

// The client sent something, or its end, while it has to wait for us. We read only when we can work on it; but an end
// without anything before it tells that probably nobody waits any more.
void Pop3Connection::peek_at_busy_peer() {
    char octet = 0;
    const ssize_t n = ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return close(Ending::lost);
    if (n == 0) {
        peer_done_ = true;
        const bool by_program = delivery_ && !delivery_->program().empty();
        if (by_program && input_.empty()) timer_.arm(context_.loop.timers(), context_.loop.now() + grace_for_silent_peer);
    }
    watch_.interest(backlog() > 0 ? EPOLLOUT : 0u);
}

void Pop3Connection::set_interest() {
    if (!watch_.active()) return;
    if (backlog() > 0) return watch_.interest(EPOLLOUT);
    // While busy the interest in input stays as it is: most work is done before the client sends again, and then no
    // system call was needed. on_ready() ends it when input does come.
    if (doing_ == Doing::nothing && !peer_done_) watch_.interest(EPOLLIN);
    else if (watch_.interest() & EPOLLOUT) watch_.interest(0);
}

void Pop3Connection::on_timer(event::Timer&) {
    const event::Instant now = context_.loop.now();
    if (peer_done_ && delivery_) return close(Ending::lost);
    if (!logged_in()) {
        ++context_.metrics.autologouts;
        return close(Ending::login_timeout);
    }
    // Time in which the client waits for us is not idle time; neither is any in which it read or sent.
    const bool waits_for_us = doing_ != Doing::nothing && backlog() == 0;
    // A slow reader drains the kernel's buffer long before that asks us for more: it moves, too.
    const int held = octets_in_kernel(socket_.get());
    const bool reads = held > 0 && (held < kernel_holds_ || kernel_holds_ == 0);
    kernel_holds_ = held;
    if (waits_for_us || reads) active_ = now;
    if (now - active_ < context_.settings.timeout) return arm_idle_timer();
    ++context_.metrics.autologouts;
    close(Ending::autologout);
}

void Pop3Connection::settings_changed() {
    if (closed_ || (peer_done_ && delivery_)) return;
    if (logged_in()) return arm_idle_timer();
    timer_.arm(context_.loop.timers(), began_ + context_.settings.login_timeout);
}

void Pop3Connection::arm_idle_timer() {
    timer_.arm(context_.loop.timers(), active_ + context_.settings.timeout);
}

// --- the end ---

void Pop3Connection::stop(Ending why, bool patient) {
    if (closed_) return;
    ending_ = why;
    if (patient && backlog() > 0) {
        closing_ = true;
        return;
    }
    close(why);
}

void Pop3Connection::finish_up() {
    finish_up_ = true;
    ending_ = Ending::stopping;
    if (doing_ == Doing::nothing && backlog() == 0) return close(Ending::stopping);
}

void Pop3Connection::close(Ending why) {
    if (closed_) return;
    watch_.stop();
    timer_.disarm();
    cancel();
    if (doing_ == Doing::updating) {
        // What QUIT asked for is done whether the client waits or not, and the maildrop stays locked until then.
        alone_ = true;
        socket_.reset();
        return;
    }
    closed_ = true;
    delivery_.reset();
    login_.reset();
    job_.drop();
    lock_.release();
    if (socket_ && (drain_ || closing_)) {
        ::shutdown(socket_.get(), SHUT_WR);
        char rest[4096];
        for (int i = 0; i < 16 && ::recv(socket_.get(), rest, sizeof rest, MSG_DONTWAIT) > 0; ++i) {}
    }
    if (logged_in()) {
        publish_logout(why);
        owner_.user_left(*this);
    }
    socket_.reset();
    owner_.retire(*this);
}

// --- what the session asks for ---

void Pop3Connection::perform(pop3::Action action, std::string& out) {
    struct Performer {
        Pop3Connection& self;
        std::string& out;
        void operator()(const pop3::Continue&) const {}
        void operator()(const pop3::Close& p) const {
            self.closing_ = true;
            self.drain_ = true;
            self.ending_ = p.why == pop3::Close::Why::quit ? Ending::quit : Ending::bad_lines;
        }
        void operator()(pop3::CheckPassword& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::CheckApop& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::CheckCram& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::Authenticated& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::NotAuthenticated& p) const { self.log_in(std::move(p), out); }
        void operator()(const pop3::GetScram& p) const { self.get_scram(p.user, out); }
        void operator()(const pop3::Deliver& p) const { self.deliver(p, out); }
        void operator()(const pop3::Produce&) const { self.doing_ = Doing::listing; }
        void operator()(const pop3::Update&) const { self.update(out); }
    };
    std::visit(Performer{*this, out}, action);
}

void Pop3Connection::log_in(Proof proof, std::string& out) {
    struct MechanismOf {
        pop3::Mechanism operator()(const pop3::CheckApop&) const { return pop3::Mechanism::apop; }
        pop3::Mechanism operator()(const pop3::CheckCram&) const { return pop3::Mechanism::cram_md5; }
        pop3::Mechanism operator()(const pop3::CheckPassword& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::Authenticated& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::NotAuthenticated& p) const { return p.mechanism; }
    };
    mechanism_ = std::visit(MechanismOf{}, proof);
    work_began_ = event::Clock::now();   // not the turn's time: the fast ones are done within it
    doing_ = Doing::logging_in;
    login_ = std::make_unique<Login>(context_, id_, client_, std::move(proof), [this](LoginEnd end) {
        in_ = input_;
        turn([&](std::string& later) { login_ended(std::move(end), later); });
    });
    if (std::optional<LoginEnd> end = login_->start()) login_ended(std::move(*end), out);
}

// The credentials are on file, or derived from a known password by a worker: PBKDF2 is slow on purpose.
void Pop3Connection::get_scram(const std::string& user, std::string& out) {
    mechanism_ = pop3::Mechanism::scram_sha_256;
    auth::ScramSource source =
        context_.users.base().scram_source(user, source_of(client_.address.ip), context_.users.scram_key());
    if (source.ready) return session_.scram_credentials(std::move(*source.ready), source.genuine, out);
    doing_ = Doing::logging_in;
    const worker::Job job = scram_job(source.password, source.salt, source.iterations);
    job_ = context_.hashes.submit(job, [this, user, genuine = source.genuine](worker::Answer answer) {
        in_ = input_;
        turn([&](std::string& later) {
            doing_ = Doing::nothing;
            const Answered said = read_answer(answer);
            auto credentials = auth::parse_scram_credentials(said.rest);
            if (said.why || !credentials) {
                return log_in_refused(user, {pop3::Refusal::temporary, std::nullopt, "SCRAM: " + said.why.message()}, later);
            }
            session_.scram_credentials(std::move(credentials).value(), genuine, later);
        });
    });
}

void Pop3Connection::login_ended(LoginEnd end, std::string& out) {
    const std::string name = login_->user();
    login_.reset();
    doing_ = Doing::nothing;
    context_.metrics.login_time.observe(microseconds_of_work());
    if (const auto* refused = std::get_if<LoginRefused>(&end)) return log_in_refused(name, *refused, out);
    const std::uint64_t most = context_.settings.max_per_user;
    if (most != 0 && owner_.sessions_of(name) >= most) {
        return log_in_refused(name, {pop3::Refusal::too_many_sessions, std::nullopt, "too many sessions"}, out);
    }
    context_.logins.delays().logged_in(name, context_.settings.login_delay, context_.loop.now());
    LoggedIn& in = std::get<LoggedIn>(end);
    maildir_ = std::move(in.maildir);
    lock_ = std::move(in.lock);
    session_.login_succeeded(std::move(in.maildrop), out);
    context_.metrics.count_login(counted_as(mechanism_), state::LoginResult::ok);
    publish(state::EventType::login, {{"ip", client_.address.ip.text()},
                                      {"method", pop3::name_of(mechanism_)},
                                      {"messages", session_.maildrop()->count()},
                                      {"octets", session_.maildrop()->live_octets()}});
    active_ = context_.loop.now();
    arm_idle_timer();
    owner_.user_came(*this);
}

void Pop3Connection::log_in_refused(std::string_view user, const LoginRefused& refused, std::string& out) {
    doing_ = Doing::nothing;
    session_.login_refused(refused.why, out, refused.seconds);
    const bool wrong = refused.why == pop3::Refusal::wrong || refused.why == pop3::Refusal::not_permitted;
    context_.metrics.count_login(counted_as(mechanism_), result_of(refused.why));
    context_.events.publish(wrong ? state::EventType::auth_fail : state::EventType::refused,
                            std::chrono::system_clock::now(), id_, user,
                            {{"ip", client_.address.ip.text()},
                             {"method", pop3::name_of(mechanism_)},
                             {"reason", refused.cause}});
}

void Pop3Connection::deliver(const pop3::Deliver& wanted, std::string& out) {
    const std::uint32_t index = mail::Maildrop::index(wanted.number);
    DeliveryOrder order{session_.maildrop()->snapshot(), index, maildir_, session_.user(), client_.address.ip.text(), id_,
                        wanted.top_lines};
    retr_ = !wanted.top_lines;
    work_began_ = event::Clock::now();
    reply_began_at_ = sent_ + out.size();   // behind what is on its way already
    reply_size_.reset();
    const filter::FilterSpec* const spec = context_.transforms.of(session_.user());
    delivery_ = spec ? deliver_filtered(context_, *this, std::move(order), *spec)
                     : deliver_file(context_, *this, std::move(order));
    doing_ = Doing::preparing;
}

// True: go on. False: wait for delivery_wakes().
bool Pop3Connection::prepare(std::string& out) {
    const std::size_t at = out.size();
    switch (delivery_->begin()) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::refused:
        session_.delivery_refused(delivery_->refusal(), out);
        count_reply(out, at);
        delivery_.reset();
        doing_ = Doing::nothing;
        return true;
    default: break;
    }
    reply_size_ = delivery_->octets();
    session_.delivery_begins(reply_size_, out);
    count_reply(out, at);
    doing_ = Doing::delivering;
    return true;
}

bool Pop3Connection::pump(std::string& out) {
    switch (delivery_->pull(out, send_at - std::min(out.size(), send_at - 1))) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::broken:
        // Without the final "." line: no client may take a part for the whole.
        close(Ending::cut);
        return false;
    case Delivery::Step::done:
        delivery_.reset();
        doing_ = Doing::nothing;
        deliver_counts_ = true;
        // Counted when the last octet has been handed over, so that goes first.
        if (!flush(out)) return false;
        delivered();
        return true;
    default: return true;
    }
}

void Pop3Connection::delivered() {
    deliver_counts_ = false;
    session_.delivered();
    const std::uint64_t octets = sent_ - reply_began_at_;
    if (retr_) {
        ++retrieved_;
        ++context_.metrics.messages;
        context_.metrics.retr_time.observe(microseconds_of_work());
        context_.metrics.retr_bytes += octets;
    } else {
        ++context_.metrics.top_replies;
        context_.metrics.top_bytes += octets;
    }
    if (const auto type = retr_ ? state::EventType::retr : state::EventType::top; context_.events.wants(type)) {
        publish(type, {{"octets", octets}});
    }
}

void Pop3Connection::update(std::string& out) {
    ending_ = Ending::quit;
    closing_ = true;
    const mail::Maildrop& maildrop = *session_.maildrop();
    const std::uint32_t asked = maildrop.deleted_count();
    if (!maildrop.wants_update()) {
        lock_.release();   // before the reply: who reads it may log in at once
        session_.updated(0, out);
        return;
    }
    closing_ = false;
    doing_ = Doing::updating;
    const std::string request = mail::UpdateRequest::of(maildrop, maildir_).to_bytes();
    job_ = context_.disk.submit(update_job(!context_.settings.no_fsync, request), [this, asked](worker::Answer answer) {
        if (alone_) {
            std::string unheard;
            updated(std::move(answer), asked, unheard);
            return close(Ending::quit);
        }
        in_ = input_;
        turn([&](std::string& later) { updated(std::move(answer), asked, later); });
    });
}

void Pop3Connection::updated(worker::Answer answer, std::uint32_t asked, std::string& out) {
    doing_ = Doing::nothing;
    closing_ = true;
    // A worker that died may have removed some, or all: the reply claims none.
    std::uint32_t left = asked;
    const Answered said = read_answer(answer);
    if (!said.why) {
        const auto outcome = mail::UpdateOutcome::from_bytes(said.rest);
        if (outcome) left = outcome.value().failed;
    }
    removed_ = asked - std::min(asked, left);
    context_.metrics.deletions += removed_;
    context_.metrics.deletions_failed += left;
    if (removed_ > 0 && context_.events.wants(state::EventType::dele)) {
        publish(state::EventType::dele, {{"messages", removed_}});
    }
    if (left > 0) {
        context_.events.log(state::Level::error, std::chrono::system_clock::now(),
                            "deleted messages not removed: " + std::to_string(left), id_, session_.user());
    }
    lock_.release();
    session_.updated(left, out);
}

// --- counting and telling ---

void Pop3Connection::count_reply(std::string_view out, std::size_t at) noexcept {
    if (!counting_ || out.size() <= at) return;
    if (out[at] == '+' && out[at + 1] == ' ') return;   // a challenge: the exchange goes on
    counting_ = false;
    context_.metrics.count_command(verb_, out[at] == '+' ? state::CommandResult::ok : state::CommandResult::error);
}

state::Count Pop3Connection::microseconds_of_work() const noexcept {
    const auto lasted = std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - work_began_);
    return static_cast<state::Count>(lasted.count());
}

void Pop3Connection::publish_logout(Ending why) {
    if (!context_.events.wants(state::EventType::logout)) return;
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(context_.loop.now() - began_).count();
    const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(context_.loop.now() - active_).count();
    const std::array fields = {
        state::EventField{"reason", name_of(why)}, state::EventField{"retr", retrieved_},
        state::EventField{"dele", removed_},       state::EventField{"bytes", sent_},
        state::EventField{"seconds", lasted / 1000},
        // the traffic that --verbose asks for
        state::EventField{"received", received_},  state::EventField{"commands", commands_},
        state::EventField{"milliseconds", lasted}, state::EventField{"idle-milliseconds", idle},
    };
    const std::size_t count = context_.settings.verbose ? fields.size() : 5;
    context_.events.publish(state::Event{state::EventType::logout, state::level_of(state::EventType::logout),
                                         std::chrono::system_clock::now(), id_, session_.user(), {},
                                         std::span{fields}.first(count)});
}

void Pop3Connection::publish(state::EventType type, std::initializer_list<state::EventField> fields) {
    if (!context_.events.wants(type)) return;
    context_.events.publish(type, std::chrono::system_clock::now(), id_, logged_in() ? std::string_view{session_.user()} : "",
                            fields);
}

} // namespace buzon::daemon
