// system/other_servers_test.cpp - Maildirs that Debian's Dovecot or Courier has served before: we show clients the same
// UIDLs in the same order, whatever happens to the Maildir afterwards. The POP3 programs of those servers are run on
// standard input and output, without a daemon, a login or a port.
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

// What a session showed: "NUMBER UIDL" and "NUMBER OCTETS".
struct Listing {
    std::vector<std::string> uidl, list;
    std::string all; // the raw output
};

class OtherServer {
public:
    OtherServer(std::string name, Launch launch, std::filesystem::path maildir)
        : name_{std::move(name)}, launch_{std::move(launch)}, maildir_{std::move(maildir)} {}

    // One session: its listings, then these commands.
    [[nodiscard]] Listing session(const std::string& commands = {}) const {
        give_away();
        const Finished finished = run(launch_, "UIDL\r\nLIST\r\n" + commands + "QUIT\r\n");
        give_away(); // Courier's program runs as the user who started it
        INFO(name_ << ": " << finished.out << finished.err);
        REQUIRE(finished.code == 0);
        Listing listing;
        listing.all = finished.out;
        std::vector<std::vector<std::string>> blocks(1);
        std::istringstream lines{finished.out};
        for (std::string line; std::getline(lines, line);) {
            if (line.ends_with('\r')) line.pop_back();
            if (line == ".")
                blocks.emplace_back();
            else if (!line.starts_with('+'))
                blocks.back().push_back(line);
        }
        REQUIRE(blocks.size() > 2);
        listing.uidl = blocks[0];
        listing.list = blocks[1];
        return listing;
    }

    // If we are root, Dovecot and our mail workers run as this user instead.
    static constexpr uid_t nobody = 65534;

private:
    void give_away() const {
        if (::geteuid() != 0) return;
        std::filesystem::permissions(maildir_.parent_path().parent_path(), std::filesystem::perms{0755});
        REQUIRE(::chown(maildir_.c_str(), nobody, nobody) == 0);
        for (const auto& entry : std::filesystem::recursive_directory_iterator{maildir_})
            REQUIRE(::lchown(entry.path().c_str(), nobody, nobody) == 0);
    }

    std::string name_;
    Launch launch_;
    std::filesystem::path maildir_;
};

OtherServer dovecot(const Maildir& maildir) {
    const bool root = ::geteuid() == 0;
    const std::string uid = std::to_string(root ? OtherServer::nobody : ::geteuid());
    const std::string gid = std::to_string(root ? OtherServer::nobody : ::getegid());
    Launch launch;
    launch.argv = {"/usr/lib/dovecot/pop3", "-O"}; // no config file
    for (const std::string& setting :
         {"mail_location=maildir:" + maildir.path().string(), std::string{"first_valid_uid=1"},
          std::string{"first_valid_gid=1"}, "mail_uid=" + uid, "mail_gid=" + gid, std::string{"log_path=/dev/stderr"},
          "base_dir=" + (maildir.path() / "run").string()}) {
        launch.argv.push_back("-o");
        launch.argv.push_back(setting);
    }
    launch.environment = {{"USER", "user1"}, {"HOME", maildir.path().string()}};
    return {"Dovecot", launch, maildir.path()};
}

OtherServer courier(const Maildir& maildir) {
    const std::string at = source_directory() + "/build/courier/usr/lib"; // tests/run unpacks it there
    Launch launch;
    launch.argv = {at + "/courier/courier/courierpop3d", maildir.path()};
    launch.environment = {{"AUTHENTICATED", "user1"},
                          {"HOME", maildir.path().string()},
                          {"LD_LIBRARY_PATH", at + ":" + at + "/x86_64-linux-gnu:" + at + "/aarch64-linux-gnu"}};
    return {"Courier", launch, maildir.path()};
}

// Our listing, as a client sees it.
Listing ours(const Server& server) {
    Pop3Client client = server.session();
    Listing listing;
    REQUIRE(client.command("UIDL").starts_with("+OK"));
    listing.uidl = client.body_lines();
    REQUIRE(client.command("LIST").starts_with("+OK"));
    listing.list = client.body_lines();
    client.quit();
    return listing;
}

std::vector<std::string> values(const std::vector<std::string>& numbered) {
    std::vector<std::string> all;
    for (const std::string& line : numbered) all.push_back(line.substr(line.find(' ') + 1));
    return all;
}

// A Maildir is served by the other server for some sessions, then by us; then other programs and the other server go on
// using it. `wrong` says for which messages the other server reports a wrong size.
void move_in(const std::function<OtherServer(const Maildir&)>& make,
             const std::function<bool(const std::string& place, const std::string& content)>& wrong) {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const OtherServer other = make(maildir);
    std::map<std::string, std::string> stored;
    const auto text = [&](int n, const std::string& end) {
        return "Subject: " + std::to_string(n) + end + end + ".dots and" + end +
               std::string(static_cast<std::size_t>(n) * 7, 'x') + end;
    };
    // Delivered in three batches, in an order that is neither that of the names nor that of the directory.
    for (int part = 0; part < 3; ++part) {
        for (int i = 0; i < 12; ++i) {
            const int n = (i * 7 + part * 5) % 12 * 3 + part;
            const std::string base = std::to_string(1'700'000'000 + n / 2) + ".M" + std::to_string(n * 37 % 100) + "P" +
                                     std::to_string(n) + (n % 4 == 0 ? "V801I2A" : "") + ".host" +
                                     (n % 5 == 0 ? ",W=12" : "");
            stored[base] = text(n, n % 3 == 0 ? "\r\n" : "\n");
            if (n % 4 == 1)
                (void)maildir.put_in_cur(base + ":2,S", stored[base]);
            else
                (void)maildir.deliver(base, stored[base]);
        }
        (void)other.session(part == 1 ? "RETR 3\r\nDELE 2\r\nDELE 7\r\n" : "RETR 1\r\n");
    }
    Listing theirs = other.session();
    REQUIRE(theirs.uidl.size() == 34);
    Listing now = ours(server);
    CHECK(difference(now.uidl, theirs.uidl) == "");
    std::size_t right = 0, same = 0;
    std::multiset<std::string> sizes;
    for (const std::string& place : maildir.messages()) {
        const std::string content = read_whole(maildir.path() / place);
        sizes.insert(std::to_string(as_received(content).size()));
        right += wrong(place, content) ? 0u : 1u;
    }
    const std::vector<std::string> told = values(now.list);
    CHECK(std::multiset<std::string>(told.begin(), told.end()) == sizes);
    for (std::size_t i = 0; i < now.list.size(); ++i) same += now.list[i] == theirs.list.at(i) ? 1u : 0u;
    CHECK(same == right);
    CHECK(right > 20);

    // Other programs flag, delete and deliver. We see the new message first.
    const std::vector<std::string> places = maildir.messages();
    const auto base_of = [](const std::string& place) { return place.substr(4, place.find(':') - 4); };
    maildir.flag(base_of(places[4]), "FS");
    const std::vector<std::string> before = now.uidl;
    maildir.remove(base_of(places[9]));
    (void)maildir.deliver("1600000000.M1P1.older", text(1, "\n"));
    now = ours(server);
    REQUIRE(now.uidl.size() == 34);
    const std::vector<std::string> kept = values(now.uidl), known = values(before);
    // All remaining messages in their old order, then the new one, with a UIDL that was not known before.
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < kept.size(); ++i) {
        while (at < known.size() && known[at] != kept[i]) ++at;
        REQUIRE(at < known.size());
        ++at;
    }
    CHECK(std::count(known.begin(), known.end(), kept.back()) == 0);

    // The other server sees the next message first, and lists it: we take over its UIDL, too.
    (void)maildir.deliver("1800000000.M1P1.newest", text(2, "\n"));
    theirs = other.session();
    const std::vector<std::string> last = values(ours(server).uidl);
    REQUIRE(last.size() == 35);
    CHECK(last.back() == values(theirs.uidl).back());
    CHECK(kept == std::vector<std::string>(last.begin(), last.end() - 1));
    // Without its list, as when the other server has left the machine, nothing changes any more.
    std::filesystem::remove(maildir.path() / "dovecot-uidlist");
    std::filesystem::remove(maildir.path() / "courierpop3dsizelist");
    std::filesystem::remove(maildir.path() / "buzon-index");
    maildir.flag("1800000000.M1P1.newest", "F");
    CHECK(difference(values(ours(server).uidl), last) == "");
}

} // namespace

TEST_CASE("clients that move from Dovecot to us download no message twice") {
    // Dovecot trusts the size in a file name.
    move_in(dovecot,
            [](const std::string& place, const std::string&) { return place.find(",W=12") != std::string::npos; });
}

TEST_CASE("clients that move from Courier to us download no message twice") {
    // Courier counts a CR for each LF, even where there already is one.
    move_in(courier,
            [](const std::string&, const std::string& content) { return content.find('\r') != std::string::npos; });
}
