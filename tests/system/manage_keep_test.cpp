// system/manage_keep_test.cpp - a manager's changes and the server's counters, kept beyond the end of the process: SAVE
// and --state.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

ManagementClient administrator(const Server& server) {
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    return manager;
}

// The sum of a metric over all days that the server remembers.
unsigned long long sum_of_days(const Server& server, const std::string& metric) {
    ManagementClient manager = server.manager();
    unsigned long long sum = 0;
    REQUIRE(manager.command("HIST " + metric + " day").starts_with("+OK"));
    for (const std::string& line : manager.body_lines()) sum += std::stoull(line.substr(line.rfind(' ') + 1));
    return sum;
}

struct State {
    TempDirectory directory;
    [[nodiscard]] std::string file() const { return directory / "history"; }
    [[nodiscard]] Server::Setup setup() const {
        Server::Setup setup;
        setup.arguments = {"--state", directory.path().string(), "-u", "user1:pass1"};
        return setup;
    }
};

// A server with a config file and a users file, as an operator keeps them.
struct Files {
    TempDirectory directory;
    std::string users = directory.file("users", "# keepers\nana:{PLAIN}a\nzoe:{PLAIN}z\n", 0640);
    std::string config = directory.file(
        "config", "# tower\nip = 127.0.0.1 # home\nmgmt-ip = 127.0.0.1\nusers = " + users + "\ntimeout = 700\n# end\n");
    [[nodiscard]] Server::Setup setup(const Words& more = {}) const {
        Server::Setup setup;
        setup.arguments = {"--config", config, "-a", "root:s3cr3t"};
        setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
        setup.own_addresses = true;
        return setup;
    }
};

} // namespace

TEST_CASE("after a restart, the history continues where it stopped") {
    const State state;
    {
        Server server{state.setup()};
        server.session().quit();
        server.session().quit();
        CHECK(eventually([&] { return sum_of_days(server, "historic") == 2; }));
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
    }
    CHECK(std::filesystem::exists(state.file()));
    const Server server{state.setup()};
    server.session().quit();
    CHECK(eventually([&] { return sum_of_days(server, "historic") == 3; }));
    for (const auto& entry : std::filesystem::directory_iterator{state.directory.path()})
        CHECK(entry.path().filename() == "history");
}

TEST_CASE("a damaged or foreign history is set aside and reported, and the server starts") {
    for (const std::string& wrong : {std::string("{\"json\": true}\n"), std::string(), std::string(100000, '\0')}) {
        const State state;
        (void)state.directory.file("history", wrong);
        const Server server{state.setup()};
        CHECK(server.logs("history.damaged"));
        CHECK(read_whole(state.file() + ".damaged") == wrong);
        server.session().quit();
        CHECK(sum_of_days(server, "historic") <= 1);
    }
}

TEST_CASE("a server whose state directory disappears goes on serving, ends with 0 and logs the failed save") {
    const State state;
    Server server{state.setup()};
    std::filesystem::remove_all(state.directory.path());
    server.session().quit();
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    CHECK(server.logs("not saved"));
}

TEST_CASE("a --state that is missing or not a directory is refused at startup") {
    TempDirectory directory;
    CHECK(run_server({"--state", directory / "none", "--check", "-d", directory.path().string()}).code == 66);
    CHECK(run_server({"--state", directory.file("file", ""), "--check", "-d", directory.path().string()}).code == 66);
}

TEST_CASE("SAVE stores addresses, transformations, host and passwords for the next start, and keeps comments") {
    const Files files;
    {
        const Server server{files.setup()};
        ManagementClient manager = administrator(server);
        CHECK(manager.command("SAVE") == "+OK nothing to save");
        const std::string untouched = read_whole(files.config);
        CHECK(manager.command("IPV6 127.0.0.2").starts_with("+OK"));
        CHECK(manager.command("TRAN /usr/bin/tr a-z A-Z").starts_with("+OK"));
        CHECK(manager.command("TRAN FOR zoe /usr/bin/sed s/a/b/").starts_with("+OK"));
        CHECK(manager.command("HOST faro.example").starts_with("+OK"));
        CHECK(manager.command("USER PASS ana new word").starts_with("+OK"));
        CHECK(read_whole(files.config) == untouched);
        CHECK(manager.command("SAVE") == "+OK saved " + files.users + ", " + files.config);
        CHECK(manager.command("SAVE") == "+OK nothing to save");
    }
    CHECK(read_whole(files.config) == "# tower\nip = 127.0.0.2 # home\nmgmt-ip = 127.0.0.1\nusers = " + files.users +
                                          "\ntimeout = 700\n# end\nhost = faro.example\n"
                                          "transform = /usr/bin/tr a-z A-Z\n"
                                          "transform-for = zoe=/usr/bin/sed s/a/b/\n");
    CHECK(read_whole(files.users).starts_with("# keepers\nana:{SCRAM-SHA-256}4096,"));
    const Server server{files.setup()};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/tr a-z A-Z");
    CHECK(manager.command("TRAN FOR zoe") == "+OK on /usr/bin/sed s/a/b/");
    CHECK(manager.command("HOST") == "+OK faro.example");
    Pop3Client{"127.0.0.2", server.port()}.login("ana", "new word");
}

TEST_CASE("hash-scheme selects how USER ADD and USER PASS store passwords, by default as SCRAM-SHA-256") {
    const Files files;
    const Server server{files.setup()};
    ManagementClient manager = administrator(server);
    CHECK(manager.ask("CONF hash-scheme") == "SCRAM-SHA-256");
    CHECK(manager.command("USER PASS ana 1st").starts_with("+OK"));
    for (const std::string scheme : {"SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "MD5-CRYPT", "plain"}) {
        CHECK(manager.command("CONF hash-scheme " + scheme).starts_with("+OK"));
        CHECK(manager.command("USER ADD of-" + scheme + " pass word").starts_with("+OK"));
        Pop3Client{"127.0.0.1", server.port()}.login("of-" + scheme, "pass word");
    }
    CHECK(manager.command("CONF hash-scheme ROT13").starts_with("-ERR"));
    CHECK(manager.ask("CONF hash-scheme") == "PLAIN");
    CHECK(manager.command("SAVE").starts_with("+OK"));
    const std::string users = read_whole(files.users);
    for (const char* line :
         {"ana:{SCRAM-SHA-256}", "of-SHA512-CRYPT:{SHA512-CRYPT}$6$", "of-SHA256-CRYPT:{SHA256-CRYPT}$5$",
          "of-BLF-CRYPT:{BLF-CRYPT}$2", "of-MD5-CRYPT:{MD5-CRYPT}$1$", "of-plain:{PLAIN}pass word\n"})
        CHECK(users.find(line) != std::string::npos);
    CHECK(server.client().many("CAPA").find("SCRAM-SHA-256") != std::string::npos);
    CHECK(server.client().greeting().find('<') != std::string::npos); // APOP
}

TEST_CASE("setting a value to its current value is no change, and SAVE writes nothing for it") {
    const Files files;
    (void)files.directory.file("users", "ana:{PLAIN}a::::::buzon_transform=\"/usr/bin/sed s/c/d/\"\nzoe:{PLAIN}z\n",
                               0640);
    const Server server{files.setup({"-T", "/usr/bin/sed s/a/b/"})};
    ManagementClient manager = administrator(server), listener = administrator(server);
    CHECK(listener.command("EVNT config").starts_with("+OK"));
    CHECK(manager.command("CONF") == "+OK");
    const Words settings = manager.body_lines();
    CHECK(settings.size() > 30);
    for (const std::string& setting : settings) {
        const std::string value = setting.substr(setting.find(' ') + 1);
        CAPTURE(setting);
        CHECK(manager.command("CONF " + setting) == "+OK " + value);
    }
    CHECK(manager.command("CONF timeout 0700") == "+OK 700"); // the same value, written differently
    CHECK(manager.command("CONF verbose no") == "+OK off");
    for (const char* query : {"HOST", "DIRR", "PORT", "IPV6"}) {
        const std::string value = manager.command(query).substr(4);
        CHECK(manager.command(std::string{query} + ' ' + value) == "+OK " + value);
    }
    for (const char* same : {"TRAN 1", "TRAN /usr/bin/sed s/a/b/"})
        CHECK(manager.command(same) == "+OK on /usr/bin/sed s/a/b/");
    for (const char* same : {"TRAN FOR ana 1", "TRAN FOR ana /usr/bin/sed s/c/d/"})
        CHECK(manager.command(same) == "+OK on /usr/bin/sed s/c/d/");
    CHECK(manager.command("SAVE") == "+OK nothing to save");

    // A changed value that is then set to the same value again is still saved, once.
    for (int i = 0; i < 2; ++i) CHECK(manager.command("CONF max-per-ip 9") == "+OK 9");
    CHECK(manager.command("SAVE") == "+OK saved " + files.config);
    CHECK(read_whole(files.config) == "# tower\nip = 127.0.0.1 # home\nmgmt-ip = 127.0.0.1\nusers = " + files.users +
                                          "\ntimeout = 700\n# end\nmax-per-ip = 9\n");
    // No event reports a change that was none.
    listener.send("\r\n");
    const Words events = listener.body_lines();
    REQUIRE(events.size() == 3);
    CHECK(events[0].find("what=save value=\"nothing to save\"") != std::string::npos);
    CHECK(events[1].find("what=max-per-ip value=9") != std::string::npos);
    CHECK(events[2].find("what=save") != std::string::npos);
}

TEST_CASE("SAVE names the changes that no file can take, and writes the rest") {
    const Files files;
    const Server server{files.setup({"--login-timeout", "50", "-u", "eva:e"})};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("CONF login-timeout 40").starts_with("+OK"));
    CHECK(manager.command("PORT 0").starts_with("+OK"));
    CHECK(manager.command("USER DEL eva").starts_with("+OK"));
    CHECK(manager.command("CONF timeout 800").starts_with("+OK"));
    const std::string reply = manager.command("SAVE");
    CHECK(reply.starts_with("-ERR"));
    for (const char* name : {"login-timeout", "port", "eva"}) CHECK(reply.find(name) != std::string::npos);
    CHECK(reply.find("timeout (there") == std::string::npos);
    CHECK(read_whole(files.config).find("timeout = 800\n# end\n") != std::string::npos);
    CHECK(read_whole(files.users) == "# keepers\nana:{PLAIN}a\nzoe:{PLAIN}z\n");
}

TEST_CASE("a change that SAVE has written gives way to later edits of the file, even if another change has no file") {
    const Files files;
    const Server server{files.setup({"-u", "eva:e"})};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("USER DEL eva").starts_with("+OK"));
    CHECK(manager.command("USER PASS ana n").starts_with("+OK"));
    CHECK(manager.command("SAVE") == "-ERR no file for user eva (not from the --users file); saved " + files.users);
    CHECK(manager.command("SAVE") == "-ERR no file for user eva (not from the --users file); nothing saved");
    const std::string fresh = files.directory.file("fresh", "ana:{PLAIN}operator\nzoe:{PLAIN}z\nneu:{PLAIN}n\n", 0640);
    std::filesystem::rename(fresh, files.users);
    CHECK(eventually([&] { return manager.many("USER LIST").find("neu") != std::string::npos; }));
    Pop3Client{"127.0.0.1", server.port()}.login("ana", "operator");
    CHECK(manager.many("USER LIST").find("eva") == std::string::npos);
}

TEST_CASE("every SAVE reports what it cannot store, and deleting a user deletes the user's transformation") {
    const Files files;
    {
        const Server server{files.setup()};
        ManagementClient manager = administrator(server);
        CHECK(manager.command("TRAN /usr/bin/sed:s/a/b ").starts_with("+OK")); // the space at the end is sed's
        CHECK(manager.command("TRAN FOR ana 0") == "+OK off");
        CHECK(manager.command("TRAN FOR zoe /bin/cat") == "+OK on /bin/cat");
        CHECK(manager.command("CONF no-fsync yes") == "+OK on");
        CHECK(manager.command("LOGG 1") == "+OK");
        CHECK(manager.body().find("what=no-fsync value=on ") != std::string::npos); // as CONF shows it
        const std::string why = "-ERR no file for transformation of ana (off for one user alone); ";
        CHECK(manager.command("SAVE") == why + "saved " + files.config);
        CHECK(manager.command("SAVE") == why + "nothing saved");
        CHECK(read_whole(files.config).find("transform-for = zoe=/bin/cat\n") != std::string::npos);
        CHECK(manager.command("USER DEL zoe").starts_with("+OK"));
        CHECK(manager.command("USER DEL ana").starts_with("+OK"));
        CHECK(manager.command("SAVE") == "+OK saved " + files.users + ", " + files.config);
        CHECK(read_whole(files.config).find("zoe") == std::string::npos);
        CHECK(manager.command("USER ADD zoe z").starts_with("+OK"));
        CHECK(manager.command("TRAN FOR zoe") == manager.command("TRAN"));
        CHECK(manager.command("USER ADD a=b c").starts_with("+OK"));
        CHECK(manager.command("TRAN FOR a=b /bin/cat").starts_with("+OK"));
        CHECK(manager.command("SAVE") == "+OK saved " + files.users + ", " + files.config);
    }
    const Server server{files.setup()};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed 's/a/b '");
    CHECK(manager.command("TRAN FOR a=b") == "+OK on /bin/cat");
}

TEST_CASE("SAVE without any file is refused, and names the changes that it cannot save") {
    const Server server{1, {"-a", "root:s3cr3t"}};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("USER ADD gus g").starts_with("+OK"));
    CHECK(manager.command("USER DEL gus").starts_with("+OK"));
    CHECK(manager.command("SAVE") == "+OK nothing to save");
    CHECK(manager.command("CONF timeout 800").starts_with("+OK"));
    CHECK(manager.command("USER ADD bea b").starts_with("+OK"));
    const std::string reply = manager.command("SAVE");
    CHECK(reply.starts_with("-ERR"));
    CHECK(reply.find("timeout") != std::string::npos);
    CHECK(reply.find("bea") != std::string::npos);
}

TEST_CASE("SAVE reports a config file that is missing, and the changes can still be saved later") {
    const Files files;
    const Server server{files.setup()};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("CONF timeout 800").starts_with("+OK"));
    const std::string text = read_whole(files.config);
    std::filesystem::remove(files.config);
    CHECK(manager.command("SAVE").starts_with("-ERR " + files.config));
    (void)files.directory.file("config", text);
    CHECK(manager.command("SAVE") == "+OK saved " + files.config);
    CHECK(read_whole(files.config).find("timeout = 800") != std::string::npos);
}

TEST_CASE("if one file cannot be written, SAVE says which, and still writes the other") {
    const Files files;
    const Server server{files.setup({"-u", "eva:e"})};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("USER ADD bea b").starts_with("+OK"));
    CHECK(manager.command("CONF timeout 800").starts_with("+OK"));
    CHECK(manager.command("USER DEL eva").starts_with("+OK"));
    const std::string people = read_whole(files.users);
    // Something else is where the new file would be created: first for the users file, then for the config file, too.
    std::filesystem::create_directories(files.users + ".saving/full");
    const std::string reply = manager.command("SAVE");
    CHECK(reply.starts_with("-ERR " + files.users + ": "));
    CHECK(reply.find("; no file for user eva ") != std::string::npos);
    CHECK(reply.ends_with("; saved " + files.config));
    CHECK(read_whole(files.users) == people);
    CHECK(read_whole(files.config).find("timeout = 800\n# end\n") != std::string::npos);
    CHECK(manager.command("USER ADD eva e").starts_with("+OK"));
    CHECK(manager.command("CONF timeout 900").starts_with("+OK"));
    std::filesystem::create_directories(files.config + ".saving/full");
    const std::string nothing = manager.command("SAVE");
    CHECK(nothing.starts_with("-ERR " + files.users + ": "));
    CHECK(nothing.find("; " + files.config + ": ") != std::string::npos);
    CHECK(nothing.ends_with("; nothing saved"));
    CHECK(read_whole(files.config).find("timeout = 800\n# end\n") != std::string::npos);
    // No change is forgotten.
    std::filesystem::remove_all(files.users + ".saving");
    CHECK(manager.command("SAVE").ends_with("; saved " + files.users));
    CHECK(read_whole(files.users).find("bea:") != std::string::npos);
    std::filesystem::remove_all(files.config + ".saving");
    CHECK(manager.command("SAVE").find("saved ") != std::string::npos);
    CHECK(read_whole(files.config).find("timeout = 900\n# end\n") != std::string::npos);
}

TEST_CASE("SIGHUP reloads the files, keeps a manager's unsaved changes, and ignores broken files") {
    const Files files;
    Server server{files.setup()};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("CONF login-timeout 40").starts_with("+OK"));
    (void)files.directory.file("config", read_whole(files.config) + "transform = /usr/bin/tr a-z A-Z\nmax-per-ip = 9\n"
                                                                    "login-timeout = 30 # shorter\nport = 1\n");
    (void)files.directory.file("users", "ana:{PLAIN}changed\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return manager.ask("CONF max-per-ip") == "9"; }));
    CHECK(manager.ask("TRAN") == "on /usr/bin/tr a-z A-Z");
    CHECK(manager.ask("CONF login-timeout") == "40");
    CHECK(manager.many("USER LIST").find("zoe") == std::string::npos);
    Pop3Client{"127.0.0.1", server.port()}.login("ana", "changed");
    // A broken file changes nothing.
    const auto refusals = [&server] {
        const std::string log = server.log();
        std::size_t count = 0;
        for (std::size_t at = 0; (at = log.find("not reloaded", at)) != std::string::npos; ++at) ++count;
        return count;
    };
    std::size_t refused = 0;
    for (const std::string& wrong :
         {std::string("max-per-ip = 8\nno-such-option = 1\n"), std::string("max-per-ip = x\n")}) {
        (void)files.directory.file("config", wrong);
        server.process().signal(SIGHUP);
        ++refused;
        // Wait for each refusal, or this file might still be read while the next one is being written.
        CHECK(eventually([&] { return refusals() == refused; }));
        CHECK(manager.ask("CONF max-per-ip") == "9");
        CHECK(manager.ask("TRAN") == "on /usr/bin/tr a-z A-Z");
    }
    // Nor does a FIFO in place of a file, and no worker waits for it.
    for (const std::string& path : {files.config, files.users}) {
        (void)files.directory.file("config", "ip = 127.0.0.1\nmgmt-ip = 127.0.0.1\nusers = " + files.users +
                                                 "\nmax-per-ip = 7\n");
        std::filesystem::remove(path);
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        server.process().signal(SIGHUP);
        CHECK(server.logs("nothing has changed: " + path + ": is a FIFO, not a file"));
        CHECK(manager.ask("CONF max-per-ip") == "9");
        std::filesystem::remove(path);
    }
    (void)files.directory.file("users", "ana:{PLAIN}again\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return manager.ask("CONF max-per-ip") == "7"; }));
    Pop3Client{"127.0.0.1", server.port()}.login("ana", "again");
}

TEST_CASE("SIGHUP with one bad value changes nothing, even if the command line overrides that value") {
    const Files files;
    const std::string before = read_whole(files.config);
    Server server{files.setup()}; // its command line sets a port
    ManagementClient manager = administrator(server);
    const std::string host = manager.ask("HOST");
    const auto refused = [&](const std::string& config, const std::string& people, const std::string& why) {
        (void)files.directory.file("config", before + config);
        if (!people.empty()) (void)files.directory.file("users", people);
        server.process().signal(SIGHUP);
        CHECK(server.logs("not reloaded, nothing has changed: " + why));
        CHECK(manager.ask("HOST") == host);
        CHECK(manager.ask("CONF max-per-ip") == "0");
        CHECK(manager.many("USER LIST").find("zoe") != std::string::npos);
    };
    const std::string good = "host = new.example\nmax-per-ip = 9\n";
    // The users file is not touched here: a change to it alone is picked up without a signal.
    refused(good + "port = nonsense\n", "", files.config + " line 9: port: a port");
    refused(good + "mgmt-port = 1\nmgmt-port = 70000\n", "", files.config + " line 10: mgmt-port: a port");
    refused(good, "ana:{PLAIN}a\nana:{PLAIN}b\n", files.users);
    // The same file is refused at startup, too.
    (void)files.directory.file("config", before + "port = nonsense\n");
    const Finished start = run_server({"--config", files.config, "-p", "0", "-P", "0", "-d", server.root()});
    CHECK(start.code == 78);
    CHECK(start.err == "server: " + files.config + " line 7: port: a port is a whole number from 0 to 65535\n");
    // Once everything is valid, everything is applied.
    (void)files.directory.file("config", before + good);
    (void)files.directory.file("users", "ana:{PLAIN}a\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return manager.ask("HOST") == "new.example"; }));
    CHECK(manager.ask("CONF max-per-ip") == "9");
    CHECK(manager.many("USER LIST").find("zoe") == std::string::npos);
}

TEST_CASE("after DIRR and SAVE, SIGHUP brings back the mail root that the config file names again") {
    const Files files;
    const std::string first = files.directory / "first", second = files.directory / "second";
    for (const std::string& root : {first, second}) std::filesystem::create_directory(root);
    const std::string before = read_whole(files.config) + "path = " + first + "\n";
    (void)files.directory.file("config", before);
    Server::Setup setup = files.setup();
    setup.own_root = true;
    Server server{setup};
    ManagementClient manager = administrator(server);
    CHECK(manager.ask("DIRR") == first);
    CHECK(manager.command("DIRR " + second) == "+OK " + second);
    CHECK(manager.command("SAVE") == "+OK saved " + files.config);
    (void)files.directory.file("config", before);
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return manager.ask("DIRR") == first; }));
}

TEST_CASE("a reload that is refused changes nothing about the programs that may run") {
    for (const std::string mistake : {"users", "path"}) {
        CAPTURE(mistake);
        const Files files;
        const std::string root = files.directory / "mail";
        (void)Maildir{root + "/ana"}.deliver("1700000001.M1P1.h", "Subject: x\n\nuno\n");
        const auto write_config = [&](const std::string& users, const std::string& path, const std::string& program) {
            (void)files.directory.file("config", "ip = 127.0.0.1\nmgmt-ip = 127.0.0.1\nusers = " + users +
                                                     "\npath = " + path + "\ntransform = " + program + '\n');
        };
        write_config(files.users, root, "/usr/bin/tr a-z A-Z");
        Server::Setup setup = files.setup();
        setup.arguments = {"--config", files.config}; // without administrators: only the programs of the files may run
        setup.own_root = true;
        Server server{setup};
        // Good options and a new program, but a users file with a mistake, or a mail root that does not exist.
        const std::string twice = files.directory.file("twice", "ana:{PLAIN}a\nana:{PLAIN}b\n");
        const std::string wrong = mistake == "users" ? twice : files.directory / "none";
        write_config(mistake == "users" ? wrong : files.users, mistake == "path" ? wrong : root, "/usr/bin/sed s/u/x/");
        server.process().signal(SIGHUP);
        REQUIRE(server.logs("not reloaded, nothing has changed: " + wrong));
        Pop3Client client{"127.0.0.1", server.port()};
        client.login("ana", "a");
        CHECK(client.retrieve(1) == "SUBJECT: X\r\n\r\nUNO\r\n"); // by a host that has just been started
    }
}

namespace {

// A 64 KiB file system on this directory, in the test's own mount namespace.
class SmallDisk {
public:
    explicit SmallDisk(std::string directory) : directory_{std::move(directory)} {
        mounted_ = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::mount("none", directory_.c_str(), "tmpfs", 0, "size=64k") == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    [[nodiscard]] bool mounted() const noexcept { return mounted_; }
    [[nodiscard]] std::string filler() const { return directory_ + "/filler"; }
    void fill() const {
        std::ofstream file{filler()};
        const std::string block(4096, 'x');
        while (file.write(block.data(), 4096).flush()) {
        }
    }

private:
    std::string directory_;
    bool mounted_ = false;
};

} // namespace

TEST_CASE("on a full disk, only the history that could not be written is lost") {
    const State state;
    const SmallDisk disk{state.directory.path().string()};
    if (!disk.mounted()) {
        WARN("this user may not mount a small file system: a full disk was not tried");
        return;
    }
    const auto serve_once = [&](unsigned long long before) {
        Server server{state.setup()};
        CHECK(sum_of_days(server, "historic") == before);
        server.session().quit();
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
        return server.log();
    };
    CHECK(serve_once(0).find("not saved") == std::string::npos);
    const std::string kept = read_whole(state.file());
    disk.fill();
    for (int i = 0; i < 2; ++i) // it also starts on the full disk
        CHECK(serve_once(1).find("/history: not saved; the old file is kept: No space left on device") !=
              std::string::npos);
    CHECK(read_whole(state.file()) == kept);
    std::filesystem::remove(disk.filler());
    CHECK(serve_once(1).find("not saved") == std::string::npos);
    CHECK(serve_once(2).find("not saved") == std::string::npos);
    CHECK(std::distance(std::filesystem::directory_iterator{state.directory.path()}, {}) == 1);
}

TEST_CASE("a server killed with SIGKILL comes back with the history that was last written completely") {
    const State state;
    {
        const Server server{state.setup()};
        server.session().quit();
    }
    const std::string kept = read_whole(state.file());
    for (int i = 0; i < 3; ++i) {
        Server server{state.setup()};
        server.session().quit();
        // An interrupted write, as each of the two writers would leave it.
        (void)state.directory.file("history.storing", kept.substr(0, kept.size() / 2));
        (void)state.directory.file("history.last", kept.substr(0, 10));
        server.expect_no_clean_end();
        server.process().signal(SIGKILL);
        CHECK(server.process().wait() == 128 + SIGKILL);
        CHECK(read_whole(state.file()) == kept);
    }
    Server server{state.setup()};
    CHECK(sum_of_days(server, "historic") == 1);
    CHECK(server.log().find("history") == std::string::npos); // nothing was dropped, so nothing is logged
}

TEST_CASE("a server starts whatever the damage to its history, and logs where the old file is now") {
    const State state;
    {
        const Server server{state.setup()};
        server.session().quit();
    }
    const std::string whole = read_whole(state.file());
    // tests/state tries every length and every flipped bit; here, a few are tried with the whole server.
    std::vector<std::string> damaged;
    for (const std::size_t part : {std::size_t{0}, std::size_t{1}, std::size_t{15}, whole.size() / 3})
        damaged.push_back(whole.substr(0, part));
    damaged.push_back(whole);
    damaged.back()[whole.size() / 2] ^= 1;
    for (const std::string& wrong : damaged) {
        (void)state.directory.file("history", wrong);
        const Server server{state.setup()};
        CHECK(server.logs("; starting a new history, the old file is now "));
        CHECK(server.manager().command("METR") == "+OK 0;0;0;0");
        CHECK(sum_of_days(server, "historic") == 0);
    }
    // A FIFO or a directory is neither read nor waited for.
    for (const bool pipe : {true, false}) {
        std::filesystem::remove_all(state.file() + ".damaged");
        std::filesystem::remove(state.file());
        REQUIRE((pipe ? ::mkfifo(state.file().c_str(), 0600) : ::mkdir(state.file().c_str(), 0700)) == 0);
        Server server{state.setup()};
        server.session().quit();
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
        CHECK(server.log().find("; starting a new history, the old file is now ") != std::string::npos);
        CHECK(std::filesystem::is_regular_file(state.file()));
    }
    // Nor does it matter what already has the names under which such things are set aside.
    std::filesystem::create_directories(state.file() + ".damaged/full");
    std::filesystem::create_directories(state.file() + ".damaged.1/full");
    std::filesystem::remove(state.file());
    std::filesystem::create_directories(state.file() + "/of somebody");
    Server server{state.setup()};
    server.session().quit();
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    CHECK(server.logs("the old file is now " + state.file() + ".damaged.2"));
    CHECK(std::filesystem::exists(state.file() + ".damaged.2/of somebody"));
    CHECK(std::filesystem::is_regular_file(state.file()));
}
