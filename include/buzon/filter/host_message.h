// filter/host_message.h - the messages between the reactor and a filter host (host/host.h), on a SOCK_SEQPACKET socket.
// A host runs one program at a time.
//
//   reactor                                    host
//   start, with the program's descriptors ──►
//                                         ◄──  refused: it is free again
//                                         ◄──  started: unless it ends at once. For a long-running program, with a
//                                              descriptor that becomes readable when its file is replaced
//   signal, kill, look, at any time       ──►                                   (ignored without a program)
//                                         ◄──  input: the answer to look
//                                         ◄──  ended: the program has; processes it started may remain
//                                         ◄──  free: nothing of it remains
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/program.h"
#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

constexpr std::size_t max_descriptors = 4;
// Well under the default socket buffer (208 KiB), so that a start always fits into the empty socket.
constexpr std::size_t max_host_message = std::size_t{96} * 1024;

enum class HostRequest : std::uint32_t {
    start = 1,
    signal, // to the program's process group
    kill,   // SIGKILL to the program and everything that it has started
    look,   // ask how much of its input is unread
};

struct SignalRequest {
    HostRequest kind = HostRequest::kill;
    std::int32_t number = 0;
};

// Where a start can fail.
enum class Step : std::uint32_t {
    request,
    permission,
    descriptors,
    clone,
    process_group,
    directory,
    limits,
    privileges,
    death_signal,
    host_gone,
    jail,
    temporary_directory,
    execve,
};
constexpr std::uint32_t steps = 13;
[[nodiscard]] std::string_view name_of(Step step) noexcept;

enum class Told : std::uint32_t { started = 1, refused, ended, free, input };

struct HostReply {
    Told what = Told::free;
    std::int32_t pid = 0; // started
    // refused: errno; ended: the exit status, or the signal that killed it; input: octets in the pipe that is its
    // standard input, 0 if that is no longer a pipe
    std::int32_t value = 0;
    Step step = Step::request;
    std::uint32_t killed = 0; // ended: killed by a signal
    std::uint32_t free = 0;   // ended: nothing of it remains, so no `free` follows
};

// The octets of a start; empty if it would be too long (E2BIG).
[[nodiscard]] std::string encode(const Program& program);

// A start, as the host decodes it. Points into the octets that it was decoded from.
struct StartOrder {
    std::vector<char*> words;     // argv, ended by a null pointer; not empty
    std::vector<char*> variables; // the same for the environment
    ResourceLimits limits;
    bool lives_on = false;
    Jail jail;
    std::vector<bool> descriptors; // true: passed along; false: /dev/null
};
// Nothing if it is malformed: a host trusts no message.
[[nodiscard]] std::optional<StartOrder> decode_start(std::span<char> octets);

// Sends a message with descriptors. Never waits on an empty non-blocking socket.
[[nodiscard]] posix::Transfer send_to(int socket, std::span<const char> octets,
                                      std::span<const int> descriptors) noexcept;
// Sends a start that encode() has made.
[[nodiscard]] posix::Transfer send_start(int socket, std::span<const char> octets, const Program& program) noexcept;

using Descriptors = std::array<posix::UniqueFd, max_descriptors>;
// Receives one message. `bytes` is its full length, even if `into` is shorter (then the rest is lost).
[[nodiscard]] posix::Transfer receive_from(int socket, std::span<char> into, Descriptors& descriptors,
                                           bool wait) noexcept;

} // namespace buzon::filter
