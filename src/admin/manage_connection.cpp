#include "buzon/admin/manage_connection.h"

#include <memory>

#include "buzon/event/memory.h"

namespace buzon::admin {
namespace {

constexpr std::size_t max_queued = 64 * 1024; // octets produced before the manager reads them
// A live view pauses this long after sending. Otherwise, on a busy server, each event would cost one system call per
// listener.
constexpr auto between_shows = std::chrono::milliseconds{200};

} // namespace

ManageConnection::ManageConnection(ManagerNeeds& needs, ManagerOwner& owner, manage::Session::Peer peer,
                                   posix::UniqueFd socket, std::optional<auth::Source> from)
    : needs_{needs}
    , owner_{owner}
    , id_{peer.id}
    , stream_{needs.room, std::move(socket), *this}
    , active_{needs.loop.now()}
    , reader_{manage::max_line + 2}
    , from_{from}
    , session_{needs.host, std::move(peer), [this] { show_soon(); }} {}

ManageConnection::~ManageConnection() = default;

template <class Work>
void ManageConnection::survive(Work work) {
    event::guarded(work, [this] {
        stream_.abandon();
        close();
    });
}

class ManageConnection::Owed {
public:
    explicit Owed(ManageConnection& connection) noexcept : connection_{connection} {}
    Owed(const Owed&) = delete;
    Owed& operator=(const Owed&) = delete;
    ~Owed() {
        if (!paid_) connection_.close();
    }
    void pay(manage::Outcome outcome) {
        paid_ = true;
        connection_.performing_.action = manage::Answered{}; // it may contain a password
        connection_.performing_.outcome = std::move(outcome);
        connection_.needs_.loop.next_turn(connection_);
    }

private:
    ManageConnection& connection_;
    bool paid_ = false;
};

void ManageConnection::start() {
    survive([this] {
        if (stream_.start()) return close();
        settings_changed();
        stream_.begin_turn();
        session_.greet(stream_.out());
        settle();
    });
}

void ManageConnection::stop(std::string_view last_words) {
    if (state_ != State::closed) survive([&] { do_stop(last_words); });
}

void ManageConnection::do_stop(std::string_view last_words) {
    stream_.begin_turn();
    // Send the reply to the command that ended the connection, and the last events of a live view, although both would
    // normally be sent a little later.
    if (state_ == State::performing && performing_.outcome) take_outcome();
    if (state_ == State::following && !stream_.slow()) (void)session_.produce(stream_.out(), max_queued);
    stream_.out() += last_words;
    stream_.flush();
    close();
    stream_.end_turn(false);
}

void ManageConnection::settings_changed() {
    if (state_ != State::closed) timer_.arm(needs_.loop.timers(), active_ + needs_.settings.mgmt_timeout);
}

// Also called by publishers of events, so it only records the request.
void ManageConnection::show_soon() {
    if (state_ == State::closed) return;
    if (next_show_ <= needs_.loop.now()) return needs_.loop.next_turn(*this);
    // Publishers must not fail because there is no memory for our timer.
    event::guarded([this] { show_.arm(needs_.loop.timers(), next_show_); }, [this] { needs_.loop.next_turn(*this); });
}

void ManageConnection::on_timer(event::Timer& which) {
    survive([&] { look_at_clock(which); });
}

void ManageConnection::look_at_clock(const event::Timer& which) {
    if (&which == &delay_) return perform_when_due();
    if (&which == &show_) return turn();
    const event::Instant now = needs_.loop.now();
    if (state_ == State::following || state_ == State::performing) active_ = now;
    if (now - active_ >= needs_.settings.mgmt_timeout) return close();
    settings_changed();
}

void ManageConnection::turn(std::string_view fresh) {
    if (state_ != State::closed) survive([&] { do_turn(fresh); });
}

void ManageConnection::do_turn(std::string_view fresh) {
    stream_.begin_turn(fresh);
    const bool first = stream_.received() == fresh.size();
    if (!fresh.empty()) active_ = needs_.loop.now();
    if (first && !fresh.empty() && manage::Session::is_foreign(fresh)) {
        // Another protocol, which may never send a line end.
        (void)session_.line(fresh, stream_.out());
        stream_.input() = {};
        take(manage::Closing{});
    }
    work();
    settle();
}

void ManageConnection::work() {
    if (stream_.slow()) return;
    if (state_ == State::performing && performing_.outcome) {
        take_outcome();
    } else if (state_ == State::idle || state_ == State::following) {
        if (!next_line()) return state_ == State::following ? show() : void();
    }
    if (state_ == State::producing && !session_.produce(stream_.out(), max_queued)) state_ = State::idle;
    if (state_ == State::performing || state_ == State::leaving) return;
    const bool more = state_ == State::producing || state_ == State::following || !stream_.input().empty() ||
                      stream_.state() == net::Stream::State::half_closed;
    if (more && stream_.flush()) needs_.loop.next_turn(*this);
}

void ManageConnection::settle() {
    if (state_ != State::closed) {
        stream_.flush();
        if (stream_.is_cut() || (state_ == State::leaving && stream_.queued() == 0)) close();
    }
    const bool takes_lines = state_ == State::idle || state_ == State::following;
    stream_.end_turn(takes_lines && !pending());
    // After the turn: a new port, for example, accepts its first connections at once, and they need turns of their own.
    if (state_ != State::performing || std::exchange(performing_.begun, true)) return;
    perform_when_due();
    if (performing_.outcome) turn(); // report the result before the connection is closed because of it
}

// Sends the events of a live view, a limited amount per turn. It produces more when the client has read them. Events
// that the ring has overwritten by then are lost, and the client is told so.
void ManageConnection::show() {
    const event::Instant now = needs_.loop.now();
    if (now < next_show_) return show_.arm(needs_.loop.timers(), next_show_);
    (void)session_.produce(stream_.out(), max_queued);
    if (stream_.out().empty()) return;
    const bool more = stream_.full();
    next_show_ = more ? now : now + between_shows;
    if (stream_.flush() && more) needs_.loop.next_turn(*this);
}

bool ManageConnection::next_line() {
    const std::string_view before = stream_.input();
    const line::LineReader::Next next = reader_.next(stream_.input());
    const std::string_view taken = before.substr(0, before.size() - stream_.input().size());
    switch (next.kind) {
    case line::LineReader::Kind::more:
        if (stream_.state() == net::Stream::State::half_closed) take(manage::Closing{});
        return false;
    case line::LineReader::Kind::line: take(session_.line(next.text, stream_.out())); break;
    case line::LineReader::Kind::too_long: take(session_.too_long(stream_.out())); break;
    case line::LineReader::Kind::invalid: take(session_.invalid(stream_.out())); break;
    }
    posix::wipe(taken); // it may contain a password
    return true;
}

void ManageConnection::take(manage::Action action) {
    state_ = State::idle;
    if (std::holds_alternative<manage::Answered>(action)) return;
    if (std::holds_alternative<manage::Producing>(action)) {
        state_ = State::producing;
    } else if (std::holds_alternative<manage::Following>(action)) {
        state_ = State::following;
    } else if (std::holds_alternative<manage::Closing>(action)) {
        state_ = State::leaving;
        stream_.finish(true);
    } else {
        state_ = State::performing;
        performing_.action = std::move(action);
        performing_.since = needs_.loop.now();
        performing_.begun = false;
    }
}

void ManageConnection::take_outcome() {
    take(session_.done(*std::exchange(performing_.outcome, std::nullopt), stream_.out()));
}

void ManageConnection::perform_when_due() {
    const event::Instant when = needs_.performer.not_before(performing_.action, from_, performing_.since);
    if (when > needs_.loop.now()) return delay_.arm(needs_.loop.timers(), when);
    perform();
}

void ManageConnection::perform() {
    needs_.performer.perform(
        performing_.action, from_, performing_.pending,
        [owed = std::make_shared<Owed>(*this)](manage::Outcome outcome) { owed->pay(std::move(outcome)); });
}

void ManageConnection::close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    timer_.disarm();
    delay_.disarm();
    show_.disarm();
    cancel();
    performing_.pending.drop();
    stream_.cut();
    owner_.retire(*this);
}

} // namespace buzon::admin
