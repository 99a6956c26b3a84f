// serve/fetched_ahead.h - messages that a worker has opened before the client asks for them. Used if only a worker may
// open them: clients ask for one message after the other, and asking a worker for each would cost more than sending it.
#pragma once

#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::serve {

// Holds a bounded number of files for all sessions together. The session that has gone longest without a request loses
// its files first. A file that is not asked for within some seconds is closed.
class FetchedAhead final : private event::TimerHandler {
public:
    FetchedAhead(event::EventLoop& loop, std::size_t max_files) : loop_{loop}, max_files_{max_files} {}
    FetchedAhead(const FetchedAhead&) = delete;
    FetchedAhead& operator=(const FetchedAhead&) = delete;

    // The file of this message, or an empty UniqueFd.
    [[nodiscard]] posix::UniqueFd take(std::uint64_t session, std::uint32_t index);
    // Which messages to open together with this one, which comes first. Their number grows each time the client asks
    // for one that was predicted. count: messages in the maildrop.
    [[nodiscard]] std::vector<std::uint32_t> wanted_with(std::uint64_t session, std::uint32_t index,
                                                         std::uint32_t count);
    void keep(std::uint64_t session, std::uint32_t index, posix::UniqueFd file);
    // Closes all files, because no descriptors are left.
    void let_go() noexcept;

    [[nodiscard]] std::size_t files() const noexcept { return held_; }

private:
    struct Session {
        std::uint64_t id;
        std::uint32_t last;     // index of the message asked for last
        bool backwards = false; // newest first
        std::uint32_t step = 0; // how many were predicted last time
        event::Instant asked{};
        std::vector<std::pair<std::uint32_t, posix::UniqueFd>> files;
    };
    using Sessions = std::list<Session>;

    [[nodiscard]] Session& session_of(std::uint64_t id, std::uint32_t index);
    void forget(Sessions::iterator session) noexcept;
    void on_timer(event::Timer&) override;

    event::EventLoop& loop_;
    std::size_t max_files_;
    std::size_t held_ = 0;
    Sessions sessions_; // most recently used first
    std::unordered_map<std::uint64_t, Sessions::iterator> by_id_;
    event::Timer timer_{*this};
};

} // namespace buzon::serve
