// server/confinement.h - what the options allow this server's processes to reach.
#pragma once

#include <string>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/keeper/client.h"
#include "buzon/sandbox/enter.h"
#include "logging.h"

namespace buzon::server {

// Tells the keeper which plans to give to workers (sandbox/enter.h). local_managers: managers can connect through a
// unix socket.
void send_plans(keeper::Client& keeper, const config::Options& options, bool local_managers);
// Tells the keeper what filter hosts and the TLS program may do (keeper::Rules).
void send_rules(keeper::Client& keeper, const config::Options& options, const auth::UserBlock& users,
                bool local_managers);
// Tells the keeper everything that mail workers can reach if they serve more than one maildrop. Applies to workers
// started from now on.
void send_mail_plan(keeper::Client& keeper, const config::Options& options, const std::vector<sandbox::Allowed>& mail);
// Tells the keeper which program to start as root: that of --checkpassword.
void send_login_program(keeper::Client& keeper, const config::Options& options);
// Changes this process's user to run_as (unsaid: it keeps its user) and confines it, for good. Call this after opening
// everything that only the present user can open. Throws StartError.
void confine_reactor(const config::Options& options, const posix::Ids& run_as, const std::string& readable_root);

// Throws StartError if --sandbox requires something that the kernel lacks.
void check_sandbox(const config::Options& options);
// Logs which parts of the sandbox are not in force.
void tell_of_sandbox(const config::Options& options, Logging& logging);
// Logs which parts of --transform-jail the kernel cannot enforce.
void tell_of_jail(const config::Options& options, Logging& logging);
// "keeper landlock seccomp no-new-privs", as far as they are in force; "-" if none is. by_keeper: root has started the
// server.
[[nodiscard]] std::string sandbox_words(const config::Options& options, bool by_keeper);

} // namespace buzon::server
