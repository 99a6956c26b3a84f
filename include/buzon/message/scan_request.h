// message/scan_request.h - what is asked of a scan, and what it says beside the snapshot.
#pragma once

#include <string>
#include <vector>

#include "buzon/message/uidl_rules.h"

namespace buzon::message {

struct ScanOptions {
    bool write_index = true; // leave `buzon-index` for the next time
    bool read_index = true;  // false measures every message anew
    UidlRules uidl = {};

    static void fields(auto& self, auto&& each) { each(self.write_index, self.read_index, self.uidl); }
};

// What an operator should hear of a scan.
struct ScanFindings {
    UidlChange change;                 // what the circuit breaker saw, when it tripped
    std::string trouble;               // why the scan failed, beginning with a path; empty when the error says all
    std::vector<std::string> warnings; // what was left out or mended all the same, a line each

    static void fields(auto& self, auto&& each) { each(self.change, self.trouble, self.warnings); }
};

} // namespace buzon::message
