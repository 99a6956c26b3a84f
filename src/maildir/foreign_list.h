// maildir/foreign_list.h - the UIDLs that another server gave, from the list it left in the Maildir. Private to mail/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "buzon/message/uidl_rules.h"

namespace buzon::maildir {

// In that server's session order.
struct ForeignList {
    struct Entry {
        std::string base;
        std::string uidl;
    };
    message::UidlSource source = message::UidlSource::base_name; // none was found
    std::vector<Entry> entries;
};

// The list that the rules ask for or, automatically, the first that is there. One that is there and cannot be read is
// an error: without it UIDLs would change.
[[nodiscard]] posix::Result<ForeignList> read_foreign_list(int maildir, const message::UidlRules& rules);

[[nodiscard]] bool has_dovecot_list(int maildir, const message::UidlRules& rules);
// Why they could not be used, beginning with a path; empty when nothing is wrong with them.
[[nodiscard]] std::string foreign_trouble(const std::string& place, int maildir, const message::UidlRules& rules);

// The content of dovecot-uidlist (versions 1 and 3) and of courierpop3dsizelist (v0 to v3). No source: not readable.
// Lines that cannot be read are passed over.
[[nodiscard]] ForeignList parse_dovecot_uidlist(std::string_view content, std::string_view format);
[[nodiscard]] ForeignList parse_courier_sizelist(std::string_view content);

// courierpop3d's UIDL without a list entry (v0): the base name, its difficult characters as +XX.
[[nodiscard]] std::string courier_escaped(std::string_view base);

} // namespace buzon::maildir
