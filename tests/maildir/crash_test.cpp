// What an update leaves behind when it is killed, or when one of its system calls fails.

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <random>

#include "buzon/maildir/report.h"
#include "buzon/maildir/trash.h"
#include "buzon/maildir/update.h"
#include "buzon/message/file_name.h"
#include "faults.h"
#include "maildir_fixture.h"
#include "update_request.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::maildir;

namespace {

constexpr std::uint32_t all_messages = 12; // every second one in new

std::string base_of(std::uint32_t n) {
    return std::to_string(1000 + n) + ".x";
}

std::string content_of(std::uint32_t n) {
    return "mail " + std::to_string(n) + "\n";
}

void fill(const TestMaildir& maildir) {
    for (std::uint32_t n = 1; n <= all_messages; ++n)
        maildir.put(n % 2 != 0 ? "new/" + base_of(n) : "cur/" + base_of(n) + ":2,F", content_of(n));
}

bool is_deleted(std::uint32_t n) {
    return n <= 6;
}
bool is_retrieved(std::uint32_t n) {
    return n % 3 == 0;
}

// The update of a session that deleted the first six messages and retrieved every third.
UpdateRequest request_for(const TestMaildir& maildir, std::int64_t keep_since) {
    Maildrop drop{maildir.scan()};
    for (std::uint32_t n = 1; n <= all_messages; ++n) {
        if (is_deleted(n)) drop.mark_deleted(MessageNumber{n});
        if (is_retrieved(n)) drop.mark_retrieved(MessageNumber{n});
    }
    UpdateRequest request = UpdateRequest::of(drop, maildir.path());
    request.keep_since = keep_since;
    return request;
}

std::set<std::string> bases_in(const Snapshot& snapshot) {
    std::set<std::string> bases;
    for (std::uint32_t i = 0; i < snapshot.count(); ++i) bases.emplace(snapshot.base_name(i));
    return bases;
}

// After the scan that completes an update: either all of it has been done or nothing, and no message is lost.
void check_all_or_nothing(const TestMaildir& maildir, std::int64_t keep_since) {
    const auto snapshot = maildir.scan();
    const auto bases = bases_in(*snapshot);
    const bool done = bases.count(base_of(1)) == 0;
    for (std::uint32_t n = 1; n <= all_messages; ++n) CHECK(bases.count(base_of(n)) == (done && is_deleted(n) ? 0 : 1));
    for (std::uint32_t i = 0; i < snapshot->count(); ++i) {
        const auto n = static_cast<std::uint32_t>(std::stoul(std::string{snapshot->base_name(i)}) - 1000);
        const std::string place = (snapshot->in_new(i) ? "new/" : "cur/") + std::string{snapshot->file_name(i)};
        CHECK(maildir.content(place) == content_of(n));
        const bool was_new = n % 2 != 0;
        const bool seen = has_seen(snapshot->file_name(i));
        CHECK(seen == (done && was_new && is_retrieved(n)));
        CHECK(snapshot->in_new(i) == (was_new && !seen));
    }
    const auto kept = maildir.kept();
    CHECK(kept == (done && keep_since != 0 ? 6u : 0u));
    for (const std::string& name : maildir.names("cur")) CHECK(name.front() != '.');
}

// Runs the update in a child process; returns whether the child exited by itself.
template <class Before>
bool update_in_child(const UpdateRequest& request, Before before, useconds_t kill_after = 0) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        before();
        const UpdateOutcome outcome = update(request);
        ::_exit(outcome.failed == 0 && outcome.removed == 6 ? 0 : 1);
    }
    if (kill_after != 0) {
        ::usleep(kill_after);
        ::kill(child, SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

} // namespace

TEST_CASE("an update killed before any of its system calls is completed by the next scan, or has never begun") {
    for (const std::int64_t keep_since : {std::int64_t{0}, std::int64_t{100}}) {
        bool ended = false;
        int killed = 0;
        for (; !ended && killed < 200; ++killed) {
            const TestMaildir maildir;
            fill(maildir);
            const UpdateRequest request = request_for(maildir, keep_since);
            ended = update_in_child(request, [&] { faults::kill_before(killed + 1); });
            check_all_or_nothing(maildir, keep_since);
        }
        CHECK(ended);
        CHECK(killed > 15);
    }
}

TEST_CASE("an update killed at random moments is completed by the next scan, or has never begun") {
    std::mt19937 random{6};
    for (int round = 0; round < 200; ++round) {
        const TestMaildir maildir;
        fill(maildir);
        const std::int64_t keep_since = round % 2 != 0 ? 100 : 0;
        const UpdateRequest request = request_for(maildir, keep_since);
        update_in_child(
            request, [] {}, static_cast<useconds_t>(1 + random() % 3000));
        check_all_or_nothing(maildir, keep_since);
    }
}

TEST_CASE("the scan that completes an update may itself be killed, again and again") {
    const TestMaildir maildir;
    fill(maildir);
    const UpdateRequest request = request_for(maildir, 0);
    // After the journal's fsync, its rename and the fsync of cur: in the middle of the removals.
    CHECK_FALSE(update_in_child(request, [] { faults::kill_before(12); }));
    for (int nth = 1;; ++nth) {
        REQUIRE(nth < 200);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            faults::kill_before(nth);
            ::_exit(scan(maildir.path()).ok() ? 0 : 1);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status)) continue;
        CHECK(WEXITSTATUS(status) == 0);
        break;
    }
    check_all_or_nothing(maildir, 0);
    CHECK_FALSE(maildir.has("new/" + base_of(1)));
}

TEST_CASE("whichever system call of an update fails, no success is claimed falsely and no other message is lost") {
    for (const std::string& call : faults::calls())
        for (const int error : {EIO, ENOSPC, EACCES})
            for (const bool every : {false, true})
                for (const std::int64_t keep_since : {std::int64_t{0}, std::int64_t{100}}) {
                    bool struck = true;
                    for (int nth = 1; struck; ++nth) {
                        REQUIRE(nth < 100);
                        const TestMaildir maildir;
                        fill(maildir);
                        const UpdateRequest request = request_for(maildir, keep_since);
                        faults::fail(call, nth, error, every);
                        const UpdateOutcome outcome = update(request);
                        faults::none();
                        struck = faults::struck();
                        INFO(call << " " << nth << " " << error << " " << every << " " << keep_since);

                        // The state on disk, before a scan repairs anything.
                        std::set<std::string> here;
                        for (const char* const folder : {"new", "cur"})
                            for (const std::string& name : maildir.names(folder))
                                here.insert(name.substr(0, name.find(':')));
                        std::uint32_t left = 0;
                        for (std::uint32_t n = 1; n <= all_messages; ++n) {
                            if (!is_deleted(n))
                                CHECK(here.count(base_of(n)) == 1);
                            else
                                left += here.count(base_of(n)) == 1 ? 1u : 0u;
                        }
                        CHECK(outcome.removed + outcome.gone + outcome.failed == 6);
                        CHECK(left <= outcome.failed);
                        CHECK((outcome.failed == 0) == !outcome.first_error);
                        if (!struck) CHECK(outcome.failed == 0);
                        const bool no_room_to_keep = keep_since != 0 && error == ENOSPC;
                        if (keep_since != 0 && !no_room_to_keep) CHECK(maildir.kept() + left == 6);
                    }
                }
}

TEST_CASE("mail can be deleted even if hardly anything can be written, and nothing is left half written") {
    for (const rlim_t room : {0u, 1u, 50u, 200u}) {
        const TestMaildir maildir;
        fill(maildir);
        const UpdateRequest request = request_for(maildir, 0);
        const bool ended = update_in_child(request, [&] {
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{room, room};
            if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
        });
        CHECK(ended);
        CHECK(maildir.names("tmp").empty());
        CHECK(maildir.names("cur").size() + maildir.names("new").size() == 6);
    }
}

TEST_CASE("if there is no room for the journal, the index is removed to make some") {
    const TestMaildir maildir;
    fill(maildir);
    const UpdateRequest request = request_for(maildir, 0);
    REQUIRE(maildir.has(index_file_name));
    faults::fail("openat", 4, ENOSPC); // after the directories: the Maildir, tmp, cur
    CHECK(update(request).failed == 0);
    faults::none();
    CHECK(faults::struck());
    CHECK_FALSE(maildir.has(index_file_name));
    check_all_or_nothing(maildir, 0);
}

TEST_CASE("a journal that cannot be completed is retried by the next scan, even if nothing else has changed") {
    const TestMaildir maildir;
    fill(maildir);
    const UpdateRequest request = request_for(maildir, 0);
    CHECK_FALSE(update_in_child(request, [] { faults::kill_before(12); })); // in the middle of the removals
    maildir.rest();
    faults::fail("unlinkat", 1, EIO, true);
    const auto early = scan(maildir.path());
    faults::none();
    REQUIRE(early.ok());
    check_all_or_nothing(maildir, 0);
    CHECK_FALSE(maildir.has("new/" + base_of(1)));
}

TEST_CASE("whichever system call of a scan fails, it lists every message or fails, and changes no UIDL") {
    for (const std::string& call : faults::calls())
        for (const int error : {EIO, ENOSPC, EMFILE}) {
            bool struck = true;
            for (int nth = 1; struck; ++nth) {
                REQUIRE(nth < 100);
                const TestMaildir maildir;
                fill(maildir);
                std::string list = "3 V9\n";
                for (std::uint32_t n = 1; n <= all_messages; ++n) list += std::to_string(n) + " :" + base_of(n) + "\n";
                maildir.put("dovecot-uidlist", list);
                const bool served_before = nth % 2 != 0;
                if (served_before) {
                    maildir.scan();
                    maildir.remove("dovecot-uidlist");
                    maildir.remove(index_file_name);
                }
                faults::fail(call, (nth + 1) / 2, error);
                const auto scanned = scan(maildir.path());
                faults::none();
                struck = faults::struck() || nth % 2 != 0;
                INFO(call << " " << nth << " " << error);
                for (int again = 0; again < 2; ++again) {
                    const auto snapshot = again != 0 ? maildir.scan() : nullptr;
                    if (again == 0 && !scanned) continue;
                    const auto first = again != 0
                                           ? snapshot
                                           : Snapshot::from_fd(posix::UniqueFd{::dup(scanned.value().get())}).value();
                    REQUIRE(first->count() == all_messages);
                    for (std::uint32_t i = 0; i < all_messages; ++i) {
                        char uidl[17];
                        static_cast<void>(std::snprintf(uidl, sizeof uidl, "%08x00000009", i + 1));
                        CHECK(first->uidl(i) == uidl);
                    }
                }
            }
        }
}

TEST_CASE("a session record that cannot be written is an error, and leaves the other records intact") {
    const TestMaildir maildir;
    CHECK_FALSE(record_sessions(maildir.path(), std::vector<SessionRecord>{{.began = 1, .ended = 2}}));
    faults::fail("pwrite", 1, ENOSPC);
    CHECK(record_sessions(maildir.path(), std::vector<SessionRecord>{{.began = 3, .ended = 4}}).value() == ENOSPC);
    faults::none();
    CHECK(read_report(maildir.path(), 0).value().size() == 1);
}
