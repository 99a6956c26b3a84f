// server/confinement.h - what this server's workers can reach, by its options.
#pragma once

#include <string>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/keeper/client.h"
#include "buzon/sandbox/enter.h"
#include "logging.h"

namespace buzon::server {

// Tells the keeper what workers get as their plans (sandbox/enter.h). local_managers: some come by a unix socket.
void send_plans(keeper::Client& keeper, const config::Options& options, bool local_managers);
// And what hosts of filters, and the TLS program, may do (keeper::Rules).
void send_rules(keeper::Client& keeper, const config::Options& options, const auth::UserBlock& users,
                bool local_managers);
// The same for mail workers that are started from now on and serve more than one maildrop: all that they can reach.
void send_mail_plan(keeper::Client& keeper, const config::Options& options, const std::vector<sandbox::Allowed>& mail);
// And which program it starts as root: that of --checkpassword.
void send_login_program(keeper::Client& keeper, const config::Options& options);
// For good: this process, which has opened all that only its user of now can open, becomes run_as (unsaid: nobody
// else). Throws StartError.
void confine_reactor(const config::Options& options, const posix::Ids& run_as, const std::string& readable_root);

// Throws StartError where --sandbox requires what the kernel has not.
void check_sandbox(const config::Options& options);
// Logs what is not in force.
void tell_of_sandbox(const config::Options& options, Logging& logging);
// Logs what of that the kernel cannot do.
void tell_of_jail(const config::Options& options, Logging& logging);
// "keeper landlock seccomp no-new-privs", as far as they are in force; "-" for nothing. by_keeper: root has started the
// server.
[[nodiscard]] std::string sandbox_words(const config::Options& options, bool by_keeper);

} // namespace buzon::server
