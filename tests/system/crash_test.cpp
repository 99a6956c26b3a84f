// system/crash_test.cpp - kill -9, a full file system and failing system calls in the middle of QUIT: the reply is
// true, and the next login finds what the client asked for, or what was there before.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "buzon/posix/io.h"

#include "support/catch.h"
#include "support/sanitized.h"
#include "system/planned_session.h"
#include "system/strace.h"

using namespace buzon::test;

namespace {

constexpr int users_of_each_kill = 10; // one kill hits their QUITs, each at another moment
// The number of QUITs. Under a sanitizer, starting a server or a worker is slow.
constexpr unsigned quits = sanitized ? 40 : 500, quits_on_full = sanitized ? 30 : 100;

enum class Victim { workers, server, both };

// Users of one mail root whose QUITs are interrupted together.
class Volleys {
public:
    explicit Volleys(const std::string& root) {
        REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        setup_.arguments = {"-d", root};
        setup_.own_root = true;
        for (int user = 1; user <= users_of_each_kill; ++user) {
            sessions_.emplace_back(root, user);
            setup_.arguments.push_back("-u");
            setup_.arguments.push_back("user" + std::to_string(user) + ":pass" + std::to_string(user));
        }
    }

    // `meanwhile`, if any, runs between the logins and the QUITs, and `afterwards` after all checks.
    void run(unsigned how_many, const std::function<void()>& meanwhile = {},
             const std::function<void()>& afterwards = {}) {
        // Go on while no kill has hit a QUIT yet: how long a QUIT takes varies with the machine's load.
        for (unsigned volley = 0; volley * users_of_each_kill < how_many || (!has_met() && volley < max_volleys);
             ++volley) {
            CAPTURE(volley);
            one(static_cast<Victim>(volley % 3), meanwhile);
            if (afterwards) afterwards();
        }
        CHECK(unanswered > 0);
        CHECK(asked > 0);
    }

    unsigned unanswered = 0, asked = 0, part = 0;

private:
    void one(Victim victim, const std::function<void()>& meanwhile) {
        CAPTURE(static_cast<int>(victim));
        if (!server_) server_.emplace(setup_);
        for (PlannedSession& session : sessions_) session.fill(random_, 2 + static_cast<unsigned>(random_() % 9));
        for (PlannedSession& session : sessions_) session.begin(*server_);
        if (meanwhile) meanwhile();
        const std::vector<pid_t> workers = workers_of(server_->pid());
        const bool undisturbed = longest_ == Seconds{0}; // the first run measures how long it takes
        const bool server_dies = !undisturbed && victim != Victim::workers;
        const auto began = std::chrono::steady_clock::now();
        for (PlannedSession& session : sessions_) session.send_quit();
        if (!undisturbed) {
            pause_for(longest_ * (static_cast<double>(random_() % 1000) / 1000));
            if (server_dies) {
                server_->expect_no_clean_end();
                server_->process().signal(SIGKILL);
            }
            if (victim != Victim::server)
                for (const pid_t worker : workers) ::kill(worker, SIGKILL);
        }
        for (PlannedSession& session : sessions_) session.take_reply();
        if (undisturbed) longest_ = std::chrono::steady_clock::now() - began;
        if (server_dies) {
            REQUIRE(server_->process().wait());
            server_.reset();
            // Its children are ours now. They die with it, but may still be in the middle of a system call.
            CHECK(eventually([] {
                while (::waitpid(-1, nullptr, WNOHANG) > 0) {
                }
                return workers_of(::getpid()).empty();
            }));
        }
        for (const PlannedSession& session : sessions_) {
            session.check_disk();
            if (undisturbed) CHECK(session.reply() == "+OK Goodbye");
            if (!server_dies) CHECK(session.reply()); // QUIT is answered even if workers die
        }
        if (!server_) server_.emplace(setup_);
        bool all_answered = true;
        for (const PlannedSession& session : sessions_) {
            const PlannedSession::Found found = session.log_in_again(*server_);
            session.check_disk();
            unanswered += session.reply() ? 0u : 1u;
            all_answered = all_answered && session.reply();
            asked += found == PlannedSession::Found::asked ? 1u : 0u;
            const bool whole = found == PlannedSession::Found::asked || found == PlannedSession::Found::before;
            part += whole ? 0u : 1u;
        }
        if (server_dies && all_answered) longest_ *= 0.7; // the kill came too late
    }

    [[nodiscard]] bool has_met() const noexcept { return unanswered > 0 && asked > 0; }
    static constexpr unsigned max_volleys = 60;

    Server::Setup setup_;
    std::vector<PlannedSession> sessions_;
    std::optional<Server> server_;
    std::mt19937 random_{1939};
    Seconds longest_{0};
};

// A tmpfs of the given size. Needs root, or a kernel that lets any user create a user namespace: the test's process
// then stays in one.
class SmallFileSystem {
public:
    SmallFileSystem(std::string place, std::size_t octets) : place_{std::move(place)} {
        std::filesystem::create_directory(place_);
        const std::string size = "size=" + std::to_string(octets);
        const auto mounted = [&] { return ::mount("tmpfs", place_.c_str(), "tmpfs", 0, size.c_str()) == 0; };
        if (mounted()) return;
        const std::string me = std::to_string(::geteuid());
        REQUIRE(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
        std::ofstream{"/proc/self/uid_map"} << "0 " << me << " 1\n";
        REQUIRE(mounted());
    }
    ~SmallFileSystem() { ::umount2(place_.c_str(), MNT_DETACH); }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;

    // Leaves no room for a single octet, until free().
    void fill() const {
        const buzon::posix::UniqueFd file{::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
        REQUIRE(file);
        const std::string piece(4096, 'x');
        while (!buzon::posix::write_all(file.get(), piece)) {
        }
    }
    void free() const { std::filesystem::remove(filler()); }

private:
    std::string filler() const { return place_ + "/filler"; }
    std::string place_;
};

} // namespace

TEST_CASE("kill -9 at any moment of QUIT loses no undeleted mail, makes no +OK false and leaves no update half done") {
    TempDirectory mail;
    Volleys volleys{mail.path()};
    volleys.run(quits);
    CHECK(volleys.part == 0);
}

TEST_CASE("on a full file system QUIT still deletes, and kill -9 loses no undeleted mail and makes no +OK false") {
    TempDirectory directory;
    const SmallFileSystem small{directory / "full", 4 << 20};
    Volleys volleys{directory / "full"};
    // Without room for a journal, a killed update may stay half done, but only deleted messages are gone.
    volleys.run(
        quits_on_full, [&] { small.fill(); }, [&] { small.free(); });
}

TEST_CASE("whichever system call fails during QUIT, its reply matches what is on disk") {
    Server server;
    PlannedSession session{server.root(), 1};
    std::mt19937 random{1725};
    session.fill(random, 2);
    session.begin(server); // from here on there is a worker
    session.send_quit();
    session.take_reply();
    REQUIRE(session.reply() == "+OK Goodbye");
    unsigned refused = 0;
    for (const std::string call : {"unlinkat", "renameat", "renameat2", "fsync", "openat", "write", "pwrite64"})
        for (const std::string error : {"ENOSPC", "EIO", "EACCES"})
            for (const std::string when : {"1", "1+"}) {
                const std::string what = call + ":error=" + error + ":when=" + when;
                CAPTURE(what);
                do session.fill(random, 6);
                while (session.deletes() < 2);
                session.begin(server);
                {
                    const Strace strace{server, injection(what)};
                    session.send_quit();
                    session.take_reply();
                }
                REQUIRE(session.reply());
                // A removal that could not be synced counts as failed, although the file is gone.
                session.check_disk(call != "fsync");
                const bool done = session.reply()->starts_with("+OK");
                refused += done ? 0u : 1u;
                const PlannedSession::Found found = session.log_in_again(server);
                // A message that cannot be moved to cur stays in new; that is not a failure.
                const bool unmoved = call == "renameat2" && found == PlannedSession::Found::unmoved;
                if (done) CHECK((found == PlannedSession::Found::asked || unmoved));
                session.check_disk();
            }
    CHECK(refused > 10);
}

TEST_CASE("a worker killed during QUIT is replaced by one that completes the update, and the client gets +OK") {
    Server server;
    PlannedSession session{server.root(), 1};
    std::mt19937 random{1734};
    for (const std::string call : {"openat", "write", "fsync", "renameat", "unlinkat", "renameat2"})
        for (const std::string when : {"1", "2"}) {
            CAPTURE(call, when);
            do session.fill(random, 8);
            while (session.deletes() < 3);
            session.begin(server);
            {
                const Strace strace{server, injection(call + ":signal=KILL:when=" + when), "/dev/null",
                                    Strace::Holds::workers};
                session.send_quit();
                session.take_reply();
            }
            CHECK(session.reply() == "+OK Goodbye");
            session.check_disk();
            CHECK(session.log_in_again(server) == PlannedSession::Found::asked);
        }
}

TEST_CASE("QUIT waits for the disk, except with --no-fsync") {
    for (const bool spared : {false, true}) {
        Server server{1, spared ? Words{"--no-fsync"} : Words{}};
        PlannedSession session{server.root(), 1};
        std::mt19937 random{1};
        do session.fill(random, 8);
        while (session.deletes() < 3);
        session.begin(server);
        const std::string output = server.directory() / "calls";
        {
            const Strace strace{server, {"-e", "trace=fsync,fdatasync,sync,syncfs,msync,sync_file_range"}, output};
            session.send_quit();
            session.take_reply();
        }
        CHECK(session.reply() == "+OK Goodbye");
        const std::string calls = read_whole(output);
        INFO(calls);
        // The journal, its folder cur, then new and cur.
        CHECK(std::count(calls.begin(), calls.end(), '\n') == (spared ? 0 : 4));
        CHECK(session.log_in_again(server) == PlannedSession::Found::asked);
    }
}

TEST_CASE("reading a maildrop may take longer than the login timeout") {
    Server server{2, {"--login-timeout", "1"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: a\n\nb\n");
    // Sent in one piece, so that the client itself uses none of the login timeout, even on a busy machine.
    const auto replies_to = [&](const std::string& lines) {
        Pop3Client client = server.client();
        client.send(lines);
        return client.rest();
    };
    CHECK(replies_to("USER user2\r\nPASS pass2\r\nQUIT\r\n").ends_with("+OK Goodbye\r\n")); // now there is a worker
    const Strace slow{server, injection("openat:delay_enter=300000")};
    CHECK(replies_to("USER user1\r\nPASS pass1\r\nSTAT\r\nQUIT\r\n").ends_with("+OK 1 17\r\n+OK Goodbye\r\n"));
}

TEST_CASE("reading a cold maildrop is cancelled when its client disconnects, and the next session reads it") {
    Server server{2};
    const Maildir maildir = server.maildir("user1");
    for (int i = 0; i < 100; ++i)
        (void)maildir.deliver(std::to_string(1'700'000'000 + i) + ".M1P1.h", "Subject: a\n\nb\n");
    server.session(2).quit(); // now there is a worker
    ManagementClient manager = server.manager();
    {
        // Reading all of it would take five minutes.
        const Strace slow{server, injection("openat:delay_enter=3000000"), "/dev/null", Strace::Holds::workers};
        Pop3Client client = server.client();
        client.send("USER user1\r\nPASS pass1\r\n");
        CHECK(eventually([&] { return manager.ask("METR workers-busy") != "0"; }));
        client.reset();
        CHECK(eventually([&] { return manager.ask("METR workers-busy") == "0"; }));
    }
    CHECK(server.session().command("STAT") == "+OK 100 1700");
}
