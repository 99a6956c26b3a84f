// support/mail.h - mailboxes as other programs use them (deliver, flag, delete), and what a client must receive from
// them. The rules are deliberately implemented again here, without any of the server's code.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::test {

// What a client has after RETR of a file with these octets, dot-stuffing undone (contract section 2).
[[nodiscard]] std::string as_received(std::string_view stored);
// The multi-line body of the reply: dot-stuffed, ended by ".CRLF".
[[nodiscard]] std::string as_sent(std::string_view stored);
// "+OK N octets", the reply to RETR of a message with these octets.
[[nodiscard]] std::string octets_reply(std::string_view stored);
// The body of TOP with `lines` lines of the message body, dot-stuffing undone.
[[nodiscard]] std::string top_of(std::string_view stored, std::size_t lines);

// Empty if both are the same; else a short description of the first difference, as a message is too long to print.
[[nodiscard]] std::string difference(const std::string& got, const std::string& wanted);
[[nodiscard]] std::string difference(const std::vector<std::string>& got, const std::vector<std::string>& wanted);

[[nodiscard]] std::string read_whole(const std::filesystem::path& file);

// One user's Maildir as used by "another program".
class Maildir {
public:
    // Creates {cur,new,tmp} where missing.
    explicit Maildir(std::filesystem::path directory);

    // Writes to tmp and moves to new, as delivery agents do. Returns the path.
    std::filesystem::path deliver(const std::string& name, std::string_view octets) const;
    // The same for cur, where the name carries flags.
    std::filesystem::path put_in_cur(const std::string& name, std::string_view octets) const;
    // Renames new/base or cur/base:2,X to cur/base:2,flags.
    void flag(const std::string& base, const std::string& flags) const;
    void remove(const std::string& base) const;

    // The path of the message with this base name, wherever it is; empty if it does not exist.
    [[nodiscard]] std::filesystem::path find(const std::string& base) const;
    [[nodiscard]] bool has(const std::string& base) const { return !find(base).empty(); }
    // "new/NAME" and "cur/NAME" of every regular file whose name does not begin with a dot, sorted.
    [[nodiscard]] std::vector<std::string> messages() const;
    // Waits until later changes would show in its directories' times: a scan after that may be trusted to be current.
    void rest() const;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

// Everything below a directory: name, kind, mode, modification time and octets. Equal maps: nothing has changed.
[[nodiscard]] std::map<std::string, std::string> snapshot(const std::filesystem::path& directory);

} // namespace buzon::test
