// bench/maildir/mail_text.h - a mail as it comes in daily, of an exact size; the same for the same number, always.
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
// from 64 KiB on a base64 attachment of 76-octet lines instead, as large mails have. A kind smaller than its header
// is filled with the header's beginning.
[[nodiscard]] std::string mail_text(std::uint64_t number, MailKind kind);

} // namespace bench
