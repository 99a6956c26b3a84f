// server/server.h - the whole server: owns every part, wires them and starts them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/event/signals.h"
#include "buzon/files/start_files.h"
#include "buzon/keeper/client.h"
#include "buzon/keeping/keep.h"
#include "buzon/login/logins.h"
#include "buzon/serve/transforms.h"
#include "buzon/systemd/handed.h"
#include "buzon/systemd/notifier.h"
#include "ending.h"
#include "files_in_force.h"
#include "logging.h"
#include "mail.h"
#include "services.h"
#include "upkeep.h"

namespace buzon::server {

class Server final : private admin::ServerHooks {
public:
    // Binds all services. `people`: from load_apart(); `root`: from checked_root(); `handed`: from the service manager;
    // `birth`: from the keeper. Call give_up() before run(). Throws StartError, or std::system_error if the kernel
    // refuses something that no server can do without.
    Server(config::Options options, files::StartPeople people, std::string root, systemd::Handed handed,
           keeping::Birth birth);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // "Server started on port 1110 and for managers on port 1111, accepting IPv4 and IPv6 connections..."
    [[nodiscard]] std::string ready_line() const { return services_.ready_line(); }
    [[nodiscard]] std::uint16_t port() const { return services_.port(); } // of POP3
    // Becomes the user of --run-as if root has started the server, and confines this process. Throws StartError.
    void give_up();
    // Serves until SIGTERM or SIGINT. `complete` is called when all services work (Services::when_complete()). Throws
    // std::runtime_error if the keeper is gone.
    void run(std::function<void()> complete);

private:
    void allow_mail();
    [[nodiscard]] ServicesNeeds services_needs();
    void on_signal(int number);
    void keeper_lost();
    void settings_changed() override;
    void file_written() override { files_.file_written(); }
    void drain() override;
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const override {
        return services_.details();
    }

    config::Options options_;
    state::Settings settings_;
    state::Metrics metrics_;
    event::EventLoop loop_;
    keeper::Client keeper_;
    Logging logging_;
    event::Signals signals_;
    systemd::Notifier notifier_;
    worker::Pool hashes_; // for slow hashes
    worker::Pool quick_hashes_;
    Mail mail_;
    filter::Hosts program_hosts_;
    filter::Hosts login_hosts_;
    serve::Transforms transforms_;
    login::Logins logins_;
    Upkeep upkeep_;
    Services services_;
    Ending ending_;
    FilesInForce files_;
    bool keeper_lost_ = false;
};

} // namespace buzon::server
