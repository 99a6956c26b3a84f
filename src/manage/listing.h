// manage/listing.h - long replies, produced line by line while the client reads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "buzon/manage/host.h"

namespace buzon::manage {

class Listing {
public:
    virtual ~Listing() = default;
    // Writes the next line, without its line end, into the empty `line`. False if there are no more.
    [[nodiscard]] virtual bool next(std::string& line) = 0;
};

// Lines known when the reply begins.
class FixedListing final : public Listing {
public:
    explicit FixedListing(std::vector<std::string> lines) : lines_{std::move(lines)} {}
    bool next(std::string& line) override;

private:
    std::vector<std::string> lines_;
    std::size_t place_ = 0;
};

// USER LIST: one user per line, any number of them.
class UserListing final : public Listing {
public:
    explicit UserListing(const Host& host) : next_{host.users()} {}
    bool next(std::string& line) override;

private:
    std::function<std::optional<std::string>()> next_;
};

// SESS: the sessions that existed at the time of the command, each with its state when its line is written. Sessions
// that have ended are left out.
class SessionListing final : public Listing {
public:
    explicit SessionListing(Host& host) : host_{host}, ids_{host.sessions()} {}
    bool next(std::string& line) override;

private:
    Host& host_;
    std::vector<std::uint64_t> ids_;
    std::size_t place_ = 0;
};

// LOGG: the last lines up to now. A note replaces lines that have been overwritten by the time they are read.
class LogListing final : public Listing {
public:
    LogListing(Host& host, std::size_t count);
    bool next(std::string& line) override;

private:
    Host& host_;
    state::LineFeed::Reader reader_;
    std::optional<std::string> kept_; // the line after a note of lost lines
};

// "TIMESTAMP lost count=N", in place of missing lines.
void append_lost(Host& host, std::uint64_t count, std::string& line);

} // namespace buzon::manage
