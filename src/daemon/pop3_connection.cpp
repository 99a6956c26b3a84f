#include "buzon/daemon/pop3_connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "buzon/auth/hex.h"
#include "buzon/auth/random.h"
#include "buzon/daemon/filtered_sizes.h"
#include "buzon/net/peer.h"
#include "buzon/posix/file_view.h"
#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// One connection's share of a turn: then the others go first.
constexpr std::size_t octets_per_turn = 512 * 1024;
constexpr int lines_per_turn = 200;
// A client that has closed its side while its message is being transformed has most likely left for good. One that
// only says no more (nc -N) gets its answer if that comes soon.
constexpr auto grace_for_silent_peer = 2s;

// Not to be guessed and never the same again: APOP and CRAM-MD5 sign it (RFC 1939 section 7), SCRAM needs it.
// Octets are fetched for many at a time, and forgotten here when they are used.
std::string fresh_text() {
    constexpr std::size_t size = 16;
    static std::string stock;
    if (stock.empty()) stock = auth::random_octets(64 * size);
    std::string text = auth::encode_hex(std::string_view{stock}.substr(stock.size() - size));
    ::explicit_bzero(stock.data() + stock.size() - size, size);
    stock.resize(stock.size() - size);
    return text;
}

// What we handed over and the client has not yet confirmed.
int octets_in_kernel(int socket) {
    int octets = 0;
    return ::ioctl(socket, SIOCOUTQ, &octets) == 0 ? octets : 0;
}

} // namespace

std::string_view name_of(Ending ending) noexcept {
    constexpr std::array<std::string_view, 8> names = {
        "quit", "connection-lost", "autologout", "login-timeout", "bad-lines", "cut", "kicked", "shutdown"};
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
    busy().in = early;
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
    case Doing::searching: return "SEARCH";
    case Doing::reporting: return "REPORT";
    case Doing::updating: return "QUIT";
    case Doing::nothing: break;
    }
    return "";
}

// --- turns ---

void Pop3Connection::turn(const std::function<void(std::string&)>& first) {
    if (closed_) return;
    socket_full_ = false;
    // With a backlog replies go behind it; else into the buffer that all connections share.
    Busy& now = busy();
    const bool behind = backlog() > 0;
    std::string& out = behind ? now.output : context_.scratch.output;
    if (!behind) out.clear();
    const std::size_t at = out.size();
    first(out);
    count_reply(out, at);
    if (!behind)
        work(out);
    else if (doing_ == Doing::updating)
        update_on(out); // it waits for no client
    if (!closed_ && !behind) (void)flush(out);
    after_work();
}

void Pop3Connection::work(std::string& out) {
    const std::uint64_t sent_before = sent_;
    for (int lines = 0; !closing_ && !closed_;) {
        // The end of one piece and the start of the next go in one segment. Where that has to be waited for, the kernel
        // keeps the end back for 200 ms at most.
        if (out.size() >= send_at && !flush(out, doing_ == Doing::delivering || doing_ == Doing::listing)) return;
        if (sent_ - sent_before >= octets_per_turn || lines >= lines_per_turn) return context_.loop.next_turn(*busy_);
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
            if (!list_on(out)) return;
            break;
        case Doing::searching:
            if (!search_on(out)) return;
            break;
        case Doing::updating:
            update_on(out);
            if (doing_ == Doing::updating) return;
            break;
        case Doing::logging_in:
        case Doing::reporting: return;
        }
    }
}

pop3::Asked Pop3Connection::ask(const line::LineReader::Next& next, std::string& out) {
    switch (next.kind) {
    case line::LineReader::Kind::too_long: return session_.bad_line(pop3::BadLine::too_long, out);
    case line::LineReader::Kind::invalid: return session_.bad_line(pop3::BadLine::invalid, out);
    default: return session_.line(next.text, out);
    }
}

bool Pop3Connection::next_line(std::string& out) {
    reader_.set_limit(session_.line_limit());
    const line::LineReader::Next next = reader_.next(busy_->in);
    if (next.kind == line::LineReader::Kind::more) {
        if (peer_done_) close(Ending::lost);
        return false;
    }
    const std::size_t at = out.size();
    pop3::Asked asked = ask(next, out);
    // While a command waits for more, as AUTH does for its exchange, the line belongs to it.
    if (!counting_) {
        verb_ = asked.command;
        counting_ = true;
        ++commands_;
    }
    perform(std::move(asked.action), out);
    count_reply(out, at);
    active_ = context_.loop.now();
    return true;
}

// True: everything has left. False: the client takes no more for now, or has gone.
bool Pop3Connection::flush(std::string& out, bool more) {
    if (alone_) out.clear();
    std::size_t done = 0;
    while (done < out.size()) {
        const posix::Transfer went = posix::send_some(socket_.get(), std::string_view{out}.substr(done), more);
        if (went.what == posix::Moved::some) {
            done += went.bytes;
            continue;
        }
        if (went.what == posix::Moved::would_block) break;
        close(Ending::lost);
        return false;
    }
    sent(done);
    if (done == out.size()) {
        out.clear();
        return true;
    }
    busy_->output.assign(out, done);
    busy_->output_sent = 0;
    out.clear();
    kernel_holds_ = octets_in_kernel(socket_.get());
    if (busy_->delivery) busy_->delivery->pause();
    return false;
}

// The same for what need not pass through us: how many octets of the part have left. Fewer than all: the client takes
// no more for now, or the connection is closed_.
std::size_t Pop3Connection::send_part(const FilePart& part, std::string& out) {
    if (!out.empty() && !flush(out, true)) return 0;
    const posix::Transfer went = posix::send_file(socket_.get(), part.file, part.offset, part.octets);
    switch (went.what) {
    case posix::Moved::some:
        sent(went.bytes);
        if (went.bytes == part.octets) return went.bytes;
        [[fallthrough]];
    case posix::Moved::would_block:
        socket_full_ = true;
        kernel_holds_ = octets_in_kernel(socket_.get());
        return went.bytes;
    case posix::Moved::end: close(Ending::cut); break; // the file was cut short: a part is not the whole
    case posix::Moved::failed: close(Ending::lost); break;
    }
    return 0;
}

void Pop3Connection::sent(std::size_t octets) {
    if (octets == 0) return;
    sent_ += octets;
    context_.metrics.bytes += octets;
    active_ = context_.loop.now();
}

void Pop3Connection::after_work() {
    keep_rest();
    if (closed_) return;
    if (backlog() == 0) {
        if (deliver_counts_) delivered();
        if (closing_) return close(ending_);
    }
    drain_ = true; // from now on something may come
    set_interest();
    rest();
}

// What was not worked through in this turn waits in a buffer of our own.
void Pop3Connection::keep_rest() {
    std::string_view& in = busy_->in;
    std::string& input = busy_->input;
    if (in.empty()) {
        input = {}; // who waits, or works, holds no buffer without need
    } else if (in.data() < input.data() || in.data() >= input.data() + input.size()) {
        input.assign(in);
    } else {
        input.erase(0, static_cast<std::size_t>(in.data() - input.data()));
    }
    in = {};
}

Pop3Connection::Busy& Pop3Connection::busy() {
    if (!busy_) busy_ = std::make_unique<Busy>(*this);
    return *busy_;
}

bool Pop3Connection::Busy::done() const noexcept {
    return !pending() && input.empty() && output_sent == output.size() && !login && !delivery && !listing && !search &&
           !update && !report_waiter && !job.waiting();
}

// Called last in a turn, and so last in the callbacks of what it destroys.
void Pop3Connection::rest() {
    if (doing_ == Doing::nothing && busy_->done()) busy_.reset();
}

const std::string& Pop3Connection::maildir() {
    Busy& now = busy();
    if (now.maildir.empty()) now.maildir = maildir_.view();
    return now.maildir;
}

void Pop3Connection::go_on() {
    Busy& now = busy();
    now.in = now.input;
    turn([](std::string&) {});
}

void Pop3Connection::delivery_wakes() {
    if (backlog() > 0) {
        if (delivering()) busy_->delivery->pause();
        return;
    }
    go_on();
}

void Pop3Connection::on_ready(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return close(Ending::lost);
    if (events & EPOLLOUT && backlog() > 0) {
        const posix::Transfer went =
            posix::send_some(socket_.get(), std::string_view{busy_->output}.substr(busy_->output_sent));
        if (went.what == posix::Moved::failed) return close(Ending::lost);
        if (went.what == posix::Moved::some) {
            busy_->output_sent += went.bytes;
            sent(went.bytes);
        }
        if (backlog() > 0) return;
        busy_->output = {};
        busy_->output_sent = 0;
        if (deliver_counts_) delivered();
        return go_on();
    }
    if (events & EPOLLOUT && socket_full_) {
        return go_on();
    }
    if (events & (EPOLLIN | EPOLLRDHUP)) {
        if (doing_ != Doing::nothing || backlog() > 0 || (busy_ && busy_->pending()) || closing_)
            return peek_at_busy_peer();
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
    Busy& now = busy();
    if (now.input.empty()) {
        now.in = fresh;
    } else {
        now.input += fresh;
        now.in = now.input;
    }
    turn([](std::string&) {});
}

// The client sent something, or its end, while it has to wait for us. We read only when we can work on it; but an end
// without anything before it tells that probably nobody waits any more for what takes its time.
void Pop3Connection::peek_at_busy_peer() {
    char octet = 0;
    const ssize_t n = ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return close(Ending::lost);
    if (n == 0) {
        peer_done_ = true;
        const bool slow = doing_ == Doing::logging_in || doing_ == Doing::searching || !program().empty();
        if (slow && !keeps_input()) timer_.arm(context_.loop.timers(), context_.loop.now() + grace_for_silent_peer);
    }
    watch_.interest(client_is_slow() ? EPOLLOUT : 0u);
}

void Pop3Connection::set_interest() {
    if (!watch_.active()) return;
    if (client_is_slow()) return watch_.interest(EPOLLOUT);
    // While busy the interest in input stays as it is: most work is done before the client sends again, and then no
    // system call was needed. on_ready() ends it when input does come.
    if (doing_ == Doing::nothing && !peer_done_)
        watch_.interest(EPOLLIN);
    else if (watch_.interest() & EPOLLOUT)
        watch_.interest(0);
}

void Pop3Connection::on_timer(event::Timer&) {
    const event::Instant now = context_.loop.now();
    if (nobody_waits()) return close(Ending::lost);
    if (!logged_in()) {
        // A cold maildrop may take longer to read than a client may take to log in.
        const bool opening = busy_ && busy_->login && busy_->login->opening();
        if (opening) return timer_.arm(context_.loop.timers(), now + context_.settings.login_timeout);
        ++context_.metrics.autologouts;
        return close(Ending::login_timeout);
    }
    // Time in which the client waits for us is not idle time; neither is any in which it read or sent.
    const bool waits_for_us = doing_ != Doing::nothing && !client_is_slow();
    // A slow reader drains the kernel's buffer long before that asks us for more: it moves, too.
    const int held = octets_in_kernel(socket_.get());
    const bool reads = held > 0 && (held < kernel_holds_ || kernel_holds_ == 0);
    kernel_holds_ = held;
    if (waits_for_us || reads) active_ = now;
    if (now - active_ < context_.settings.timeout) return arm_idle_timer();
    ++context_.metrics.autologouts;
    close(Ending::autologout);
}

bool Pop3Connection::nobody_waits() const noexcept {
    return peer_done_ && (delivering() || doing_ == Doing::logging_in || doing_ == Doing::searching);
}

void Pop3Connection::settings_changed() {
    if (closed_ || nobody_waits()) return;
    if (logged_in()) return arm_idle_timer();
    timer_.arm(context_.loop.timers(), began_ + context_.settings.login_timeout);
}

void Pop3Connection::arm_idle_timer() {
    timer_.arm(context_.loop.timers(), active_ + context_.settings.timeout);
}

bool Pop3Connection::give_way() {
    if (closed_ || alone_ || doing_ == Doing::updating) return false;
    char octet = 0;
    const bool at_rest = doing_ == Doing::nothing && !keeps_input() && backlog() == 0;
    const bool left = at_rest && ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    const std::chrono::seconds silence = context_.settings.peer_silence;
    if (!left && !net::peer_is_dead(socket_.get(), silence)) {
        net::probe_peer(socket_.get(), silence);
        return false;
    }
    close(Ending::lost);
    return true;
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
    timer_.disarm();
    if (doing_ == Doing::updating) {
        // What QUIT asked for is done whether the client waits or not, and the maildrop stays locked until then. A turn
        // that its order waits for comes, too.
        alone_ = true;
        watch_.close(socket_);
        busy_->output = {};
        busy_->output_sent = 0;
        return;
    }
    closed_ = true;
    if (busy_) { // which itself stays as long as we do: its turn may have brought us here
        busy_->cancel();
        busy_->delivery.reset();
        busy_->listing.reset();
        busy_->login.reset();
        busy_->search.reset();
        busy_->report_waiter.reset();
        busy_->job.drop();
    }
    lock_.release();
    if (socket_ && drain_) posix::finish_sending(socket_.get());
    if (logged_in()) {
        context_.filtered_sizes.flush(maildir());
        publish_logout(why);
        record_session(why);
        owner_.user_left(*this);
    }
    watch_.close(socket_);
    owner_.retire(*this);
}

// --- counting and telling ---

void Pop3Connection::count_reply(std::string_view out, std::size_t at) noexcept {
    if (!counting_ || out.size() <= at) return;
    if (out[at] == '+' && out[at + 1] == ' ') return; // a challenge: the exchange goes on
    counting_ = false;
    context_.metrics.count_command(verb_, out[at] == '+' ? state::CommandResult::ok : state::CommandResult::error);
}

state::Count Pop3Connection::microseconds_of_work() const noexcept {
    const auto lasted = std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - busy_->work_began);
    return static_cast<state::Count>(lasted.count());
}

void Pop3Connection::publish_logout(Ending why) {
    if (!context_.events.wants(state::EventType::logout)) return;
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(context_.loop.now() - began_).count();
    const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(context_.loop.now() - active_).count();
    const std::array fields = {
        state::EventField{"reason", name_of(why)},
        state::EventField{"retr", retrieved_},
        state::EventField{"dele", removed_},
        state::EventField{"bytes", sent_},
        state::EventField{"seconds", lasted / 1000},
        // the traffic that --verbose asks for
        state::EventField{"received", received_},
        state::EventField{"commands", commands_},
        state::EventField{"milliseconds", lasted},
        state::EventField{"idle-milliseconds", idle},
    };
    const std::size_t count = context_.settings.verbose ? fields.size() : 5;
    context_.events.publish(state::Event{state::EventType::logout,
                                         state::level_of(state::EventType::logout),
                                         std::chrono::system_clock::now(),
                                         id_,
                                         session_.user(),
                                         {},
                                         std::span{fields}.first(count)});
}

void Pop3Connection::publish(state::EventType type, std::initializer_list<state::EventField> fields) {
    if (!context_.events.wants(type)) return;
    context_.events.publish(type, std::chrono::system_clock::now(), id_,
                            logged_in() ? std::string_view{session_.user()} : "", fields);
}

} // namespace buzon::daemon
