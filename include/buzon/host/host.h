// host/host.h - a filter host: a small process that starts one program at a time for the reactor, which can start none
// itself, and leaves nothing of it behind. It blocks; it never runs in the reactor.
//
// What belongs to a program is whatever descends from the host: a process whose parents have ended becomes the host's
// child (PR_SET_CHILD_SUBREAPER), whatever group or session it has made for itself. When the program has ended, or the
// reactor says so or is gone, everything that is left is killed. If the host itself is killed, its program dies with it
// (PR_SET_PDEATHSIG), and the rest become children of the keeper or starter, which kills them.
//
// Messages: filter/host_message.h.
#pragma once

#include <span>

namespace buzon::host {

inline constexpr const char* process_name = "buzon-filters";
// A host that starts only the program that its arguments name, whatever it is asked for. It may run as root.
inline constexpr const char* one_program_name = "buzon-logins";

// Serves until the other side closes, then kills what is left. Returns the process's exit code. argv: what the keeper
// passes behind [0]; empty in tests, where any program may be started.
[[nodiscard]] int serve(int socket, std::span<const char* const> argv = {});
// The same for one program. only: its words.
[[nodiscard]] int serve_only(int socket, std::span<char* const> only);

} // namespace buzon::host
