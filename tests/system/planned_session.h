// system/planned_session.h - one client that retrieves and deletes, and what may be found after its QUIT, whatever
// happened meanwhile: what it asked for, or what was there before.
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
    // A Maildir of the server's root, filled with `messages` messages: every second one in new.
    PlannedSession(const std::string& root, int user);

    // Mail that was never there before; nothing of the old is left. Some of it is to be retrieved, some deleted.
    void fill(std::mt19937& random, unsigned messages);
    // From the login up to QUIT, which is not yet sent.
    void begin(const Server& server);
    void send_quit();
    // Takes the reply to QUIT, if one comes.
    void take_reply();

    // Nothing when the connection was lost before.
    [[nodiscard]] const std::optional<std::string>& reply() const noexcept { return reply_; }
    [[nodiscard]] unsigned deletes() const noexcept { return static_cast<unsigned>(deleted_.size()); }
    [[nodiscard]] const Maildir& maildir() const noexcept { return maildir_; }

    // What every moment must show: no message is lost that was not deleted, none is altered, and a "+OK" is only said
    // when all deleted ones are gone. An "-ERR" tells how many are not (`exact`: neither more nor less than are there).
    void check_disk(bool exact = false) const;
    // Logs in again: `before` when all is as if QUIT had never been sent, `asked` when all is as it asked; `unmoved`
    // when only some retrieved messages still lie in new.
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
