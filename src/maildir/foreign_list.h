// maildir/foreign_list.h - reads the UIDLs given by another server from the list it left in the Maildir. Private to
// maildir/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "buzon/message/uidl_rules.h"

namespace buzon::maildir {

// In the session order of that server.
struct ForeignList {
    struct Entry {
        std::string base;
        std::string uidl;
    };
    message::UidlSource source = message::UidlSource::base_name; // base_name: no list was found
    std::vector<Entry> entries;
};

// Reads the list required by the rules or, with automatic rules, the first one found. A list that exists but cannot be
// read is an error, because without it UIDLs would change.
[[nodiscard]] posix::Result<ForeignList> read_foreign_list(int maildir, const message::UidlRules& rules);

[[nodiscard]] bool has_dovecot_list(int maildir, const message::UidlRules& rules);
// Why the list could not be used, beginning with a path; empty if there is no problem.
[[nodiscard]] std::string foreign_trouble(const std::string& place, int maildir, const message::UidlRules& rules);

// Parses the content of dovecot-uidlist (versions 1 and 3) or courierpop3dsizelist (v0 to v3). If the content or the
// format is invalid, the source is base_name. Invalid lines are skipped.
[[nodiscard]] ForeignList parse_dovecot_uidlist(std::string_view content, std::string_view format);
[[nodiscard]] ForeignList parse_courier_sizelist(std::string_view content);

// courierpop3d's UIDL for messages not in its list (v0): the base name, with special characters written as +XX.
[[nodiscard]] std::string courier_escaped(std::string_view base);

} // namespace buzon::maildir
