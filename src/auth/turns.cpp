#include "buzon/auth/turns.h"

#include <algorithm>
#include <new>

namespace buzon::auth {
namespace {

// Limit per run(), so that the rest of the program gets its turn.
constexpr int turns_at_once = 64;

} // namespace

void Turns::Try::give_up() noexcept {
    if (turns_) turns_->give_up(*this);
}

Turns::Answer Turns::ask(Try& one, const std::optional<Source>& source, std::string_view user, Time now,
                         Time deadline) {
    now_ = now;
    if (!throttle_.delays()) return Answer::now;
    const Throttle::Held held = throttle_.held(source, user, now);
    one.turns_ = this;
    one.count_ = held.count;
    one.user_ = held.user;
    one.deadline_ = deadline;
    one.number_ = next_number_++;
    if (held.alone == std::chrono::seconds{0}) return enter(one, now);
    one.ripe_ = now + held.alone;
    if (one.ripe_ > deadline) return Answer::too_long;
    alone_.emplace(one.ripe_, &one);
    one.place_ = Try::Place::alone;
    announce();
    return Answer::later;
}

// If there is no memory for it, the try is nowhere.
Turns::Answer Turns::enter(Try& one, Time now) {
    one.place_ = Try::Place::nowhere;
    if (!one.count_) return Answer::now;
    const std::uint64_t id = one.count_->id();
    Line& line = line_of(id);
    line.count = *one.count_;
    if (line.waiting.empty()) {
        if (const auto turn = next_turn(line, now); turn && *turn <= now) {
            look(line, one);
            return Answer::now;
        }
    }
    try {
        stand(line, one);
    } catch (...) {
        plan(id, line, now); // the line may be new
        throw;
    }
    trim(line, now);
    if (one.place_ == Try::Place::leaving) { // our return value says so
        leaving_.erase(Order{one.round_, one.number_});
        one.place_ = Try::Place::nowhere;
        plan(id, line, now);
        return Answer::too_long;
    }
    plan(id, line, now);
    return Answer::later;
}

Turns::Line& Turns::line_of(std::uint64_t id) {
    if (const auto known = lines_.find(id); known != lines_.end()) return known->second;
    Schedule entry;
    entry.emplace(Time{}, id);
    Line& line = lines_[id];
    line.unscheduled = entry.extract(entry.begin());
    return line;
}

// If there is no memory, nothing changes.
void Turns::stand(Line& line, Try& one) {
    Queue entry;
    entry.emplace(Order{0, one.number_}, &one);
    UserInLine& user = line.users[one.user_];
    one.round_ = user.waiting == 0 ? line.round : std::max(line.round, user.last_round + 1);
    user.last_round = one.round_;
    ++user.waiting;
    one.place_ = Try::Place::waiting;
    Queue::node_type place = entry.extract(entry.begin());
    place.key() = Order{one.round_, one.number_};
    line.waiting.insert(std::move(place));
}

// Returns its entry in the queue.
Turns::Queue::node_type Turns::leave_line(Line& line, Try& one) noexcept {
    const auto user = line.users.find(one.user_);
    if (--user->second.waiting == 0) line.users.erase(user);
    one.place_ = Try::Place::nowhere;
    return line.waiting.extract(Order{one.round_, one.number_});
}

void Turns::look(Line& line, Try& one) noexcept {
    ++line.checking;
    // Later arrivals go behind the tries that have been waiting since this round.
    line.round = std::max(line.round, one.round_ + 1);
    one.place_ = Try::Place::checking;
}

std::optional<Turns::Time> Turns::next_turn(const Line& line, Time now) const noexcept {
    const unsigned level = throttle_.level(line.count, now);
    const unsigned free = throttle_.free(line.count);
    if (level + line.checking < free) return now;
    if (line.checking > 0) return std::nullopt;
    return std::max(line.last, throttle_.last(line.count)) + throttle_.delay(level, free);
}

// Removes the tries that would have to wait past their deadlines if all those before them fail. While failures cause no
// delay, there is nothing to do: tries are in the line only for a moment.
void Turns::trim(Line& line, Time now) noexcept {
    const unsigned free = throttle_.free(line.count);
    unsigned level = throttle_.level(line.count, now);
    if (level < free) return;
    level += line.checking;
    const Time last = line.checking > 0 ? now : std::max(line.last, throttle_.last(line.count));
    Time when = std::max(now, last + throttle_.delay(level, free));
    for (auto next = line.waiting.begin(); next != line.waiting.end();) {
        Try& one = *next++->second;
        if (when > one.deadline_) {
            leaving_.insert(leave_line(line, one));
            one.place_ = Try::Place::leaving;
        } else {
            when += throttle_.delay(++level, free);
        }
    }
}

// Reschedules the line after a change. Deletes it if it is idle.
void Turns::plan(std::uint64_t id, Line& line, Time now) noexcept {
    if (line.due) line.unscheduled = due_.extract(Schedule::key_type{*line.due, id});
    line.due.reset();
    if (line.waiting.empty() && line.checking == 0) {
        lines_.erase(id);
    } else if (!line.waiting.empty()) {
        line.due = next_turn(line, now);
        if (line.due) {
            line.unscheduled.value().first = *line.due;
            due_.insert(std::move(line.unscheduled));
        }
    }
    announce();
}

Guessers::Found Turns::ended(Try& one, const std::optional<Source>& source, std::string_view user, Verdict verdict,
                             std::string_view secret, Time now) {
    now_ = now;
    Guessers::Found found;
    if (verdict == Verdict::right)
        throttle_.succeeded(source, user, now);
    else
        found = throttle_.failed(source, user, now, secret);
    if (std::exchange(one.place_, Try::Place::nowhere) != Try::Place::checking) return found;
    const std::uint64_t id = one.count_->id();
    Line& line = lines_.at(id);
    --line.checking;
    if (verdict == Verdict::wrong) {
        line.last = now;
        trim(line, now);
    }
    plan(id, line, now);
    return found;
}

void Turns::give_up(Try& one) noexcept {
    const auto place = std::exchange(one.place_, Try::Place::nowhere);
    if (place == Try::Place::leaving) leaving_.erase(Order{one.round_, one.number_});
    if (place == Try::Place::alone) {
        const auto [first, last] = alone_.equal_range(one.ripe_);
        alone_.erase(std::find_if(first, last, [&one](const auto& entry) { return entry.second == &one; }));
    }
    if (place != Try::Place::waiting && place != Try::Place::checking) return;
    const std::uint64_t id = one.count_->id();
    Line& line = lines_.at(id);
    if (place == Try::Place::waiting)
        leave_line(line, one);
    else
        --line.checking;
    plan(id, line, now_);
}

std::optional<Turns::Time> Turns::run(Time now) {
    now_ = now;
    announced_.reset();
    // Each call may change everything, so no state is kept between two calls.
    for (int turns = 0; turns < turns_at_once; ++turns) {
        if (!leaving_.empty()) {
            Try* const one = leaving_.begin()->second;
            leaving_.erase(leaving_.begin());
            one->place_ = Try::Place::nowhere;
            one->too_long();
        } else if (!alone_.empty() && alone_.begin()->first <= now) {
            Try* const one = alone_.begin()->second;
            alone_.erase(alone_.begin());
            Answer answer = Answer::too_long; // also without memory for a place in the line
            try {
                answer = enter(*one, now);
            } catch (const std::bad_alloc&) {
            }
            if (answer == Answer::now) one->your_turn();
            if (answer == Answer::too_long) one->too_long();
        } else if (!due_.empty() && due_.begin()->first <= now) {
            const std::uint64_t id = due_.begin()->second;
            Line& line = lines_.at(id);
            Try* const one = line.waiting.begin()->second;
            leave_line(line, *one);
            look(line, *one);
            plan(id, line, now);
            one->your_turn();
        } else {
            break;
        }
    }
    announced_ = next();
    return announced_;
}

std::optional<Turns::Time> Turns::next() const noexcept {
    if (!leaving_.empty()) return now_;
    std::optional<Time> earliest;
    if (!alone_.empty()) earliest = alone_.begin()->first;
    if (!due_.empty() && (!earliest || due_.begin()->first < *earliest)) earliest = due_.begin()->first;
    return earliest;
}

void Turns::announce() noexcept {
    const std::optional<Time> earliest = next();
    if (!earliest || (announced_ && *announced_ <= *earliest)) return;
    announced_ = earliest;
    try {
        wake_at_(*earliest);
    } catch (const std::bad_alloc&) {
        announced_.reset();
    }
}

} // namespace buzon::auth
