// config/reload.h - rereads the users, or all configuration files, while the server is running. Workers read and check
// one file after another; the result is applied as a whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"
#include "buzon/local/opened_root.h"
#include "buzon/worker/pool.h"

namespace buzon::config {

// The current content of all files.
struct FreshFiles {
    Options options;
    auth::UserBase users;
    auth::UserBase administrators;
    std::string root;                        // the absolute mail root
    std::optional<local::OpenedRoot> opened; // only if the mail root changes
};

// The options that differ between these two and take effect only after a restart.
[[nodiscard]] std::vector<std::string_view> changes_for_a_restart(const Options& now, const Options& fresh);

// Called back once per reload, never from within a call to Reload.
class ReloadEvents {
public:
    // Whether these files name a mail root other than the current one, and it should be used.
    [[nodiscard]] virtual bool wants_root(const FreshFiles& files) const = 0;
    virtual void users_read(auth::UserBase users) = 0;
    virtual void files_read(FreshFiles files) = 0;
    // A mistake in a file, or a failed worker.
    virtual void users_not_read(const std::string& why) = 0;
    // The users file may be half written: call read_users() again in a moment.
    virtual void users_not_settled() = 0;
    virtual void files_not_read(const std::string& why) = 0;

protected:
    ~ReloadEvents() = default;
};

class Reload {
public:
    // files: the workers that read the operator's files; openers: those that open mail roots. now: the current options.
    Reload(worker::Pool& files, worker::Pool& openers, const Options& now, ReloadEvents& events)
        : files_{files}, openers_{openers}, now_{now}, events_{events} {}
    Reload(const Reload&) = delete;
    Reload& operator=(const Reload&) = delete;

    // The users file has changed.
    void read_users();
    // SIGHUP. A reload in progress starts over.
    void read_all();
    // We have just written one of the files. A read in progress may be outdated, so it is repeated.
    void file_written() { stale_ = reading_ != Reading::nothing; }

private:
    enum class Reading : std::uint8_t { nothing, users, config, all_users, administrators, root };

    void begin(Reading what, const worker::Job& job);
    void answered(worker::Answer answer);
    void take(worker::Answer answer);
    void take_config(const worker::Answer& answer);
    void take_people(worker::Answer answer);
    void take_root(worker::Answer answer);
    void finish();
    void put_off();
    void not_read(std::error_code why);
    void fail(const std::string& why);

    worker::Pool& files_;
    worker::Pool& openers_;
    const Options& now_;
    ReloadEvents& events_;
    Reading reading_ = Reading::nothing;
    bool again_ = false; // the users file changed during the read
    bool stale_ = false;
    FreshFiles fresh_; // what has been read so far
    worker::Pending pending_;
};

} // namespace buzon::config
