// pop3/settings.h - what an operator may change while sessions run; a session reads it anew at every command. Knows no
// option, no file.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::pop3 {

// The commands that can be switched off (--disable). The others are what makes a POP3 server.
enum class OptionalCommand : std::uint16_t {
    top = 1 << 0,
    uidl = 1 << 1,
    user = 1 << 2,
    pass = 1 << 3,
    apop = 1 << 4,
    auth = 1 << 5,
    capa = 1 << 6,
    utf8 = 1 << 7,
    lang = 1 << 8,
    search = 1 << 9,
    report = 1 << 10,
};

// "top" -> OptionalCommand::top, in any case; nothing for a command that cannot be switched off.
[[nodiscard]] std::optional<OptionalCommand> optional_command(std::string_view verb) noexcept;

class CommandSet {
public:
    constexpr CommandSet() noexcept = default;
    constexpr CommandSet(std::initializer_list<OptionalCommand> commands) noexcept {
        for (const OptionalCommand command : commands) add(command);
    }
    // "TOP,UIDL" as --disable takes it; nothing when a word of it is no optional command. Empty text: the empty set.
    [[nodiscard]] static std::optional<CommandSet> parse(std::string_view list) noexcept;

    constexpr void add(OptionalCommand command) noexcept { bits_ |= static_cast<unsigned>(command); }
    [[nodiscard]] constexpr bool has(OptionalCommand command) const noexcept {
        return (bits_ & static_cast<unsigned>(command)) != 0;
    }
    friend constexpr bool operator==(CommandSet, CommandSet) noexcept = default;

private:
    unsigned bits_ = 0;
};

struct Settings {
    // Ours, in the challenges that APOP and CRAM-MD5 sign (--host).
    std::string host = "localhost";
    CommandSet disabled;
    // No clear-text secret is taken on a channel that others may read: USER, PLAIN and LOGIN then leave CAPA.
    bool require_secure_channel = false;

    // SASL mechanisms. SCRAM should be on only while it can work: while some user has a plain or a SCRAM secret.
    bool plain = true;
    bool login = true;
    bool scram_sha_256 = true;
    bool cram_md5 = false;

    // Some user's plain secret is known: APOP can work, and the greeting shows the challenge for it.
    bool plain_secrets_known = false;
    // Seconds between two logins of a user that are enforced elsewhere; 0: none, and not announced (RFC 2449, 6.5).
    std::uint32_t login_delay = 0;
    // RETR and TOP refuse messages with more octets; 0: no limit.
    std::uint64_t max_message_size = 0;
};

} // namespace buzon::pop3
