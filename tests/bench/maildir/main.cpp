// bench/maildir/main.cpp - creates Maildirs for benchmarks, a million small files in seconds.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "common/options.h"
#include "maildir/mail_text.h"

namespace {

using bench::Options;
using bench::UsageError;
using buzon::posix::UniqueFd;

constexpr const char* usage =
    "usage: bench_maildir --root DIR --user PREFIX [options]\n"
    "  --users K       users PREFIX1 ... PREFIXK, all with the same mails (default 1)\n"
    "  --share         users 2 ... K get hard links to the files of user 1\n"
    "  --messages N    mails a user (default 1)\n"
    "  --octets S      size of each as stored, give or take --spread P percent (default 8192, 0)\n"
    "  --crlf          stored with CRLF instead of LF\n"
    "  --new           put into new instead of cur\n"
    "  --links L       L names for each file of a Maildir (default 1), where a million files would take too long\n"
    "  --owner UID     the owner of all that is made (needs root)\n"
    "Prints the number of mails a user and their octets as a client receives them.\n";

struct Plan {
    std::string root, user;
    std::uint64_t users = 1, messages = 1, octets = 8192, spread = 0, links = 1;
    bool share = false, crlf = false, fresh = false;
};

[[noreturn]] void give_up(const std::string& what) {
    throw std::system_error{errno, std::system_category(), what};
}

// Named as by Postfix: seconds, device and inode, microseconds, host. In order of delivery, and as irregular as real
// names: a regular series makes some servers' hash tables far slower than they really are.
std::string base_name(std::uint64_t number) {
    const std::uint64_t noise = (number + 1) * 0x9E3779B97F4A7C15U;
    char name[96];
    std::snprintf(name, sizeof name, "%llu.Vfd01I%llxM%06llu.mail.example.org",
                  static_cast<unsigned long long>(1'600'000'000U + number * 53 + (noise >> 32U) % 53),
                  static_cast<unsigned long long>(0x20000 + (noise >> 40U)),
                  static_cast<unsigned long long>((noise >> 12U) % 1'000'000U));
    return name;
}

std::string file_name(const Plan& plan, std::uint64_t number) {
    return base_name(number) + (plan.fresh ? "" : ":2,S");
}

// Octets as received, dot-stuffing undone: every bare LF becomes CRLF. The mails made here end with a line end.
std::uint64_t octets_received(const std::string& stored, bool crlf) {
    std::uint64_t lines = 0;
    for (const char c : stored) lines += c == '\n';
    return stored.size() + (crlf ? 0 : lines);
}

UniqueFd make_maildir(const Plan& plan, const std::string& user) {
    const std::string folder = plan.root + "/" + user;
    for (const char* part : {"", "/cur", "/new", "/tmp"}) {
        if (mkdir((folder + part).c_str(), 0700) != 0 && errno != EEXIST) give_up(folder + part);
    }
    const std::string target = folder + (plan.fresh ? "/new" : "/cur");
    UniqueFd directory{open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory) give_up(target);
    return directory;
}

std::uint64_t size_of(const Plan& plan, std::uint64_t number) {
    if (plan.spread == 0) return plan.octets;
    const std::uint64_t range = plan.octets * plan.spread / 100;
    return plan.octets - range + number * 7919U % (2 * range + 1);
}

// Creates one user's mails. Returns their total octets as received.
std::uint64_t fill(const Plan& plan, int directory) {
    std::uint64_t received = 0, last = 0;
    std::string linked;
    for (std::uint64_t n = 0; n < plan.messages; ++n) {
        const std::string name = file_name(plan, n);
        if (n % plan.links != 0) {
            if (linkat(directory, linked.c_str(), directory, name.c_str(), 0) != 0) give_up(name);
            received += last;
            continue;
        }
        const std::string text = bench::mail_text(n, {size_of(plan, n), plan.crlf});
        const UniqueFd file{openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
        if (!file) give_up(name);
        if (const auto trouble = buzon::posix::write_all(file.get(), text)) throw std::system_error{trouble, name};
        last = octets_received(text, plan.crlf);
        received += last;
        linked = name;
    }
    return received;
}

// Makes the folder look an hour old: servers look twice at one that changed within the last second.
void be_old(int directory) {
    timespec times[2]{};
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= 3600;
    times[1] = times[0];
    if (futimens(directory, times) != 0) give_up("futimens");
}

void link_all(const Plan& plan, int from, int to) {
    for (std::uint64_t n = 0; n < plan.messages; ++n) {
        const std::string name = file_name(plan, n);
        if (linkat(from, name.c_str(), to, name.c_str(), 0) != 0) give_up(name);
    }
}

int run(std::span<char* const> words) {
    const Options options{words,
                          {"root", "user", "users", "messages", "octets", "spread", "links", "owner"},
                          {"share", "crlf", "new", "help"}};
    if (options.has("help")) {
        std::cout << usage;
        return 0;
    }
    const Plan plan{.root = options.text("root"),
                    .user = options.text("user"),
                    .users = options.number("users", 1),
                    .messages = options.number("messages", 1),
                    .octets = options.number("octets", 8192),
                    .spread = options.number("spread", 0),
                    .links = options.number("links", 1),
                    .share = options.has("share"),
                    .crlf = options.has("crlf"),
                    .fresh = options.has("new")};
    if (plan.root.empty() || plan.user.empty() || !options.operands().empty() || plan.links == 0 || plan.spread > 99) {
        throw UsageError{"--root and --user are needed, --links is at least 1, --spread below 100"};
    }
    if (options.has("owner")) {
        const auto owner = static_cast<uid_t>(options.number("owner", 0));
        if (setegid(owner) != 0 || seteuid(owner) != 0) give_up("--owner");
    }
    const UniqueFd first = make_maildir(plan, plan.user + "1");
    const std::uint64_t received = fill(plan, first.get());
    be_old(first.get());
    for (std::uint64_t user = 2; user <= plan.users; ++user) {
        const UniqueFd directory = make_maildir(plan, plan.user + std::to_string(user));
        if (plan.share)
            link_all(plan, first.get(), directory.get());
        else if (fill(plan, directory.get()) != received)
            throw std::logic_error{"two users got different mails"};
        be_old(directory.get());
    }
    std::cout << plan.messages << ' ' << received << '\n';
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    return run({argv + 1, static_cast<std::size_t>(argc - 1)});
} catch (const UsageError& trouble) {
    std::cerr << "bench_maildir: " << trouble.what() << '\n' << usage;
    return 64;
} catch (const std::exception& trouble) {
    std::cerr << "bench_maildir: " << trouble.what() << '\n';
    return 71;
}
