// tests/manage/fake_host.h - a fake server, made of plain values, for a management session.
#pragma once

#include <map>
#include <set>

#include "buzon/manage/session.h"

namespace buzon::manage {

struct FakeHost final : Host {
    std::chrono::system_clock::time_point clock = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
    state::Metrics numbers;
    state::History past{state::history_series()};
    state::Settings values;
    state::Log log;
    state::EventBus bus{log};
    std::string root = "/var/mail", listens = "::";
    std::uint16_t bound = 1110;
    std::map<std::string, std::string> transforms{{"", "off"}};
    std::map<std::uint64_t, SessionRow> rows;
    std::vector<std::string> names{"user1", "user2"};
    std::set<std::string> unsaved;
    bool administrators = false;

    FakeHost() { values.host = "mail.example.org"; }

    std::chrono::system_clock::time_point now() const override { return clock; }
    const state::Metrics& metrics() override { return numbers; }
    const state::History& history() const override { return past; }
    const state::Settings& settings() const override { return values; }
    std::string default_host() const override { return "mail.example.org"; }
    bool is_unsaved(const std::string& name) const override { return unsaved.contains(name); }
    state::EventBus& events() override { return bus; }
    std::string directory() const override { return root; }
    std::string address() const override { return listens; }
    std::uint16_t port() const override { return bound; }
    std::vector<std::pair<std::string, std::string>> details() const override { return {{"version", "1"}}; }
    std::optional<std::string> transform(const std::optional<std::string>& user) const override {
        const auto found = transforms.find(user.value_or(""));
        if (found == transforms.end()) return std::nullopt;
        return found->second;
    }
    std::vector<std::uint64_t> sessions() const override {
        std::vector<std::uint64_t> ids;
        for (const auto& [id, row] : rows) ids.push_back(id);
        return ids;
    }
    std::optional<SessionRow> session(std::uint64_t id) const override {
        const auto found = rows.find(id);
        if (found == rows.end()) return std::nullopt;
        return found->second;
    }
    std::size_t kick(std::uint64_t id) override { return rows.erase(id); }
    std::size_t kick_user(std::string_view user) override {
        return std::erase_if(rows, [&](const auto& row) { return row.second.user == user; });
    }
    std::function<std::optional<std::string>()> users() const override {
        return [this, i = std::size_t{0}]() mutable {
            return i < names.size() ? std::optional{names[i++]} : std::nullopt;
        };
    }
    std::optional<std::vector<std::string>> secrets(std::string_view user) const override {
        if (std::find(names.begin(), names.end(), user) == names.end()) return std::nullopt;
        return std::vector<std::string>{"phone rights=read", "old broken unknown password scheme {NOSUCH}"};
    }
    bool has_administrators() const override { return administrators; }
};

// A manager who talks to a FakeHost in whole lines.
struct Manager {
    FakeHost host;
    int wakes = 0;
    Session session;
    Action last = Answered{};

    explicit Manager(bool trusted = false, bool administrators = false)
        : session{host, {"127.0.0.1:5000", trusted, 7}, [this] { ++wakes; }} {
        host.administrators = administrators;
    }

    // The reply to a line, with a listing read to its end. An action gets its reply only from done().
    std::string say(std::string_view line) {
        std::string out;
        last = session.line(line, out);
        if (std::holds_alternative<Producing>(last))
            while (session.produce(out, 100)) {
            }
        return out;
    }
    std::string done(Outcome outcome) {
        std::string out;
        last = session.done(outcome, out);
        return out;
    }
    template <class Kind>
    const Kind* asked() const {
        return std::get_if<Kind>(&last);
    }
};

} // namespace buzon::manage
