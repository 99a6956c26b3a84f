#include "buzon/daemon/manage_connection.h"

#include <sys/socket.h>

#include <algorithm>

#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

constexpr std::size_t most_queued = 64 * 1024; // octets made in advance of what the manager reads
constexpr int lines_per_turn = 100;
// A live view waits this long after it has sent something: on a busy server each event would else cost a call for each
// listener.
constexpr auto between_shows = std::chrono::milliseconds{200};

} // namespace

ManageConnection::ManageConnection(Context& context, Control& control, ManagerOwner& owner, std::uint64_t id,
                                   posix::UniqueFd socket, std::string name, bool trusted,
                                   std::optional<auth::Source> from)
    : context_{context}
    , control_{control}
    , owner_{owner}
    , id_{id}
    , socket_{std::move(socket)}
    , active_{context.loop.now()}
    , reader_{manage::max_line + 2}
    , from_{from}
    , session_{control, {std::move(name), trusted, id}, [this] { show_soon(); }} {}

ManageConnection::~ManageConnection() = default;

void ManageConnection::start() {
    if (watch_.start(context_.loop, socket_.get(), EPOLLIN, *this)) return close();
    timer_.arm(context_.loop.timers(), active_ + context_.settings.mgmt_timeout);
    session_.greet(output_);
    turn();
}

void ManageConnection::stop() {
    if (closed_) return;
    // Listeners see the end come, although what was published just now would be due a little later.
    if (flush() && doing_ == Doing::following) (void)session_.produce(output_, most_queued);
    if (!closed_) (void)flush();
    close();
}

void ManageConnection::on_ready(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return close();
    if (events & (EPOLLIN | EPOLLRDHUP)) read_input();
    if (!closed_) turn();
}

void ManageConnection::settings_changed() {
    if (!closed_) timer_.arm(context_.loop.timers(), active_ + context_.settings.mgmt_timeout);
}

// Called from whoever publishes an event, too: only notes it.
void ManageConnection::show_soon() {
    if (closed_) return;
    if (next_show_ <= context_.loop.now()) return context_.loop.next_turn(*this);
    show_.arm(context_.loop.timers(), next_show_);
}

void ManageConnection::on_timer(event::Timer& which) {
    if (&which == &delay_) return perform_when_due();
    if (&which == &show_) return turn();
    const event::Instant now = context_.loop.now();
    if (doing_ == Doing::following || doing_ == Doing::performing) active_ = now;
    if (now - active_ >= context_.settings.mgmt_timeout) return close();
    timer_.arm(context_.loop.timers(), active_ + context_.settings.mgmt_timeout);
}

void ManageConnection::read_input() {
    // At most a line and a read are kept: who sends faster than we answer waits.
    if (input_.size() > manage::max_line + 2) return;
    const posix::Transfer got = posix::read_some(socket_.get(), context_.room.buffer());
    if (got.what == posix::Moved::failed) return close();
    if (got.what == posix::Moved::end) peer_done_ = true;
    if (got.what != posix::Moved::some) return;
    input_.append(context_.room.buffer().data(), got.bytes);
    active_ = context_.loop.now();
    if (std::exchange(first_octets_, false) && manage::Session::is_foreign(input_)) {
        // Another protocol, which may never send a line end.
        (void)session_.line(input_, output_);
        input_.clear();
        closing_ = true;
    }
}

void ManageConnection::turn() {
    if (closed_) return;
    for (int lines = 0; !closing_;) {
        if (!flush()) break;
        if (lines >= lines_per_turn) {
            context_.loop.next_turn(*this);
            break;
        }
        if (doing_ == Doing::performing) break;
        if (doing_ == Doing::producing) {
            if (!session_.produce(output_, most_queued)) doing_ = Doing::nothing;
            continue;
        }
        if (!next_line()) {
            if (doing_ == Doing::following) show();
            break;
        }
        ++lines;
    }
    if (closed_) return;
    const bool all_sent = flush();
    if (closed_) return;
    if (closing_ && all_sent) return close();
    const bool wants_input = !peer_done_ && !closing_ && input_.size() <= manage::max_line + 2;
    watch_.interest((wants_input ? EPOLLIN : 0u) | (all_sent ? 0u : EPOLLOUT));
}

// Sends what a live view has to show, so much a turn. More is made when the client has taken it; what the ring has
// written over by then is lost to the client, who is told.
void ManageConnection::show() {
    const event::Instant now = context_.loop.now();
    if (now < next_show_) return show_.arm(context_.loop.timers(), next_show_);
    (void)session_.produce(output_, most_queued);
    if (output_.empty()) return;
    const bool more = output_.size() >= most_queued;
    next_show_ = more ? now : now + between_shows;
    if (flush() && more) context_.loop.next_turn(*this);
}

bool ManageConnection::next_line() {
    std::string_view in = input_;
    const line::LineReader::Next next = reader_.next(in);
    const std::size_t taken = input_.size() - in.size();
    bool got = true;
    switch (next.kind) {
    case line::LineReader::Kind::more:
        if (peer_done_) closing_ = true;
        got = false;
        break;
    case line::LineReader::Kind::line: perform(session_.line(next.text, output_)); break;
    case line::LineReader::Kind::too_long: perform(session_.too_long(output_)); break;
    case line::LineReader::Kind::invalid: perform(session_.invalid(output_)); break;
    }
    input_.erase(0, taken);
    if (input_.empty()) input_ = {};
    return got;
}

void ManageConnection::perform(manage::Action action) {
    doing_ = Doing::nothing;
    if (std::holds_alternative<manage::Answered>(action)) return;
    if (std::holds_alternative<manage::Producing>(action)) {
        doing_ = Doing::producing;
    } else if (std::holds_alternative<manage::Following>(action)) {
        doing_ = Doing::following;
    } else if (std::holds_alternative<manage::Closing>(action)) {
        closing_ = true;
    } else {
        doing_ = Doing::performing;
        asked_ = std::move(action);
        asked_at_ = context_.loop.now();
        perform_when_due();
    }
}

void ManageConnection::perform_when_due() {
    const event::Instant when = control_.not_before(asked_, from_, asked_at_);
    if (when > context_.loop.now()) return delay_.arm(context_.loop.timers(), when);
    perform_now();
}

void ManageConnection::perform_now() {
    control_.perform(asked_, from_, pending_, [this](manage::Outcome outcome) {
        asked_ = manage::Answered{}; // it may hold a password
        perform(session_.done(outcome, output_));
        context_.loop.next_turn(*this); // not turn(): the answer may have come at once, from within one
    });
}

// True: all has left.
bool ManageConnection::flush() {
    while (sent_ < output_.size()) {
        const posix::Transfer sent = posix::send_some(socket_.get(), std::string_view{output_}.substr(sent_));
        if (sent.what == posix::Moved::would_block) return false;
        if (sent.what != posix::Moved::some) {
            close();
            return false;
        }
        sent_ += sent.bytes;
        active_ = context_.loop.now();
    }
    output_ = {};
    sent_ = 0;
    return true;
}

void ManageConnection::close() {
    if (closed_) return;
    closed_ = true;
    watch_.stop();
    timer_.disarm();
    delay_.disarm();
    show_.disarm();
    cancel();
    pending_.drop();
    if (closing_) posix::finish_sending(socket_.get());
    socket_.reset();
    owner_.retire(*this);
}

} // namespace buzon::daemon
