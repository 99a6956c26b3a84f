// System calls that fail on demand, or kill the process: the test program's own unlinkat() and others take precedence
// over the C library's.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace buzon::maildir::faults {

// The calls that can be made to fail.
[[nodiscard]] const std::vector<std::string>& calls();

// Makes the `nth` such call from now on (counting from 1) fail with `error`; with every_from_then, all later ones too.
void fail(const std::string& call, int nth, int error, bool every_from_then = false);
// Makes the process kill itself before its `nth` call of any of calls().
void kill_before(int nth);
// Runs `act` once, right before the next "openat" or "fstatat" for this path: what another program does in the middle
// of what is tested.
void before(const std::string& call, const std::string& path, std::function<void()> act);
void none();
// Whether the fault, or what was to be done before a call, has happened.
[[nodiscard]] bool struck();

} // namespace buzon::maildir::faults
