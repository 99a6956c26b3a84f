// top/top_record.h - writes what top saw to a file, and reads it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/talk/reply.h"
#include "buzon/terminal/terminal.h"

namespace buzon::client {

// The file: "buzon-top 1 SERVER"; for each round "@ SECONDS" (since 1970) and for each reply "> QUESTION" and its lines
// as on the wire, a list with its final "."; an event is "! LINE".
class TopRecorder {
public:
    // Returns nothing if the file cannot be created, and sets `why`. It must not exist yet.
    [[nodiscard]] static std::optional<TopRecorder> open(const std::string& path, std::string_view server,
                                                         std::string& why);
    void begin_round(std::int64_t clock);
    void add_reply(std::string_view question, const Reply& reply);
    void add_event(std::string_view line);
    // Writes what has been added. Returns false if that fails.
    [[nodiscard]] bool flush();

private:
    explicit TopRecorder(posix::UniqueFd file) : file_{std::move(file)} {}

    posix::UniqueFd file_;
    std::string pending_;
};

// A recording. The whole file is read at once.
class TopRecording {
public:
    struct Round {
        std::int64_t clock = 0;
        std::vector<std::pair<std::string, Reply>> replies;
        std::vector<std::string> events; // seen from this round until the next
    };
    // On failure `why` says what is wrong. A last round that was cut off is left out.
    [[nodiscard]] static std::optional<TopRecording> read(const std::string& path, std::string& why);
    [[nodiscard]] const std::string& server() const noexcept { return server_; }
    [[nodiscard]] std::size_t size() const noexcept { return rounds_.size(); }
    [[nodiscard]] Round round(std::size_t number) const;

private:
    std::string text_, server_;
    std::vector<std::size_t> rounds_; // where each begins
};

} // namespace buzon::client
