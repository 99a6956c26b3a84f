#include "buzon/config/reload.h"

#include <memory>
#include <utility>
#include <vector>

#include "../../src/worker/process.h"
#include "buzon/jobs/jobs.h"
#include "support/catch.h"

using namespace buzon;
using config::changes_for_a_restart;

namespace {

// A worker that answers when the test wants it to.
class Files final : public worker::Pool {
public:
    explicit Files(event::EventLoop& loop) : Pool{loop, {}} {}

    worker::Pending submit(const worker::Job& job, OnAnswer on_answer) override {
        auto order = std::make_shared<worker::detail::Order>();
        order->job = job;
        order->on_answer = std::move(on_answer);
        orders.push_back(order);
        return pending(order);
    }
    void answer(const jobs::ReadPeople::Answer& said) {
        const auto order = std::exchange(orders, {}).back();
        const std::string body = jobs::encode(jobs::Answered<jobs::ReadPeople>{{}, said});
        std::exchange(order->on_answer, nullptr)({worker::Fate::answered, body, {}});
    }

    std::vector<std::shared_ptr<worker::detail::Order>> orders;
};

struct Told final : config::ReloadEvents {
    bool wants_root(const config::FreshFiles&) const override { return false; }
    void users_read(auth::UserBase) override { text += "read "; }
    void files_read(config::FreshFiles) override { text += "files read "; }
    void users_not_read(const std::string& why) override { text += why + ' '; }
    void users_not_settled() override { text += "later "; }
    void files_not_read(const std::string& why) override { text += "files: " + why + ' '; }
    std::string text;
};

} // namespace

TEST_CASE("a users file that may be half written is neither used nor complained about, but read later") {
    event::EventLoop loop;
    Files files{loop};
    Told told;
    config::Options now;
    now.users_file = "/etc/buzon/users";
    config::Reload reload{files, files, now, told};
    for (const char* problem : {"", "line 2: no secret"}) {
        reload.read_users();
        REQUIRE(files.orders.size() == 1);
        jobs::ReadPeople asked;
        REQUIRE(jobs::decode(files.orders.front()->job.body, asked));
        CHECK(asked.only_settled);
        reload.read_users(); // it has changed again
        files.answer({problem, false});
        CHECK(files.orders.empty());
    }
    CHECK(told.text == "later later ");
    reload.read_users();
    REQUIRE(files.orders.size() == 1);
    files.answer({"line 2: no secret", true});
    CHECK(told.text == "later later line 2: no secret ");
}

TEST_CASE("a changed option is named only if it takes effect after a restart") {
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
