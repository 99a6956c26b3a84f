// programs/rename.h - gives dangerous attachments names that no desktop runs: "bill.exe" becomes "bill_exe.bad".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace buzon::programs {

struct RenameRules {
    // File name extensions in lower case, without the dot: the list of renattach(1).
    std::vector<std::string> bad = {"ade", "adp", "bas", "bat",  "chm", "cmd", "com", "cpl", "crt", "eml", "exe",
                                    "hlp", "hta", "htm", "html", "inf", "ins", "isp", "js",  "jse", "lnk", "mdb",
                                    "mde", "msc", "msh", "msi",  "msp", "mst", "nws", "ocx", "pcd", "pif", "reg",
                                    "scr", "sct", "shb", "shs",  "url", "vb",  "vbe", "vbs", "wsc", "wsf", "wsh"};
    std::string extension = "bad";            // instead of those
    std::string type = "application/unknown"; // of the parts that have them
};

// The message with dangerous attachments renamed and their types replaced; fields that were written to confuse are
// replaced as a whole. The same text if there was nothing to rename.
[[nodiscard]] std::string renamed(std::string_view message, const RenameRules& rules);

// The new name of a file; empty: it may keep its name.
[[nodiscard]] std::string new_name(std::string_view name, std::string_view charset, const RenameRules& rules);

} // namespace buzon::programs
