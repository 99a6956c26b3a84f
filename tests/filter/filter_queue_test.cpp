#include "buzon/filter/filter_queue.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;
using namespace std::chrono_literals;

namespace {

// Named tickets; records what happens, in order.
class Crowd final : public TicketHandler {
public:
    explicit Crowd(event::EventLoop& loop, QueueLimits limits) : loop_{loop}, queue{loop, limits} {}

    Queue::Entry enter(const std::string& name, const std::string& user) {
        auto ticket = std::make_unique<Ticket>(*this);
        names_[ticket.get()] = name;
        const Queue::Entry entry = queue.enter(*ticket, user);
        tickets_[name] = std::move(ticket);
        return entry;
    }
    void leave(const std::string& name) { tickets_.erase(name); }
    // Ends the run of `name` and returns who runs next.
    std::string after(const std::string& name) {
        turns.clear();
        leave(name);
        loop_.turn(0ms);
        return turns;
    }
    Ticket::State state(const std::string& name) { return tickets_.at(name)->state(); }

    std::function<void(const std::string&)> on_turn_do;
    std::string turns;
    std::string lost;

private:
    void on_turn(Ticket& ticket) override {
        const std::string name = names_.at(&ticket);
        turns += name;
        if (on_turn_do) on_turn_do(name);
    }
    void on_patience_lost(Ticket& ticket) override {
        CHECK(ticket.state() == Ticket::State::idle);
        const std::string name = names_.at(&ticket);
        lost += name;
        leave(name);
    }

    event::EventLoop& loop_;
    std::map<Ticket*, std::string> names_;

public:
    Queue queue;

private:
    std::map<std::string, std::unique_ptr<Ticket>> tickets_;
};

} // namespace

TEST_CASE("turns are given at once while any are free, and to those that wait as they become free") {
    event::EventLoop loop;
    Crowd crowd{loop, {2, 10, 1h}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    CHECK(crowd.enter("B", "ben") == Queue::Entry::now);
    CHECK(crowd.enter("C", "eva") == Queue::Entry::waiting);
    CHECK(crowd.queue.running() == 2);
    CHECK(crowd.queue.waiting() == 1);
    loop.turn(0ms);
    CHECK(crowd.turns.empty());
    CHECK(crowd.after("A") == "C");
    CHECK(crowd.state("C") == Ticket::State::running);
    CHECK(crowd.queue.waiting() == 0);
    crowd.leave("B");
    crowd.leave("C");
    CHECK(crowd.queue.running() == 0);
}

TEST_CASE("a mailbox with many connections gets no more turns than one with a single connection") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 100, 1h}};
    CHECK(crowd.enter("0", "ana") == Queue::Entry::now);
    for (const std::string name : {"1", "2", "3", "4"}) CHECK(crowd.enter(name, "ana") == Queue::Entry::waiting);
    CHECK(crowd.enter("b", "ben") == Queue::Entry::waiting);
    CHECK(crowd.enter("c", "eva") == Queue::Entry::waiting);
    CHECK(crowd.enter("d", "eva") == Queue::Entry::waiting);
    std::string order;
    for (std::string running = "0"; !running.empty(); running = crowd.after(running)) order += running;
    CHECK(order == "01bc2d34");
}

TEST_CASE("a ticket that returns queues behind those that wait") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 100, 1h}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    CHECK(crowd.enter("B", "ben") == Queue::Entry::waiting);
    crowd.leave("A");
    // The turn is free, but already belongs to ben.
    CHECK(crowd.enter("A", "ana") == Queue::Entry::waiting);
    loop.turn(0ms);
    CHECK(crowd.turns == "B");
}

TEST_CASE("a full queue says so at once") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 2, 1h}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    CHECK(crowd.enter("B", "ana") == Queue::Entry::waiting);
    CHECK(crowd.enter("C", "ben") == Queue::Entry::waiting);
    CHECK(crowd.enter("D", "eva") == Queue::Entry::full);
    CHECK(crowd.state("D") == Ticket::State::idle);
    crowd.leave("B");
    CHECK(crowd.enter("D", "eva") == Queue::Entry::waiting);
}

TEST_CASE("a wait that takes too long ends, and the others keep their places") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 10, 0ms}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    CHECK(crowd.enter("B", "ana") == Queue::Entry::waiting);
    crowd.queue.set_limits({1, 10, 1h});
    CHECK(crowd.enter("C", "ana") == Queue::Entry::waiting);
    for (int i = 0; i < 100 && crowd.lost.empty(); ++i) loop.turn(1ms);
    CHECK(crowd.lost == "B");
    CHECK(crowd.queue.waiting() == 1);
    CHECK(crowd.after("A") == "C");
}

TEST_CASE("raising the limit gives more turns, and lowering it takes none away") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 10, 1h}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    for (const std::string name : {"B", "C", "D"}) CHECK(crowd.enter(name, "ana") == Queue::Entry::waiting);
    crowd.queue.set_limits({3, 10, 1h});
    CHECK(crowd.turns.empty()); // not from within the call
    loop.turn(0ms);
    CHECK(crowd.turns == "BC");
    crowd.queue.set_limits({0, 10, 1h}); // one may always run
    CHECK(crowd.after("A").empty());
    CHECK(crowd.after("B").empty());
    CHECK(crowd.after("C") == "D");
}

TEST_CASE("a turn's handler may give up any ticket, including its own") {
    event::EventLoop loop;
    Crowd crowd{loop, {2, 10, 1h}};
    CHECK(crowd.enter("A", "ana") == Queue::Entry::now);
    CHECK(crowd.enter("X", "ana") == Queue::Entry::now);
    for (const std::string name : {"B", "C", "D", "E"}) CHECK(crowd.enter(name, name) == Queue::Entry::waiting);
    crowd.on_turn_do = [&](const std::string& name) {
        if (name == "B") crowd.leave("C"); // waits
        if (name == "D") crowd.leave("D"); // itself
        if (name == "E") crowd.leave("X"); // runs
    };
    crowd.leave("A");
    for (int i = 0; i < 5; ++i) loop.turn(0ms);
    CHECK(crowd.turns == "B"); // two run: X and B
    crowd.leave("B");
    for (int i = 0; i < 5; ++i) loop.turn(0ms);
    CHECK(crowd.turns == "BDE"); // D left in its turn, so E came, and sent X away
    CHECK(crowd.queue.waiting() == 0);
    CHECK(crowd.queue.running() == 1);
}

TEST_CASE("a ticket that enters again gives up what it had") {
    event::EventLoop loop;
    Crowd crowd{loop, {1, 10, 1h}};
    Ticket ticket{crowd};
    CHECK(crowd.queue.enter(ticket, "ana") == Queue::Entry::now);
    CHECK(crowd.queue.enter(ticket, "ana") == Queue::Entry::now);
    CHECK(crowd.queue.running() == 1);
    ticket.release();
    ticket.release();
    CHECK(crowd.queue.running() == 0);
}
