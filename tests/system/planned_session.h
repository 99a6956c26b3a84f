// system/planned_session.h - a client that retrieves and deletes, and what may be found after its QUIT, whatever
// happened in the meantime: what it asked for, or what was there before.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "system/server.h"

namespace buzon::test {

class PlannedSession {
public:
    // With the Maildir of this user in the server's mail root.
    PlannedSession(const std::string& root, int user);

    // Replaces all mail with `messages` messages that were never there before, every second one in new. Chooses some to
    // be retrieved and some to be deleted.
    void fill(std::mt19937& random, unsigned messages);
    // Does everything from the login up to QUIT, which is not sent yet.
    void begin(const Server& server);
    void send_quit();
    // Reads the reply to QUIT, if there is one.
    void take_reply();

    // Empty if the connection was lost first.
    [[nodiscard]] const std::optional<std::string>& reply() const noexcept { return reply_; }
    [[nodiscard]] unsigned deletes() const noexcept { return static_cast<unsigned>(deleted_.size()); }
    [[nodiscard]] const Maildir& maildir() const noexcept { return maildir_; }

    // Checks what must be true at any moment: no undeleted message is lost, none is altered, and "+OK" is sent only if
    // all deleted ones are gone. "-ERR" says how many are not: at least as many as are left (`exact`: exactly as many).
    void check_disk(bool exact = false) const;
    // Logs in again: `before` if everything is as if QUIT had never been sent, `asked` if everything is as requested,
    // `unmoved` if only some retrieved messages are still in new, otherwise `part`.
    enum class Found { before, asked, unmoved, part };
    [[nodiscard]] Found log_in_again(const Server& server) const;

private:
    [[nodiscard]] std::set<std::string> bases_on_disk() const;

    Maildir maildir_;
    int user_;
    unsigned generation_ = 0;
    std::map<std::string, std::string> content_; // by base name, in the order of delivery
    std::set<std::string> deleted_, retrieved_;
    std::optional<Pop3Client> client_;
    std::optional<std::string> reply_;
};

} // namespace buzon::test
