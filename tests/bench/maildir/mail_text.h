// bench/maildir/mail_text.h - an everyday mail of an exact size, always the same for the same number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

struct MailKind {
    std::size_t octets = 8192; // as stored
    bool crlf = false;         // line ends as stored
};

// A mail of exactly `kind.octets`: the header of a delivered mail, then prose with a few lines that begin with a dot;
// from 64 KiB on, a base64 attachment of 76-octet lines instead, as in large mails. If that is less than the header,
// the mail is the beginning of the header.
[[nodiscard]] std::string mail_text(std::uint64_t number, MailKind kind);

} // namespace bench
