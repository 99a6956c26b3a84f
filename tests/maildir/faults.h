// System calls that fail, or kill, on demand: the test program's own unlinkat() and others stand before the C
// library's.
#pragma once

#include <string>
#include <vector>

namespace buzon::maildir::faults {

// The calls that can be made to fail.
[[nodiscard]] const std::vector<std::string>& calls();

// From now on the `nth` such call (from 1) of this process fails with `error`; with every_from_then all later ones too.
void fail(const std::string& call, int nth, int error, bool every_from_then = false);
// The process kills itself before its `nth` call of any kind.
void kill_before(int nth);
void none();
// Whether the fault has struck.
[[nodiscard]] bool struck();

} // namespace buzon::maildir::faults
