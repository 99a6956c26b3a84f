// config/reload.h - reads the users, or everything that was read from files, again while the server serves. Workers
// read and check, one after the other; what comes of it comes whole or not at all.
#pragma once

#include <optional>
#include <string>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"
#include "buzon/local/opened_root.h"
#include "buzon/worker/pool.h"

namespace buzon::config {

// Everything as the files have it now.
struct FreshFiles {
    Options options;
    auth::UserBase users;
    auth::UserBase administrators;
    std::string root;                        // the mail root, absolute
    std::optional<local::OpenedRoot> opened; // it, where another one is to be used
};

// Is asked, and told once for each reading, never from within a call of its own.
class ReloadEvents {
public:
    // Whether the mail root of these files is another one than that in force, and is to be used.
    [[nodiscard]] virtual bool wants_root(const FreshFiles& files) const = 0;
    virtual void users_read(auth::UserBase users) = 0;
    virtual void files_read(FreshFiles files) = 0;
    // A mistake in a file, or a worker's bad luck.
    virtual void users_not_read(const std::string& why) = 0;
    virtual void files_not_read(const std::string& why) = 0;

protected:
    ~ReloadEvents() = default;
};

class Reload {
public:
    // now: the options in force.
    Reload(worker::Pool& disk, const Options& now, ReloadEvents& events) : disk_{disk}, now_{now}, events_{events} {}
    Reload(const Reload&) = delete;
    Reload& operator=(const Reload&) = delete;

    // The users file has changed.
    void read_users();
    // SIGHUP. What is being read is read from the beginning.
    void read_all();
    // We ourselves have just written the users file: what is being read may be older, and is read once more.
    void users_written() { stale_ = reading_ != Reading::nothing; }

private:
    enum class Reading : std::uint8_t { nothing, users, config, all_users, administrators, root };

    void begin(Reading what, const worker::Job& job);
    void answered(worker::Answer answer);
    void take_config(const worker::Answer& answer);
    void take_people(worker::Answer answer);
    void take_root(worker::Answer answer);
    void finish();
    void not_read(std::error_code why);
    void fail(const std::string& why);

    worker::Pool& disk_;
    const Options& now_;
    ReloadEvents& events_;
    Reading reading_ = Reading::nothing;
    bool again_ = false; // the users file has changed while something was read
    bool stale_ = false;
    FreshFiles fresh_; // as far as they have come
    worker::Pending pending_;
};

} // namespace buzon::config
