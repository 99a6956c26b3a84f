// message/scan_request.h - the options of a scan, and its findings besides the snapshot.
#pragma once

#include <string>
#include <vector>

#include "buzon/message/uidl_rules.h"

namespace buzon::message {

struct ScanOptions {
    bool write_index = true; // save `buzon-index` for the next scan
    bool read_index = true;  // false: measure every message again
    UidlRules uidl = {};

    static void fields(auto& self, auto&& each) { each(self.write_index, self.read_index, self.uidl); }
};

// What a scan reports to the operator.
struct ScanFindings {
    UidlChange change;                 // seen by the circuit breaker, if it tripped
    std::string trouble;               // why the scan failed, beginning with a path; empty if the error suffices
    std::vector<std::string> warnings; // what was skipped or repaired, one line each

    static void fields(auto& self, auto&& each) { each(self.change, self.trouble, self.warnings); }
};

} // namespace buzon::message
