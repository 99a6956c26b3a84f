// daemon/context.h - what the connections of this server share. Plain references: server.cpp owns all of it and
// outlives every connection.
#pragma once

#include "buzon/event/event_loop.h"
#include "buzon/net/stream.h"
#include "buzon/pop3/settings.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

class FileRoom;
class Listings;
class Locks;
class Logins;
class Maildrops;
class Users;
class Reports;
class RootKeeper;
class Transforms;
class TrashKeeper;

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
    RootKeeper& root;
    Users& users;
    Transforms& transforms;
    net::StreamRoom& room;
    FileRoom& file_room;
    Logins& logins;
    Reports& reports;
    TrashKeeper& trash;
    Listings& listings;
};

} // namespace buzon::daemon
