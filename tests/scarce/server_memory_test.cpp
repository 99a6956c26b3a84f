// scarce/server_memory_test.cpp - each allocation of the server's reactor fails in turn: one connection ends, and the
// others do not notice.
#include <pthread.h>

#include <csignal>
#include <future>
#include <optional>
#include <thread>

#include "../../src/server/server.h"
#include "buzon/files/read_files.h"
#include "buzon/files/start_files.h"
#include "buzon/jobs/jobs.h"
#include "buzon/keeping/keep.h"
#include "buzon/workers/work.h"
#include "scarce_memory.h"
#include "support/catch.h"
#include "support/clients.h"
#include "support/mail.h"
#include "support/sanitized.h"
#include "support/second_life.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::test;

namespace {

// The released build lets each allocation fail. Under sanitizers, that would take minutes.
constexpr std::uint64_t stride = sanitized ? 3 : 1;

int worker_main() {
    return workers::worker_main({{sandbox::Role::mail, sandbox::Mode::off}});
}

const SecondLife worker{jobs::worker_name, worker_main};
const SecondLife files_worker{jobs::files_worker_name, worker_main};
const SecondLife hash_worker{jobs::hash_worker_name, worker_main};

// The real server, in a thread of this process.
class Reactor {
public:
    explicit Reactor(const std::vector<std::string>& words) {
        std::promise<std::string> ready;
        std::future<std::string> line = ready.get_future();
        thread_ = std::thread{[this, &words, &ready] {
            const std::vector<std::string_view> arguments{words.begin(), words.end()};
            config::Options options = config::parse_options(arguments, files::read_config_file);
            files::StartPeople people = files::load_apart(options);
            std::string root = files::checked_root(options.path);
            server::Server server{std::move(options), std::move(people), std::move(root), {}, {starter_.channel(), {}}};
            scarce::this_thread_is_poor();
            ready.set_value(server.ready_line());
            server.run([] {});
            ended_ = true;
        }};
        const std::string text = line.get();
        port_ = static_cast<std::uint16_t>(std::stoi(text.substr(text.find("port ") + 5)));
        management_port_ = static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind("port ") + 5)));
    }
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;
    ~Reactor() {
        scarce::plenty();
        ::pthread_kill(thread_.native_handle(), SIGTERM);
        thread_.join();
        CHECK(ended_);
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::uint16_t management_port() const noexcept { return management_port_; }

private:
    keeping::Starter starter_{{}};
    std::thread thread_;
    bool ended_ = false;
    std::uint16_t port_ = 0, management_port_ = 0;
};

const std::string scarce_mail = "From: ana\nSubject: =?UTF-8?Q?a=C3=B1o?=\n\n" + std::string(3000, 'x') + "\n";
const std::vector<std::string> transcript = {"STAT",          "LIST",     "UIDL",   "LIST 1", "RETR 1", "TOP 1 2",
                                             "SEARCH TEXT ñ", "REPORT 2", "DELE 1", "UIDL 9", "CAPA",   "QUIT"};

bool many_lines(const std::string& command) {
    return command == "LIST" || command == "UIDL" || command == "CAPA" || command.starts_with("RETR") ||
           command.starts_with("TOP") || command.starts_with("SEARCH") || command.starts_with("REPORT");
}

// If a message arrives, it is complete.
void talk(const Reactor& server, const std::string& user) {
    Pop3Client client{"127.0.0.1", server.port()};
    client.login(user, "geheim");
    for (const std::string& command : transcript) {
        const std::string reply = client.command(command);
        if (!reply.starts_with("+OK")) continue;
        if (!many_lines(command)) continue;
        const std::string body = client.body();
        if (command.starts_with("RETR")) CHECK(body == as_received(scarce_mail));
    }
}

// A session may end early or get an -ERR, but it must not hang, and the next one must be able to log in.
void survive(const Reactor& server, const Maildir& maildir, const std::string& user) {
    const auto begin = std::chrono::steady_clock::now();
    try {
        talk(server, user);
    } catch (const std::exception&) { // it ended early
    }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{30});
    scarce::plenty();
    REQUIRE(eventually([&] { // an update may be under way
        Pop3Client client{"127.0.0.1", server.port()};
        return client.command("USER " + user).starts_with("+OK") && client.command("PASS geheim").starts_with("+OK");
    }));
    if (maildir.messages().empty()) (void)maildir.deliver("1700000001.M1P1.h", scarce_mail);
}

} // namespace

TEST_CASE("whichever allocation of the reactor fails in a session, only that session ends") {
    TempDirectory directory;
    std::filesystem::create_directory(directory.path() / "mail");
    const std::string users = directory.file("users", "hashed:{SHA512-CRYPT}" // a worker checks the password
                                                      "$6$saltsalt$sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA"
                                                      "3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1\n");
    for (const std::string user : {"plain", "filtered", "hashed"}) {
        CAPTURE(user);
        Reactor server{{"-d",
                        directory / "mail",
                        "-l",
                        "127.0.0.1",
                        "-p",
                        "0",
                        "-P",
                        "0",
                        "-u",
                        "witness:geheim",
                        "-u",
                        "plain:geheim",
                        "-u",
                        "filtered:geheim",
                        "--transform-for",
                        "filtered=/bin/cat | /bin/cat",
                        "--log-level",
                        "error",
                        "--users",
                        users}};
        const Maildir maildir{directory.path() / "mail" / user};
        (void)maildir.deliver("1700000001.M1P1.h", scarce_mail);
        talk(server, user); // the workers have been started
        if (maildir.messages().empty()) (void)maildir.deliver("1700000001.M1P1.h", scarce_mail);
        Pop3Client witness{"127.0.0.1", server.port()};
        witness.login("witness", "geheim");
        int not_struck = 0;
        std::uint64_t nth = 0;
        for (; not_struck < 3 && nth < 5000; nth += stride) {
            CAPTURE(nth);
            scarce::fail(nth, 1);
            survive(server, maildir, user);
            not_struck = scarce::struck() ? 0 : not_struck + 1;
        }
        CHECK(nth > 50);
        CHECK(nth < 5000);
        // And if all allocations fail from one on.
        for (std::uint64_t from = 0; from < nth; from += 5 * stride) {
            CAPTURE(from);
            scarce::fail(from, scarce::for_ever);
            survive(server, maildir, user);
        }
        ManagementClient manager{"127.0.0.1", server.management_port()};
        CHECK(manager.command("METR out-of-memory") != "+OK 0");
        CHECK(witness.command("NOOP") == "+OK"); // it has noticed nothing
        witness.quit();
        CHECK(manager.command("METR online") == "+OK 0");
    }
}

TEST_CASE("whichever allocation of the reactor fails for a manager or a scraper, POP3 sessions go on") {
    TempDirectory directory;
    std::filesystem::create_directory(directory.path() / "mail");
    const std::uint16_t metrics_port = free_port();
    Reactor server{{"-d", directory / "mail", "-l", "127.0.0.1", "-p", "0", "-P", "0", "-u", "witness:geheim", "-a",
                    "root:s3cr3t", "--metrics", "127.0.0.1:" + std::to_string(metrics_port), "--log-level", "error",
                    "--hash-scheme", "SHA512-CRYPT"}};
    Pop3Client witness{"127.0.0.1", server.port()};
    witness.login("witness", "geheim");
    const auto manage = [&] {
        ManagementClient manager{"127.0.0.1", server.management_port()};
        for (const char* command : {"AUTH root s3cr3t", "METR", "TRAN", "CONF timeout 700", "USER ADD ana x",
                                    "USER DEL ana", "TRAN /bin/cat", "TRAN 0", "UNDL witness", "NOOP"})
            (void)manager.command(command);
        for (const char* command : {"METR *", "INFO *", "CONF", "SESS", "USER LIST", "LOGG 5", "HIST online minute 3"})
            if (manager.command(command).starts_with("+OK")) (void)manager.body();
        if (manager.command("EVNT").starts_with("+OK")) {
            manager.send("\r\n");
            (void)manager.body();
        }
        (void)manager.command("QUIT");
        Wire scraper{"127.0.0.1", metrics_port};
        scraper.send("GET /metrics HTTP/1.0\r\n\r\n");
        (void)scraper.rest(true);
    };
    manage(); // the workers have been started
    const auto try_it = [&](std::uint64_t first, std::uint64_t count) {
        CAPTURE(first, count);
        const auto begin = std::chrono::steady_clock::now();
        scarce::fail(first, count);
        try {
            manage();
        } catch (const std::exception&) { // it ended early
        }
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{30});
        scarce::plenty();
        CHECK(witness.command("NOOP") == "+OK");
    };
    std::uint64_t nth = 0;
    for (int not_struck = 0; not_struck < 3 && nth < 20'000; nth += (nth < 200 ? 1 : 7) * stride) {
        try_it(nth, 1);
        not_struck = scarce::struck() ? 0 : not_struck + 1;
    }
    CHECK(nth > 200);
    for (std::uint64_t from = 0; from < nth; from += 41 * stride) try_it(from, scarce::for_ever);
    witness.quit();
}

TEST_CASE("whichever allocation of the reactor fails while a worker opens a message, RETR is answered") {
    TempDirectory directory;
    std::filesystem::create_directory(directory.path() / "mail");
    Reactor server{{"-d", directory / "mail", "-l", "127.0.0.1", "-p", "0", "-P", "0", "-u", "ana:geheim",
                    "--log-level", "error"}};
    const Maildir maildir{directory.path() / "mail" / "ana"};
    (void)maildir.deliver("1700000001.M1P1.h", scarce_mail);
    const auto retrieve = [&](std::uint64_t nth) {
        std::optional<Pop3Client> client;
        REQUIRE(eventually([&] { // the session before may be ending
            client.emplace("127.0.0.1", server.port());
            return client->command("USER ana").starts_with("+OK") && client->command("PASS geheim").starts_with("+OK");
        }));
        maildir.flag("1700000001.M1P1.h", nth % 2 == 0 ? "FS" : "RS"); // from here on, only a worker finds it
        const auto begin = std::chrono::steady_clock::now();
        scarce::fail(nth, 1);
        try {
            if (client->command("RETR 1").starts_with("+OK")) CHECK(client->body() == as_received(scarce_mail));
        } catch (const std::exception&) { // it ended early
        }
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{30});
        const bool struck = scarce::struck();
        scarce::plenty();
        return struck;
    };
    (void)retrieve(1'000'001); // the workers have been started
    int not_struck = 0;
    std::uint64_t nth = 0;
    for (; not_struck < 3 && nth < 5000; nth += stride) {
        CAPTURE(nth);
        not_struck = retrieve(nth) ? 0 : not_struck + 1;
    }
    CHECK(nth > 10);
    CHECK(nth < 5000);
}
