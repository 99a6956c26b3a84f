#include "buzon/config/reload.h"

#include "support/catch.h"

using namespace buzon;
using config::changes_for_a_restart;

TEST_CASE("a changed option that takes effect after a restart is named, any other one is not") {
    const config::Options now;
    CHECK(changes_for_a_restart(now, now).empty());
    config::Options fresh;
    fresh.users_file = "/etc/buzon/users";
    fresh.settings.require_tls = true;
    CHECK(changes_for_a_restart(now, fresh).empty());
    fresh.port = 110;
    fresh.mgmt_paths = {"/run/buzon/mgmt"};
    fresh.tls.certificate = "/etc/buzon/cert.pem";
    CHECK(changes_for_a_restart(now, fresh) == std::vector<std::string_view>{"port", "mgmt-ip", "tls-cert"});
    CHECK(changes_for_a_restart(fresh, now) == changes_for_a_restart(now, fresh));
}
