// host/host.h - a filter host: a small process that starts one program at a time for the reactor, which cannot start
// programs itself, and leaves none of its processes behind. It blocks, so it never runs in the reactor.
//
// Every descendant of the host belongs to its program: an orphaned process becomes the host's child
// (PR_SET_CHILD_SUBREAPER), even if it has created its own process group or session. When the program has ended, when
// the reactor asks for it, or when the reactor is gone, all remaining processes are killed. If the host itself is
// killed, its program dies with it (PR_SET_PDEATHSIG), and the rest become children of the keeper or starter, which
// kills them.
//
// Messages: filter/host_message.h.
#pragma once

#include <span>

namespace buzon::host {

inline constexpr const char* process_name = "buzon-filters";
// A host that starts only the program named by its arguments, whatever the request says. It may run as root.
inline constexpr const char* one_program_name = "buzon-logins";

// Serves until the other side closes, then kills all remaining processes. Returns the process's exit code. argv: the
// arguments from the keeper, without argv[0]; empty in tests, where any program may be started.
[[nodiscard]] int serve(int socket, std::span<const char* const> argv = {});
// The same for a single program. only: its path and arguments.
[[nodiscard]] int serve_only(int socket, std::span<char* const> only);

} // namespace buzon::host
