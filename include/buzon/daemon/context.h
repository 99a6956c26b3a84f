// daemon/context.h - what the connections of this server share. Plain references: server.cpp owns all of it and
// outlives every connection.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/pop3/settings.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

class FilteredSizes;
class Listings;
class Locks;
class Logins;
class Maildrops;
class Users;
class Reports;
class Transforms;
class TrashKeeper;

// Buffers that one connection at a time uses while it has its turn: idle sessions own none.
struct Scratch {
    static constexpr std::size_t input_size = 16 * 1024; // octets read from a client at once
    static constexpr std::size_t file_size = 64 * 1024;  // octets read from a message or a filter at once
    std::unique_ptr<char[]> input{new char[input_size]};
    std::string output;

    // file_size octets of room for `who`, who may find there what he read until somebody else asks for it.
    [[nodiscard]] char* file_for(const void* who) noexcept {
        file_of = who;
        return file.get();
    }
    [[nodiscard]] const char* file_still_of(const void* who) const noexcept {
        return file_of == who ? file.get() : nullptr;
    }

private:
    std::unique_ptr<char[]> file{new char[file_size]};
    const void* file_of = nullptr;
};

struct Context {
    event::EventLoop& loop;
    const state::Settings& settings;
    const pop3::Settings& pop3;
    state::Metrics& metrics;
    state::EventBus& events;
    worker::Pool& disk;   // scans, opens, reads that would wait, updates
    worker::Pool& hashes; // crypt(3), PBKDF2
    Maildrops& maildrops;
    Locks& locks;
    Users& users;
    Transforms& transforms;
    Scratch& scratch;
    Logins& logins;
    Reports& reports;
    TrashKeeper& trash;
    FilteredSizes& filtered_sizes;
    Listings& listings;
};

} // namespace buzon::daemon
