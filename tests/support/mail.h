// support/mail.h - mailboxes as other programs see them: deliver, flag, delete; and what a client must receive of them.
// The rules are written here a second time, on purpose, without a line of the server's code.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::test {

// What a client holds after RETR of a file with these octets, dot-stuffing undone (contract section 2).
[[nodiscard]] std::string as_received(std::string_view stored);
// The multi-line body of the reply: dots doubled, closed by ".CRLF".
[[nodiscard]] std::string as_sent(std::string_view stored);
// "+OK N octets", the reply to RETR of a mail with these octets.
[[nodiscard]] std::string octets_reply(std::string_view stored);
// The body of TOP with so many lines, dot-stuffing undone.
[[nodiscard]] std::string top_of(std::string_view stored, std::size_t lines);

// Empty when both are the same; else where they part, in few words: a mail is too long to be printed whole.
[[nodiscard]] std::string difference(const std::string& got, const std::string& wanted);
[[nodiscard]] std::string difference(const std::vector<std::string>& got, const std::vector<std::string>& wanted);

[[nodiscard]] std::string read_whole(const std::filesystem::path& file);

// One user's Maildir in the hands of "another program".
class Maildir {
public:
    // Makes {cur,new,tmp} where they are missing.
    explicit Maildir(std::filesystem::path directory);

    // Writes into tmp and moves into new, as delivery agents do. Returns the path.
    std::filesystem::path deliver(const std::string& name, std::string_view octets) const;
    // The same into cur, where the name carries flags.
    std::filesystem::path put_in_cur(const std::string& name, std::string_view octets) const;
    // new/base or cur/base:2,X becomes cur/base:2,flags.
    void flag(const std::string& base, const std::string& flags) const;
    void remove(const std::string& base) const;

    // The path of the message with this base name, wherever it is; empty when it is gone.
    [[nodiscard]] std::filesystem::path find(const std::string& base) const;
    [[nodiscard]] bool has(const std::string& base) const { return !find(base).empty(); }
    // "new/NAME" and "cur/NAME" of every regular file whose name begins with no dot, sorted.
    [[nodiscard]] std::vector<std::string> messages() const;
    // Waits until the times of its directories can be told from later ones: a scan that comes then may be believed.
    void rest() const;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

// Everything below a directory: name, kind, mode, modification time and octets. Equal texts: nothing was changed.
[[nodiscard]] std::map<std::string, std::string> snapshot(const std::filesystem::path& directory);

} // namespace buzon::test
