// admin/control.h - what a manager can see of the server and change in it. Implements manage::Host and performs a
// session's Actions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "buzon/admin/control_administrators.h"
#include "buzon/admin/own_usage.h"
#include "buzon/admin/performer.h"
#include "buzon/auth/user_base.h"
#include "buzon/config/machine_name.h"
#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"
#include "buzon/manage/action.h"
#include "buzon/manage/host.h"
#include "buzon/serve/pop3_service.h"
#include "buzon/state/history.h"
#include "buzon/upkeep/history_keeper.h"
#include "buzon/worker/pool.h"

namespace buzon::login {
class Logins;
class RootKeeper;
class Users;
} // namespace buzon::login
namespace buzon::serve {
struct Transform;
class Transforms;
} // namespace buzon::serve

namespace buzon::admin {

// What only the server as a whole can do or knows.
class ServerHooks {
public:
    // Settings or users have changed: update everything derived from them.
    virtual void settings_changed() = 0;
    // We have written one of the operator's files.
    virtual void file_written() = 0;
    virtual void drain() = 0;
    [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> details() const = 0;

protected:
    ~ServerHooks() = default;
};

// What Control reads and changes. All of it must outlive Control.
struct ControlNeeds {
    event::EventLoop& loop;
    state::Metrics& metrics;
    state::EventBus& events;
    worker::Pool& disk;  // for mail
    worker::Pool& files; // for the operator's files
    jobs::HashWorkers hashes;
    login::RootKeeper& root;
    login::Users& users;
    serve::Transforms& transforms;
    login::Logins& logins;
};

class Control final : public manage::Host, public Performer {
public:
    // options: the current ones, which a reload replaces. They say where SAVE writes.
    Control(const ControlNeeds& needs, state::Settings& settings, const config::Options& options,
            serve::Pop3Service& pop3, ServerHooks& hooks, Administrators& administrators,
            upkeep::HistoryKeeper& history);

    // Performer
    [[nodiscard]] event::Instant not_before(const manage::Action& action, const std::optional<auth::Source>& from,
                                            event::Instant since) const override;
    void perform(const manage::Action& action, const std::optional<auth::Source>& from, Pending& pending,
                 OnDone done) override;

    // Changes that a manager has not saved: reloading the files must not undo them.
    [[nodiscard]] bool has_changed(const std::string& option) const { return changed_.contains(option); }

    // manage::Host
    [[nodiscard]] std::chrono::system_clock::time_point now() const override {
        return std::chrono::system_clock::now();
    }
    [[nodiscard]] const state::Metrics& metrics() override;
    [[nodiscard]] const state::History& history() const override { return history_.fresh(); }
    [[nodiscard]] const state::Settings& settings() const override { return settings_; }
    [[nodiscard]] std::string default_host() const override { return config::machine_name(); }
    [[nodiscard]] bool is_unsaved(const std::string& name) const override { return has_changed(name); }
    [[nodiscard]] state::EventBus& events() override { return needs_.events; }
    [[nodiscard]] std::string directory() const override;
    [[nodiscard]] std::string address() const override { return pop3_.address_text(); }
    [[nodiscard]] std::uint16_t port() const override { return pop3_.port(); }
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const override;
    [[nodiscard]] std::optional<std::string> transform(const std::optional<std::string>& user) const override;
    [[nodiscard]] std::vector<std::uint64_t> sessions() const override { return pop3_.ids(); }
    [[nodiscard]] std::optional<manage::SessionRow> session(std::uint64_t id) const override;
    std::size_t kick(std::uint64_t id) override { return pop3_.kick(id); }
    std::size_t kick_user(std::string_view user) override { return pop3_.kick_user(user); }
    [[nodiscard]] std::function<std::optional<std::string>()> users() const override;
    [[nodiscard]] std::optional<std::vector<std::string>> secrets(std::string_view user) const override;
    [[nodiscard]] bool has_administrators() const override { return administrators_.any(); }

private:
    // What SAVE has to write, and what has no file to go to.
    struct Unsaved {
        std::map<std::string, auth::RunTimeChange> users;
        std::vector<std::string> gone; // users
        jobs::Edits config;
        std::vector<std::string> homeless;
    };
    // A SAVE in progress: the files written so far, and what went wrong.
    struct Saving {
        Unsaved what;
        std::vector<std::string> files{};
        std::vector<std::string> wrong{};
    };

    void check(const manage::CheckAdministrator& who, const std::optional<auth::Source>& from, worker::Pending& pending,
               OnDone done);
    void change(const manage::ChangePort& to, Pending& pending, OnDone done);
    void change(const manage::ChangeAddress& to, Pending& pending, OnDone done);
    [[nodiscard]] manage::Outcome change(const manage::ChangeSetting& to);
    [[nodiscard]] manage::Outcome remove(const manage::RemoveUser& whom);
    void change(const manage::ChangeDirectory& to, worker::Pending& pending, OnDone done);
    void change(const manage::ChangeTransform& to, worker::Pending& pending, OnDone done);
    struct NewSecret {
        std::string_view user, label;
        std::string_view secret;
    };
    // `from`: the keyring that the new one was made from, see auth::UserBase.
    using OnSecret = std::function<void(std::uint64_t change, const auth::SecretFacts& facts, std::uint64_t from)>;
    void make_secret(const NewSecret& what, worker::Pending& pending, const OnDone& done, OnSecret then);
    void add(const manage::AddSecret& what, worker::Pending& pending, OnDone done);
    [[nodiscard]] manage::Outcome remove(const manage::RemoveSecret& what);
    void add(const manage::AddUser& whom, worker::Pending& pending, OnDone done);
    void set(const manage::SetPassword& whom, worker::Pending& pending, OnDone done);
    [[nodiscard]] manage::Outcome put_transform(const std::optional<std::string>& user, const serve::Transform& wanted);
    void note_transform(const std::optional<std::string>& user);
    [[nodiscard]] std::string nobody_known() const;
    void undelete(const manage::Undelete& what, worker::Pending& pending, OnDone done);
    void release(const manage::ReleaseUidl& whom, worker::Pending& pending, OnDone done);
    void save(worker::Pending& pending, OnDone done);
    void save_config(Saving saving, worker::Pending& pending, OnDone done);
    static bool note(Saving& saving, const std::string& file,
                     const worker::Answer& answer); // true: the file was written
    static void saved(Saving& saving, const OnDone& done);
    [[nodiscard]] Unsaved unsaved() const;
    void find_unsaved_users(Unsaved& into) const;
    void find_unsaved_transforms(Unsaved& into) const;
    [[nodiscard]] std::vector<std::string> values_of(const std::string& option) const;
    void listen_on(std::vector<net::Ip> addresses, std::uint16_t port, const char* option, Pending& pending,
                   OnDone done);

    ControlNeeds needs_;
    state::Settings& settings_;
    serve::Pop3Service& pop3_;
    const config::Options& options_;
    ServerHooks& hooks_;
    Administrators& administrators_;
    upkeep::HistoryKeeper& history_;
    const OwnUsage usage_;
    const event::Instant began_ = event::Clock::now();
    event::Instant measure_again_{};           // when memory and descriptors are measured again
    std::set<std::string> changed_;            // options changed at run time and not saved
    std::set<std::string> changed_transforms_; // users whose own transformation has ever been changed
};

} // namespace buzon::admin
