// system/planned_session.cpp
#include "system/planned_session.h"

#include <algorithm>

#include "support/catch.h"

namespace buzon::test {
namespace {

std::string base_of(const std::string& name) {
    return name.substr(0, name.find(':'));
}

} // namespace

PlannedSession::PlannedSession(const std::string& root, int user)
    : maildir_{root + "/user" + std::to_string(user)}, user_{user} {}

void PlannedSession::fill(std::mt19937& random, unsigned messages) {
    for (const std::string& old : maildir_.messages()) std::filesystem::remove(maildir_.path() / old);
    content_.clear();
    deleted_.clear();
    retrieved_.clear();
    reply_.reset();
    ++generation_;
    for (unsigned n = 1; n <= messages; ++n) {
        const std::string base = std::to_string(1'700'000'000 + generation_ * 1000 + n) + ".M1P1.h";
        const std::string content = "Subject: " + std::to_string(n) + "\n\nmail " + base + "\n";
        if (n % 2 != 0)
            (void)maildir_.deliver(base, content);
        else
            (void)maildir_.put_in_cur(base + ":2,F", content);
        content_[base] = content;
        if (random() % 3 == 0) retrieved_.insert(base);
        if (random() % 2 == 0) deleted_.insert(base);
    }
}

void PlannedSession::begin(const Server& server) {
    client_.emplace(server.client());
    std::string lines = "USER user" + std::to_string(user_) + "\r\nPASS pass" + std::to_string(user_) + "\r\n";
    int number = 0;
    for (const auto& [base, content] : content_) {
        ++number;
        if (retrieved_.count(base) != 0) lines += "RETR " + std::to_string(number) + "\r\n";
        if (deleted_.count(base) != 0) lines += "DELE " + std::to_string(number) + "\r\n";
    }
    client_->send(lines);
    REQUIRE(client_->line().starts_with("+OK"));
    REQUIRE(client_->line() == "+OK Password accepted");
    for (const auto& [base, content] : content_) {
        if (retrieved_.count(base) != 0) {
            REQUIRE(client_->line() == octets_reply(content));
            REQUIRE(client_->body() == as_received(content));
        }
        if (deleted_.count(base) != 0) REQUIRE(client_->line().starts_with("+OK"));
    }
}

void PlannedSession::send_quit() {
    client_->send("QUIT\r\n");
}

void PlannedSession::take_reply() {
    const std::string rest = client_->rest(true);
    if (rest.ends_with("\r\n")) reply_ = rest.substr(0, rest.size() - 2);
    client_.reset();
}

std::set<std::string> PlannedSession::bases_on_disk() const {
    std::set<std::string> bases;
    for (const std::string& place : maildir_.messages()) bases.insert(base_of(place.substr(4)));
    return bases;
}

void PlannedSession::check_disk(bool exact) const {
    const std::set<std::string> here = bases_on_disk();
    unsigned left = 0;
    for (const auto& [base, content] : content_) {
        if (deleted_.count(base) == 0)
            CHECK(here.count(base) == 1);
        else
            left += here.count(base) == 1 ? 1u : 0u;
    }
    for (const std::string& place : maildir_.messages()) {
        const auto known = content_.find(base_of(place.substr(4)));
        REQUIRE(known != content_.end());
        CHECK(read_whole(maildir_.path() / place) == known->second);
    }
    if (!reply_) return;
    CAPTURE(*reply_, left, deletes());
    if (reply_->starts_with("+OK")) {
        CHECK(left == 0);
        return;
    }
    const std::string told = "-ERR [SYS/TEMP] ";
    REQUIRE(reply_->starts_with(told));
    const unsigned long failed = std::stoul(reply_->substr(told.size()));
    CHECK(*reply_ ==
          told + std::to_string(failed) + " of " + std::to_string(deletes()) + " deleted messages not removed");
    CHECK(left <= failed);
    if (exact) CHECK(left == failed);
}

PlannedSession::Found PlannedSession::log_in_again(const Server& server) const {
    Pop3Client client = server.client();
    // A killed server releases its lock a moment after its death.
    (void)client.command("USER user" + std::to_string(user_));
    std::string in;
    REQUIRE(eventually([&] {
        in = client.command("PASS pass" + std::to_string(user_));
        return !in.starts_with("-ERR [IN-USE]");
    }));
    REQUIRE(in == "+OK Password accepted");
    const std::string listed = client.many("UIDL");
    client.quit();
    const std::vector<std::string> places = maildir_.messages(); // the login has completed what was begun
    std::string before, asked;
    unsigned n = 0, m = 0;
    bool flags_before = true, flags_asked = true, flags_either = true;
    for (const auto& [base, content] : content_) {
        before += std::to_string(++n) + " " + base + "\r\n";
        if (deleted_.count(base) != 0) continue;
        asked += std::to_string(++m) + " " + base + "\r\n";
        const auto there = [&](const std::string& place) {
            return std::binary_search(places.begin(), places.end(), place);
        };
        const bool was_new = n % 2 != 0;
        const std::string old_place = was_new ? "new/" + base : "cur/" + base + ":2,F";
        const bool as_before = there(old_place);
        const bool as_asked = there(was_new && retrieved_.count(base) != 0 ? "cur/" + base + ":2,S" : old_place);
        flags_before = flags_before && as_before;
        flags_asked = flags_asked && as_asked;
        flags_either = flags_either && (as_before || as_asked);
    }
    // If nothing was deleted, there is no journal that keeps the flag changes together.
    if (listed == asked && (flags_asked || (deletes() == 0 && flags_either))) return Found::asked;
    if (listed == asked && deletes() != 0 && flags_either) return Found::unmoved;
    if (listed == before && flags_before) return Found::before;
    UNSCOPED_INFO("listed:\n"
                  << listed << "before:\n"
                  << before << "asked:\n"
                  << asked << "flags before " << flags_before << ", asked " << flags_asked);
    return Found::part;
}

} // namespace buzon::test
