// manage/action.h - what a management session asks of its connection. Plain values; nothing has happened yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace buzon::manage {

// The reply stands in `out`, whole. The next line may come.
struct Answered {};
// The reply's beginning stands in `out`: call produce() whenever there is room, until it says that it is done. No line
// is given before.
struct Producing {};
// The session is live: call produce() after each wake-up and whenever there is room again. Lines go on being given; the
// next one ends the live view.
struct Following {};
// Send `out`, then close.
struct Closing {};

// The rest takes time, or changes the server. The connection performs it, gives no line meanwhile, and reports by
// done(). What Outcome::text holds on success is said behind each.
struct CheckAdministrator {
    std::string name, secret;
}; // text: nothing
struct ChangePort {
    std::uint16_t port = 0; // 0: any free one
};                          // text: the port now bound
struct ChangeAddress {
    std::string address; // as given; the connection parses it
};                       // text: the address now bound
struct ChangeDirectory {
    std::string path;
}; // text: the path now in force
struct ChangeSetting {
    std::string name, value; // a value that state::change_setting() takes
};                           // text: nothing; the session prints the new value
enum class Switch : std::uint8_t { off, on, set };
struct ChangeTransform {
    std::optional<std::string> user; // nothing: the default one
    Switch how = Switch::off;        // on: again as it was last; refuse where no program was ever set
    std::string spec;                // with set, as given
};                                   // text: "off" or "on SPEC"
struct AddUser {
    std::string name, secret;
}; // text: nothing
struct SetPassword {
    std::string name, secret;
}; // text: nothing
struct RemoveUser {
    std::string name;
};                    // text: nothing; the mail stays
struct SaveConfig {}; // text: what was written, in one line
struct Drain {};      // text: nothing; no new logins, end when the sessions have ended
struct Undelete {
    std::string user;
    std::optional<std::chrono::sys_seconds> since; // only what was deleted then or later
};                                                 // text: how many messages came back, as a number
struct ReleaseUidl {
    std::string user;
}; // text: nothing; the next login of the user takes the new UIDLs

using Action = std::variant<Answered, Producing, Following, Closing, CheckAdministrator, ChangePort, ChangeAddress,
                            ChangeDirectory, ChangeSetting, ChangeTransform, AddUser, SetPassword, RemoveUser,
                            SaveConfig, Drain, Undelete, ReleaseUidl>;

// How a performed Action ended: on success what stands behind the Action above, else why not, in one line for a person.
struct Outcome {
    bool ok = true;
    std::string text = {};
    bool undecided = false; // not ok, but nobody's mistake: a password that could not be checked
    bool unchanged = false; // ok, and what was asked for was in force already: no event
};

} // namespace buzon::manage
