// manage/action.h - what a management session asks of its connection. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "buzon/posix/secret_text.h"

namespace buzon::manage {

// `out` has the whole reply. The session accepts the next line.
struct Answered {};
// `out` has the start of the reply: call produce() whenever there is room, until it is done. The session gets no line
// before that.
struct Producing {};
// The session is live: call produce() after each wake-up and whenever there is room again. The session still gets
// lines; the next one ends the live view.
struct Following {};
// Send `out`, then close.
struct Closing {};

// The remaining actions take time or change the server. The connection performs them, passes in no line until then, and
// reports the outcome through done(). The comment after each says what Outcome::text contains on success.
struct CheckAdministrator {
    std::string name;
    posix::SecretText secret;
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
    std::optional<std::string> user; // nothing: the default transformation
    Switch how = Switch::off;        // on: with the last SPEC; refuse if there never was one
    std::string spec;                // for Switch::set, as given
};                                   // text: "off" or "on SPEC"
struct AddUser {
    std::string name;
    posix::SecretText secret;
}; // text: nothing
struct SetPassword {
    std::string name;
    posix::SecretText secret;
}; // text: nothing
struct RemoveUser {
    std::string name;
}; // text: nothing; the mail stays
struct AddSecret {
    std::string user;
    std::string label; // with its limits, as in the users file
    posix::SecretText secret;
}; // text: nothing
struct RemoveSecret {
    std::string user, label;
};                    // text: nothing
struct SaveConfig {}; // text: the files written, in one line
struct Drain {};      // text: nothing; accept no new logins, end when the sessions have ended
struct Undelete {
    std::string user;
    std::optional<std::chrono::sys_seconds> since; // only mail deleted then or later
};                                                 // text: the number of restored messages
struct ReleaseUidl {
    std::string user;
}; // text: nothing; the user's next login accepts the new UIDLs

using Action = std::variant<Answered, Producing, Following, Closing, CheckAdministrator, ChangePort, ChangeAddress,
                            ChangeDirectory, ChangeSetting, ChangeTransform, AddUser, SetPassword, RemoveUser,
                            AddSecret, RemoveSecret, SaveConfig, Drain, Undelete, ReleaseUidl>;

// How an Action ended. `text` is described above on success; otherwise it is the reason, in one line for a person.
struct Outcome {
    bool ok = true;
    std::string text = {};
    bool undecided = false; // not ok, but not the manager's mistake: the password could not be checked
    bool unchanged = false; // ok, but nothing changed, since it was already in force: no event
};

} // namespace buzon::manage
