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
// One that starts a single program, which its arguments name: whoever asks it has no choice. It may be root's.
inline constexpr const char* one_program_name = "buzon-logins";

// Serves until the other side closes; kills what is left. Gives the process's exit code. argv: behind [0], as the
// keeper says it; none, in tests: any program may be started.
[[nodiscard]] int serve(int socket, std::span<const char* const> argv = {});
// The same. only: the words of that one program.
[[nodiscard]] int serve_only(int socket, std::span<char* const> only);

} // namespace buzon::host
