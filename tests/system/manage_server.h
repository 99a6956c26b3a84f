// system/manage_server.h - what the management tests start with: two users with one message each, an administrator.
#pragma once

#include "system/server.h"

namespace buzon::test {

inline const std::string managed_mail = "Subject: gestion\n\n.uno\ndos\n";

struct MailServer : Server {
    explicit MailServer(const Words& arguments = {}) : Server{2, arguments} {
        for (const char* user : {"user1", "user2"}) (void)maildir(user).deliver("1700000001.M1P1.h", managed_mail);
    }
};

[[nodiscard]] inline Metrics metrics_of(const Server& server) {
    return parse_metrics(server.manager().command("METR"));
}

inline const Words with_administrator = {"-a", "root:s3cr3t"};

// A connection logged in as the administrator, to a server started with_administrator.
[[nodiscard]] inline ManagementClient administrator_of(const Server& server) {
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    return manager;
}

} // namespace buzon::test
