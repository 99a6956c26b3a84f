#include "buzon/config/reload.h"

#include <array>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "../../src/worker/process.h"
#include "buzon/jobs/jobs.h"
#include "buzon/message/snapshot.h"
#include "buzon/posix/bundle.h"
#include "support/catch.h"

using namespace buzon;
using config::changes_for_a_restart;

namespace {

// A worker that answers when the test wants it to.
class Files final : public worker::Pool {
public:
    explicit Files(event::EventLoop& loop) : Pool{loop, {}} {}

    worker::Pending submit(const worker::Job& job, OnAnswer on_answer) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
        auto order = std::make_shared<worker::detail::Order>();
        order->job = job;
        order->on_answer = std::move(on_answer);
        orders.push_back(order);
        return pending(order);
    }
    template <class Job = jobs::ReadPeople>
    void answer(const typename Job::Answer& said, posix::UniqueFd fd = {}) {
        const auto order = std::exchange(orders, {}).back();
        CHECK(order->job.kind == jobs::number_of<Job>());
        const std::string body = jobs::encode(jobs::Answered<Job>{{}, said});
        std::exchange(order->on_answer, nullptr)({worker::Fate::answered, body, std::move(fd)});
    }
    // A file without users.
    void answer_with_nobody() {
        const auto block = message::seal_in_memfd("", "users"), vault = message::seal_in_memfd("", "vault");
        const std::array both{block.value().get(), vault.value().get()};
        answer({}, posix::bundle(both).value());
    }

    std::vector<std::shared_ptr<worker::detail::Order>> orders;
    bool no_memory = false; // for the next job
};

struct Told final : config::ReloadEvents {
    bool wants_root(const config::FreshFiles&) const override { return false; }
    void users_read(auth::UserBase) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
        text += "read ";
    }
    void files_read(config::FreshFiles) override { text += "files read "; }
    void users_not_read(const std::string& why) override { text += why + ' '; }
    void users_not_settled() override { text += "later "; }
    void files_not_read(const std::string& why) override { text += "files: " + why + ' '; }
    std::string text;
    bool no_memory = false; // for the next users
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

TEST_CASE("a reload that runs out of memory is given up, and the next one succeeds") {
    event::EventLoop loop;
    Files files{loop};
    Told told;
    const config::Options now;
    config::Reload reload{files, files, now, told};
    // At its beginning, between two files, and while the result is put in force.
    files.no_memory = true;
    CHECK_THROWS_AS(reload.read_users(), std::bad_alloc);
    CHECK(files.orders.empty());
    reload.read_all();
    files.no_memory = true;
    files.answer<jobs::ReadConfig>({});
    CHECK(files.orders.empty());
    CHECK(told.text == "files: out of memory ");
    reload.read_users();
    told.no_memory = true;
    REQUIRE(files.orders.size() == 1);
    files.answer_with_nobody();
    told.text.clear();
    reload.read_users();
    REQUIRE(files.orders.size() == 1);
    files.answer_with_nobody();
    CHECK(told.text == "read ");
}

TEST_CASE("files that the server writes during a reload are read once more before anything is put in force") {
    event::EventLoop loop;
    Files files{loop};
    Told told;
    const config::Options now;
    config::Reload reload{files, files, now, told};
    reload.file_written(); // nothing is being read
    reload.read_all();
    for (const bool written : {true, false}) {
        REQUIRE(files.orders.size() == 1);
        files.answer<jobs::ReadConfig>({});
        if (written) reload.file_written(); // the config file, which has been read already
        REQUIRE(files.orders.size() == 1);
        files.answer_with_nobody();
        REQUIRE(files.orders.size() == 1);
        CHECK(told.text.empty());
        files.answer_with_nobody(); // administrators
    }
    CHECK(files.orders.empty());
    CHECK(told.text == "files read ");
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
