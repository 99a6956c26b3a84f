// system/dovecot_passwords_test.cpp - the same passwd-file in the real Dovecot and in this server: which users can log
// in with which mechanisms.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

const std::string one_password = "pass word";

// Dovecot on a free loopback port, with this passwd-file. Only root can start it like this.
class Dovecot {
public:
    explicit Dovecot(const std::string& passwd_file) : port_{free_port()} {
        fs::permissions(directory_.path(), fs::perms{0755});
        for (const std::string part : {"run", "state", "mail"}) fs::create_directory(directory_ / part);
        REQUIRE(::chown((directory_ / "mail").c_str(), nobody, nobody) == 0);
        const std::string mail = directory_ / "mail/%u", id = std::to_string(nobody);
        const std::string config = directory_.file(
            "conf", "base_dir = " + (directory_ / "run") + "\nstate_dir = " + (directory_ / "state") +
                        "\nlog_path = " + (directory_ / "log") +
                        "\nprotocols = pop3\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
                        "auth_mechanisms = plain login apop scram-sha-256\nauth_failure_delay = 0 secs\n"
                        "first_valid_uid = 1\nmail_location = maildir:" +
                        mail +
                        "\nservice anvil {\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\n"
                        "service auth {\n client_limit = 2000\n}\nservice pop3 {\n service_count = 0\n}\n"
                        "service pop3-login {\n service_count = 0\n process_min_avail = 1\n"
                        " inet_listener pop3 {\n  port = " +
                        std::to_string(port_) +
                        "\n }\n inet_listener pop3s {\n  port = 0\n }\n}\n"
                        "passdb {\n driver = passwd-file\n args = " +
                        passwd_file + "\n}\nuserdb {\n driver = static\n args = uid=" + id + " gid=" + id +
                        " home=" + mail + "\n}\n");
        process_ = std::make_unique<Process>(Launch{{"/usr/sbin/dovecot", "-F", "-c", config}});
        REQUIRE(eventually([this] { return reachable("127.0.0.1", port_); }));
    }
    ~Dovecot() {
        process_->signal(SIGTERM);
        (void)process_->wait();
    }
    Dovecot(const Dovecot&) = delete;
    Dovecot& operator=(const Dovecot&) = delete;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    static constexpr uid_t nobody = 65534;
    TempDirectory directory_;
    std::uint16_t port_;
    std::unique_ptr<Process> process_;
};

// Prints "USER WAY..." for each user of the file: the ways to log in that work with the password. With another one,
// none may work.
constexpr const char* all_ways = R"py(
import base64, concurrent.futures, hashlib, hmac, os, socket, sys
port, file, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def b64(octets): return base64.b64encode(octets).decode()
class Pop:
    def __init__(self):
        self.f = socket.create_connection(("127.0.0.1", port), 120).makefile("rwb")
        self.greeting = self.f.readline().decode()
    def say(self, line):
        self.f.write(line.encode() + b"\r\n"); self.f.flush()
        return self.f.readline().decode()
def by_pass(p, user, secret):
    p.say("USER " + user); return p.say("PASS " + secret)
def plain(p, user, secret): return p.say("AUTH PLAIN " + b64(f"\0{user}\0{secret}".encode()))
def login(p, user, secret):
    said = p.say("AUTH LOGIN " + b64(user.encode()))
    return p.say(b64(secret.encode())) if said.startswith("+ ") else said
def apop(p, user, secret):
    challenge = p.greeting[p.greeting.index("<"):p.greeting.index(">") + 1]
    return p.say(f"APOP {user} " + hashlib.md5((challenge + secret).encode()).hexdigest())
def scram(p, user, secret):
    first = f"n={user},r=" + b64(os.urandom(12))
    said = p.say("AUTH SCRAM-SHA-256 " + b64(("n,," + first).encode()))
    if not said.startswith("+ "): return said
    server = base64.b64decode(said[2:]).decode()
    parts = dict(x.split("=", 1) for x in server.split(","))
    final = "c=biws,r=" + parts["r"]
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    message = ",".join((first, server, final)).encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    said = p.say(b64((final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, signature)))).encode()))
    return p.say("") if said.startswith("+ ") else said
ways = {"PASS": by_pass, "PLAIN": plain, "LOGIN": login, "APOP": apop, "SCRAM-SHA-256": scram}
def ways_of(user):
    works, p = [], Pop()
    for name, way in ways.items():
        said = way(p, user, "!" + password)
        assert said.startswith("-ERR") or not said, (user, name, said)
        if not said: p = Pop()
    for name, way in ways.items():
        said = way(p, user, password)
        if said.startswith("+OK"): works.append(name)
        if not said.startswith("-ERR"): p.f.close(); p = Pop()
    p.f.close()
    return works
users = [line.split(":")[0] for line in open(file)]
with concurrent.futures.ThreadPoolExecutor(len(users)) as all_at_once:
    for user, works in zip(users, all_at_once.map(ways_of, users)):
        print(" ".join([user] + works), flush=True)
)py";

// The ways to log in that work, by user.
std::map<std::string, std::string> ways_in(std::uint16_t port, const std::string& file) {
    const Finished asked =
        run(Launch{{"python3", "-c", all_ways, std::to_string(port), file, one_password}}, {}, 5 * patience);
    CAPTURE(asked.err);
    REQUIRE(asked.code == 0);
    std::map<std::string, std::string> found;
    std::istringstream lines{asked.out};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = line.find(' ');
        found[line.substr(0, blank)] = blank == line.npos ? "" : line.substr(blank + 1);
    }
    return found;
}

} // namespace

TEST_CASE("each supported scheme of Dovecot works with the same mechanisms as there, and other schemes lock the user") {
    if (::geteuid() != 0 || !fs::exists("/usr/sbin/dovecot")) {
        WARN("skipped: needs root and Dovecot");
        return;
    }
    std::istringstream schemes{run({"doveadm", "pw", "-l"}).out};
    std::string file;
    std::size_t count = 0;
    for (std::string scheme; schemes >> scheme; ++count) {
        std::string user = "of-";
        for (const char c : scheme) user += static_cast<char>(std::tolower(c)); // as Dovecot does with all user names
        Words words = {"doveadm", "pw", "-s", scheme, "-p", one_password};
        if (scheme == "BLF-CRYPT" || scheme == "CRYPT") words.insert(words.end(), {"-r", "5"});
        const Finished made = run(words);
        if (made.code == 0) file += user + ':' + made.out.substr(0, made.out.find('\n')) + '\n';
    }
    REQUIRE(count > 20);
    const TempDirectory directory;
    fs::permissions(directory.path(), fs::perms{0755});
    const std::string users = directory.file("users", file, 0644);
    const Dovecot dovecot{users};
    const Server server{0, {"--users", users, "-a", "root:s3cr3t"}};
    const auto theirs = ways_in(dovecot.port(), users), ours = ways_in(server.port(), users);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    const std::string listed = manager.many("USER LIST");
    std::set<std::string> foreign;
    for (const auto& [user, ways] : theirs) {
        CAPTURE(user);
        CHECK_FALSE(ways.empty());
        if (listed.find(user + " locked unknown password scheme") != std::string::npos) {
            foreign.insert(user.substr(3));
            CHECK(ours.at(user).empty());
        } else {
            CHECK(ours.at(user) == ways);
        }
    }
    // Schemes that would need another library, that protect nothing, or that are not passwords at all.
    const std::set<std::string> not_read = {"argon2i",   "argon2id",    "cram-md5", "des-crypt", "digest-md5",
                                            "hmac-md5",  "lanman",      "md5",      "ntlm",      "otp",
                                            "plain-md4", "plain-trunc", "rpa",      "skey"};
    CHECK(std::includes(not_read.begin(), not_read.end(), foreign.begin(), foreign.end()));
    CHECK(theirs.size() - foreign.size() >= 18);
}
