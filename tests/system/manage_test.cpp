// system/manage_test.cpp - the management protocol as a manager's program sees it (contract section 4).
#include <signal.h>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string mail_text = "Subject: gestion\n\n.uno\ndos\n";

// Two users with one mail each.
struct MailServer : Server {
    explicit MailServer(const Words& arguments = {})
        : Server{2, arguments} {
        for (const char* user : {"user1", "user2"})
            (void)maildir(user).deliver("1700000001.M1P1.h", mail_text);
    }
};

Metrics metrics(const Server& server) {
    return parse_metrics(server.manager().command("METR"));
}

// An administrator's connection.
ManagementClient administrator(const Server& server) {
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    return manager;
}

const Words with_administrator = {"-a", "root:s3cr3t"};

} // namespace

TEST_CASE("METR counts messages and octets and users as soon as they are known") {
    const MailServer server;
    CHECK(metrics(server) == Metrics{});
    std::uint64_t octets = 0;

    Pop3Client refused = server.client();
    (void)refused.command("USER user1");
    CHECK(refused.command("PASS wrong").starts_with("-ERR"));
    CHECK(metrics(server) == Metrics{0, refused.received(), 0, 0}); // a failed login is not historic
    refused.quit();
    octets += refused.received();

    Pop3Client one = server.session(1);
    CHECK(metrics(server) == Metrics{0, octets + one.received(), 1, 1});
    (void)one.many("TOP 1 100");
    CHECK(metrics(server) == Metrics{0, octets + one.received(), 1, 1}); // TOP counts octets only
    (void)one.retrieve(1);
    (void)one.retrieve(1);
    CHECK(one.command("RETR 2").starts_with("-ERR"));
    CHECK(metrics(server) == Metrics{2, octets + one.received(), 1, 1});
    Pop3Client two = server.session(2);
    CHECK(metrics(server) == Metrics{2, octets + one.received() + two.received(), 2, 2});
    one.quit();
    two.quit();
    octets += one.received() + two.received();
    CHECK(metrics(server) == Metrics{2, octets, 0, 2});
    for (int i = 0; i < 3; ++i) {
        Pop3Client again = server.session(1);
        (void)again.retrieve(1);
        again.quit();
        octets += again.received();
    }
    CHECK(metrics(server) == Metrics{5, octets, 0, 5});
}

TEST_CASE("a message counts when its last octet was handed over and not before") {
    const Server server{1};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", std::string(30'000'000, 'x'));
    {
        Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
        client.login("user1", "pass1");
        REQUIRE(client.command("RETR 1").starts_with("+OK"));
        (void)client.exactly(100000);
        CHECK(metrics(server).messages == 0);
        CHECK(metrics(server).online == 1);
        client.reset();
    }
    CHECK(eventually([&] { return metrics(server).online == 0; }));
    CHECK(metrics(server).messages == 0);
    CHECK(metrics(server).historic == 1);
    CHECK(metrics(server).octets < 30'000'000);
}

TEST_CASE("keywords are taken in any case and lines with CRLF or LF and cut anywhere") {
    const MailServer server;
    ManagementClient manager = server.manager();
    manager.send("me");
    pause_for(Seconds{0.05});
    manager.send("TR\r");
    pause_for(Seconds{0.05});
    manager.send("\nnoop\ntran\r\nMetr\n");
    CHECK(manager.line() == "+OK 0;0;0;0");
    CHECK(manager.line().starts_with("+OK"));
    CHECK(manager.line() == "+OK off");
    CHECK(manager.line() == "+OK 0;0;0;0");
    for (const char* command :
         {"METRX", "MET", "XYZZ", "", "STAT", "RETR 1", "LIST", "METR no-such-metric", "METR a b"})
        CHECK(manager.command(command).starts_with("-ERR"));
    CHECK(manager.command(std::string(10000, 'x')).starts_with("-ERR"));
    CHECK(manager.command("NOOP").starts_with("+OK"));
    CHECK(manager.command("QUIT").starts_with("+OK"));
    CHECK(manager.ended());
}

TEST_CASE("METR with a star names every number and each can be asked for") {
    const MailServer server;
    server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("METR *").starts_with("+OK"));
    const std::vector<std::string> lines = manager.body_lines();
    CHECK(lines.size() >= 4);
    for (const std::string& line : lines) {
        CAPTURE(line);
        const std::size_t space = line.find(' ');
        REQUIRE(space != std::string::npos);
        CHECK(line.find_first_not_of("0123456789.-", space + 1) == std::string::npos);
        CHECK(manager.command("METR " + line.substr(0, space)).starts_with("+OK "));
    }
}

TEST_CASE("INFO names host and mail root and addresses") {
    const MailServer server{{"--host", "faro.example"}};
    ManagementClient manager = server.manager();
    CHECK(manager.ask("INFO") == "faro.example;" + server.root() + ";127.0.0.1");
    REQUIRE(manager.command("INFO *").starts_with("+OK"));
    CHECK(!manager.body_lines().empty());
}

TEST_CASE("HELP names every command") {
    const Server server{1};
    ManagementClient manager = server.manager();
    const std::string help = manager.many("HELP");
    for (const char* command : {"METR", "INFO", "TRAN", "HOST", "DIRR", "PORT", "IPV6", "LOGG", "HELP", "NOOP", "QUIT",
                                "EVNT", "HIST", "CONF", "SESS", "KICK", "USER", "SAVE", "AUTH"})
        CHECK(help.find(command) != std::string::npos);
}

TEST_CASE("TRAN switches for the messages retrieved from then on") {
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"-T", "/usr/bin/tr a-z A-Z"});
    const MailServer server{arguments};
    const std::string plain = as_received(mail_text);
    std::string upper = plain;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    ManagementClient manager = administrator(server);
    Pop3Client client = server.session();
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/tr a-z A-Z");
    CHECK(client.retrieve(1) == upper);
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK off");
    CHECK(client.command("RETR 1") == "+OK " + std::to_string(plain.size()) + " octets");
    CHECK(client.body() == plain);
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(client.retrieve(1) == upper);
    CHECK(manager.command("TRAN /usr/bin/sed:s/o/0/g").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    CHECK(client.retrieve(1) == "Subject: gesti0n\r\n\r\n.un0\r\nd0s\r\n");
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    for (const char* wrong : {"TRAN sed", "TRAN 2", "TRAN /usr/bin/sed 's", "TRAN -1"}) {
        CHECK(manager.command(wrong).starts_with("-ERR"));
        CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    }
    client.quit();
}

TEST_CASE("TRAN 1 without any program is refused") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("TRAN") == "+OK off");
    CHECK(manager.command("TRAN 1").starts_with("-ERR"));
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK off");
}

TEST_CASE("a retrieval that has begun keeps the filter it began with") {
    TempDirectory directory;
    const std::string gate = directory / "gate";
    const MailServer server{
        {"-T", directory.script("filter", "while [ ! -e " + gate + " ]; do sleep 0.02; done; cat")}};
    ManagementClient manager = server.manager();
    Pop3Client waiting = server.session(1);
    waiting.send("RETR 1\r\n");
    CHECK(eventually([&] { return !waiting.silent_for(Seconds{0}) || !children_of(server.pid()).empty(); }));
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(server.session(2).retrieve(1) == as_received(mail_text));
    CHECK(waiting.silent_for(Seconds{0.1}));
    (void)directory.file("gate", "");
    CHECK(waiting.line() == "+OK message follows");
    CHECK(waiting.body() == as_received(mail_text));
}

TEST_CASE("PORT moves the service while sessions go on") {
    const MailServer server;
    ManagementClient manager = server.manager();
    Pop3Client client = server.session(1);
    CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
    std::uint16_t next = free_port();
    CHECK(manager.command("PORT " + std::to_string(next)).starts_with("+OK"));
    CHECK(manager.command("PORT") == "+OK " + std::to_string(next));
    CHECK(client.retrieve(1) == as_received(mail_text));
    CHECK(!reachable("127.0.0.1", server.port()));
    Pop3Client other{"127.0.0.1", next};
    other.login("user2", "pass2");
    CHECK(other.retrieve(1) == as_received(mail_text));
    // To the port it already has: nothing to do.
    CHECK(manager.command("PORT " + std::to_string(next)).starts_with("+OK"));
    CHECK(reachable("127.0.0.1", next));
    client.quit();
    other.quit();
}

TEST_CASE("PORT to a taken port leaves everything as it was") {
    const MailServer server;
    const TakenPort taken;
    ManagementClient manager = server.manager();
    Pop3Client client = server.session(1);
    for (const std::string& wrong : {std::to_string(taken.number()), std::to_string(server.management_port()),
                                     std::string("65536"), std::string("-1"), std::string("x"), std::string("1 2")}) {
        CAPTURE(wrong);
        CHECK(manager.command("PORT " + wrong).starts_with("-ERR"));
        CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
        CHECK(server.session(2).retrieve(1) == as_received(mail_text));
    }
    CHECK(client.retrieve(1) == as_received(mail_text));
    client.quit();
}

TEST_CASE("IPV6 moves the service to another address of either family") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("IPV6").starts_with("+OK"));
    Pop3Client client = server.session(1);
    std::vector<std::string> addresses = {"127.0.0.2", "127.0.0.1"};
    if (have_ipv6())
        addresses.insert(addresses.begin(), "::1");
    else
        WARN("this machine has no IPv6");
    for (const std::string& address : addresses) {
        CAPTURE(address);
        CHECK(manager.command("IPV6 " + address).starts_with("+OK"));
        CHECK(reachable(address, server.port()));
        if (address != "127.0.0.1") CHECK(!reachable("127.0.0.1", server.port()));
        CHECK(client.command("NOOP").starts_with("+OK"));
    }
    for (const char* wrong : {"IPV6 192.0.2.254", "IPV6 x", "IPV6 ::g", "IPV6 1.2.3"}) {
        CHECK(manager.command(wrong).starts_with("-ERR"));
        CHECK(reachable("127.0.0.1", server.port()));
    }
    CHECK(client.retrieve(1) == as_received(mail_text));
    client.quit();
}

TEST_CASE("HOST changes the name in greetings and INFO") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("HOST nuevo.example").starts_with("+OK"));
    CHECK(manager.ask("HOST") == "nuevo.example");
    CHECK(manager.ask("INFO").starts_with("nuevo.example;"));
    CHECK(server.client().greeting().ends_with("@nuevo.example>"));
    for (const char* wrong : {"HOST a b", "HOST a;b", "HOST -", "HOST a<b>", "HOST a..b"}) {
        CAPTURE(wrong);
        CHECK(manager.command(wrong).starts_with("-ERR"));
    }
    CHECK(manager.ask("HOST") == "nuevo.example");
}

TEST_CASE("DIRR holds for later logins") {
    TempDirectory other;
    (void)Maildir{other / "user1"}.deliver("1700000001.M1P1.h", "another\n");
    const MailServer server{with_administrator};
    ManagementClient manager = administrator(server);
    CHECK(manager.ask("DIRR") == server.root());
    Pop3Client before = server.session(1);
    CHECK(manager.command("DIRR " + other.path().string()).starts_with("+OK"));
    CHECK(before.retrieve(1) == as_received(mail_text));
    before.quit();
    CHECK(server.maildir("user1").messages()[0].starts_with("cur/"));
    CHECK(server.session(1).retrieve(1) == "another\r\n");
    for (const std::string& wrong : {other / "nothing", other.file("file", ""), std::string("relative/nothing")}) {
        CHECK(manager.command("DIRR " + wrong).starts_with("-ERR"));
        CHECK(manager.ask("DIRR") == other.path());
    }
}

TEST_CASE("LOGG shows the last lines of the log") {
    const MailServer server;
    for (int i = 0; i < 5; ++i)
        server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("LOGG").starts_with("+OK"));
    const std::vector<std::string> all = manager.body_lines();
    CHECK(all.size() >= 5);
    REQUIRE(manager.command("LOGG 2").starts_with("+OK"));
    const std::vector<std::string> two = manager.body_lines();
    REQUIRE(two.size() == 2);
    CHECK(all[all.size() - 1].find("user1") != std::string::npos);
    for (const char* wrong : {"LOGG x", "LOGG -1", "LOGG 1 2"})
        CHECK(manager.command(wrong).starts_with("-ERR"));
}

TEST_CASE("LOGG FOLLOW is live until a line comes") {
    const MailServer server;
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("LOGG FOLLOW").starts_with("+OK"));
    server.session(2).quit();
    std::string line;
    do
        line = manager.line();
    while (line.find("user2") == std::string::npos);
    manager.send("METR\r\n"); // ends the view and is not run
    do
        line = manager.line();
    while (line != ".");
    CHECK(manager.command("NOOP").starts_with("+OK"));
}

TEST_CASE("EVNT shows what happens as it happens") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("EVNT no-such-event").starts_with("-ERR"));
    REQUIRE(manager.command("EVNT login retr").starts_with("+OK"));
    Pop3Client client = server.session(2);
    CHECK(client.command("NOOP").starts_with("+OK"));
    (void)client.retrieve(1);
    client.quit();
    const std::string login = manager.line(), retrieved = manager.line();
    CHECK(login.find(" login ") != std::string::npos);
    CHECK(login.find(" user=user2") != std::string::npos);
    CHECK(retrieved.find(" retr ") != std::string::npos);
    manager.send("\r\n");
    CHECK(manager.line() == ".");
    CHECK(manager.command("NOOP").starts_with("+OK"));
}

TEST_CASE("a follower that reads nothing disturbs nobody and grows nothing") {
    const Server server{50};
    Wire lazy{"127.0.0.1", server.management_port(), {.receive_buffer = 4096}};
    lazy.send("EVNT\r\n");
    const std::size_t before = kilobytes_of(server.pid(), "VmRSS");
    for (int round = 0; round < 40; ++round) {
        std::vector<Pop3Client> clients;
        for (int user = 1; user <= 50; ++user) {
            clients.push_back(server.client());
            const std::string n = std::to_string(user);
            clients.back().send("USER user" + n + "\r\nPASS pass" + n + "\r\nQUIT\r\n");
        }
        for (Pop3Client& client : clients)
            REQUIRE(client.rest().ends_with("+OK Goodbye\r\n"));
    }
    CHECK(kilobytes_of(server.pid(), "VmRSS") < before + 64 * 1024);
    CHECK(metrics(server).historic == 2000);
}

TEST_CASE("other protocols are shown the door at their first line") {
    const Server server{1};
    for (const std::string& first :
         {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("POST /METR HTTP/1.0\r\n\r\nMETR\r\n"),
          std::string("\x16\x03\x01\x00\xa5\x01\x00\x00", 8), std::string("\x16", 1)}) {
        Wire wire{"127.0.0.1", server.management_port()};
        wire.send(first);
        const std::string all = wire.rest(true);
        CHECK(all.starts_with("+OK buzon management ready\r\n-ERR"));
        CHECK(all.find("+OK", 3) == std::string::npos);
        CHECK(std::count(all.begin(), all.end(), '\n') == 2);
    }
    CHECK(server.manager().command("NOOP").starts_with("+OK"));
}

TEST_CASE("without an administrator only harmless commands are allowed") {
    TempDirectory directory;
    const MailServer server{{"-L", "unix:" + (directory / "manage")}};
    ManagementClient manager = server.manager();
    for (const char* command :
         {"TRAN /bin/cat", "DIRR /tmp", "CONF timeout 700", "KICK user1", "USER ADD x y", "USER DEL user1", "SAVE"}) {
        CAPTURE(command);
        CHECK(manager.command(command).starts_with("-ERR"));
    }
    for (const char* command : {"METR", "INFO", "TRAN", "HOST", "PORT", "NOOP", "DIRR"})
        CHECK(manager.command(command).starts_with("+OK"));
    CHECK(server.session().retrieve(1) == as_received(mail_text));
    // The server's own user on the unix socket may do it all.
    ManagementClient owner{"unix:" + (directory / "manage"), 0};
    CHECK(owner.command("TRAN /usr/bin/tr a-z A-Z").starts_with("+OK"));
    CHECK(server.session().retrieve(1).starts_with("SUBJECT"));
}

TEST_CASE("an administrator must say who he is") {
    const MailServer server{with_administrator};
    ManagementClient manager = server.manager();
    for (const char* command : {"METR", "METR *", "INFO", "NOOP"})
        CHECK(manager.command(command).starts_with("+OK"));
    (void)manager;
    ManagementClient other = server.manager();
    for (const char* command : {"TRAN", "TRAN 0", "PORT", "PORT 0", "HOST x", "DIRR", "LOGG", "EVNT", "CONF", "SESS",
                                "KICK 1", "USER LIST", "SAVE"}) {
        CAPTURE(command);
        CHECK(other.command(command).starts_with("-ERR"));
    }
    CHECK(other.command("AUTH root wrong").starts_with("-ERR"));
    CHECK(other.command("AUTH other s3cr3t").starts_with("-ERR"));
    CHECK(other.command("AUTH root").starts_with("-ERR"));
    CHECK(other.command("TRAN").starts_with("-ERR"));
    CHECK(other.command("AUTH root s3cr3t").starts_with("+OK"));
    CHECK(other.command("TRAN") == "+OK off");
    CHECK(server.log().find("s3cr3t") == std::string::npos);
}

TEST_CASE("SESS shows sessions and KICK ends them without UPDATE") {
    const MailServer server{with_administrator};
    ManagementClient manager = administrator(server);
    Pop3Client one = server.session(1), two = server.session(2), nobody = server.client();
    CHECK(one.command("DELE 1").starts_with("+OK"));
    (void)two.retrieve(1);
    REQUIRE(manager.command("SESS").starts_with("+OK"));
    std::string id;
    int with_user = 0, without = 0;
    for (const std::string& line : manager.body_lines()) {
        CAPTURE(line);
        std::istringstream words{line};
        std::string number, user, address;
        words >> number >> user >> address;
        CHECK(address.find("127.0.0.1") != std::string::npos);
        if (user == "user1") id = number;
        ++(user == "-" ? without : with_user);
    }
    CHECK(with_user == 2);
    CHECK(without == 1);
    REQUIRE(!id.empty());
    CHECK(manager.command("KICK " + id).starts_with("+OK"));
    CHECK(one.rest(true).empty());
    CHECK(manager.command("KICK user2").starts_with("+OK"));
    CHECK(two.rest(true).empty());
    CHECK(manager.command("KICK user2").starts_with("-ERR"));
    CHECK(manager.command("KICK 999999999").starts_with("-ERR"));
    for (const char* user : {"user1", "user2"})
        CHECK(server.maildir(user).messages() == std::vector<std::string>{"new/1700000001.M1P1.h"});
    CHECK(eventually([&] { return metrics(server).online == 0; }));
    CHECK(nobody.command("QUIT").starts_with("+OK"));
}

TEST_CASE("CONF shows and changes settings and refuses bad values") {
    const MailServer server{with_administrator};
    ManagementClient manager = administrator(server);
    REQUIRE(manager.command("CONF").starts_with("+OK"));
    std::map<std::string, std::string> settings;
    for (const std::string& line : manager.body_lines())
        settings[line.substr(0, line.find(' '))] = line.substr(std::min(line.size(), line.find(' ') + 1));
    for (const char* name :
         {"timeout", "login-timeout", "max-connections", "max-per-ip", "max-message-size", "disable"}) {
        CAPTURE(name);
        CHECK(settings.count(name) == 1);
    }
    CHECK(manager.ask("CONF timeout") == "600");
    CHECK(manager.command("CONF timeout 1234").starts_with("+OK"));
    CHECK(manager.ask("CONF timeout") == "1234");
    for (const char* wrong : {"CONF timeout -1", "CONF timeout x", "CONF no-such-setting", "CONF no-such-setting 1",
                              "CONF max-per-ip x", "CONF disable RETR"}) {
        CAPTURE(wrong);
        CHECK(manager.command(wrong).starts_with("-ERR"));
    }
    CHECK(manager.ask("CONF timeout") == "1234");
    CHECK(manager.command("CONF disable TOP,UIDL").starts_with("+OK"));
    Pop3Client client = server.session();
    CHECK(client.command("TOP 1 0").starts_with("-ERR"));
    CHECK(client.command("UIDL").starts_with("-ERR"));
    CHECK(manager.command("CONF max-message-size 5").starts_with("+OK"));
    CHECK(client.command("RETR 1").starts_with("-ERR [SYS/PERM]"));
    CHECK(client.command("LIST 1").starts_with("+OK"));
    CHECK(manager.command("CONF max-message-size 0").starts_with("+OK"));
    CHECK(client.retrieve(1) == as_received(mail_text));
}

TEST_CASE("USER adds and removes users at run time") {
    const MailServer server{with_administrator};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("USER ADD ana una clave larga").starts_with("+OK"));
    CHECK(std::filesystem::is_directory(server.root() + "/ana/new"));
    {
        Pop3Client client = server.client();
        client.login("ana", "una clave larga");
    }
    REQUIRE(manager.command("USER LIST").starts_with("+OK"));
    const std::string list = manager.body();
    CHECK(list.find("ana") != std::string::npos);
    CHECK(list.find("clave") == std::string::npos);
    CHECK(list.find("pass1") == std::string::npos);
    for (const char* wrong :
         {"USER ADD ../x y", "USER ADD a/b y", "USER ADD . y", "USER ADD x", "USER DEL nobody", "USER"})
        CHECK(manager.command(wrong).starts_with("-ERR"));
    CHECK(manager.command("USER DEL ana").starts_with("+OK"));
    CHECK(std::filesystem::is_directory(server.root() + "/ana/new"));
    Pop3Client client = server.client();
    (void)client.command("USER ana");
    CHECK(client.command("PASS una clave larga").starts_with("-ERR [AUTH]"));
}

TEST_CASE("SAVE writes run time changes into the files they came from") {
    TempDirectory directory;
    std::filesystem::create_directory(directory / "mail");
    const std::string users = directory.file("users", "# the keepers\nzoe:{PLAIN}z\n\nana:{PLAIN}a\n", 0640);
    const std::string config = directory.file("config",
                                              "# the tower\ntimeout = 700   # long\npath = " + (directory / "mail") +
                                                  "\nip = 127.0.0.1\nmgmt-ip = 127.0.0.1\nusers = " + users + "\n",
                                              0600);
    Server::Setup setup;
    setup.arguments = {"--config", config, "-a", "root:s3cr3t"};
    setup.own_addresses = setup.own_root = true;
    const Server server{setup};
    ManagementClient manager = administrator(server);
    CHECK(manager.command("CONF timeout 800").starts_with("+OK"));
    CHECK(manager.command("USER ADD bea b").starts_with("+OK"));
    CHECK(manager.command("USER DEL ana").starts_with("+OK"));
    CHECK(manager.command("SAVE").starts_with("+OK"));
    const std::string saved = read_whole(config), keepers = read_whole(users);
    CHECK(saved.find("# the tower\ntimeout = 800") == 0);
    CHECK(keepers.starts_with("# the keepers\nzoe:{PLAIN}z\n"));
    CHECK(keepers.find("bea:") != std::string::npos);
    CHECK(keepers.find("ana:") == std::string::npos);
    CHECK(std::filesystem::status(users).permissions() == std::filesystem::perms(0640));
    CHECK(std::filesystem::status(config).permissions() == std::filesystem::perms(0600));
    for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) {
        const std::string name = entry.path().filename().string();
        CHECK((name == "mail" || name == "users" || name == "config" || name == "log"));
    }
}

TEST_CASE("the metrics listener speaks HTTP and nothing else") {
    TempDirectory mail;
    Server::Setup setup;
    setup.arguments = {"--metrics", "127.0.0.1:0", "-u", "user1:pass1"};
    const Server server{setup};
    server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("INFO *").starts_with("+OK"));
    std::uint16_t port = 0;
    for (const std::string& line : manager.body_lines())
        (void)std::sscanf(line.c_str(), "metrics 127.0.0.1:%hu", &port);
    REQUIRE(port != 0);
    const auto ask = [&](const std::string& request) {
        Wire wire{"127.0.0.1", port};
        wire.send(request);
        return wire.rest(true);
    };
    for (const char* version : {"HTTP/1.0", "HTTP/1.1"}) {
        const std::string answer =
            ask(std::string("GET /metrics ") + version + "\r\nHost: x\r\nConnection: close\r\n\r\n");
        CHECK(answer.starts_with("HTTP/1."));
        CHECK(answer.find(" 200 ") < 15);
        CHECK(answer.find("\r\n\r\n") != std::string::npos);
        CHECK(answer.find("# TYPE ") != std::string::npos);
        const std::string head =
            ask(std::string("HEAD /metrics ") + version + "\r\nHost: x\r\nConnection: close\r\n\r\n");
        CHECK(head.ends_with("\r\n\r\n"));
    }
    CHECK(ask("GET /other HTTP/1.0\r\n\r\n").find(" 404 ") < 15);
    CHECK(ask("POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n").find(" 405 ") < 15);
    CHECK(ask("METR\r\n\r\n").find("+OK") == std::string::npos);
    const Finished curl =
        run({"curl", "-sS", "--max-time", "30", "http://127.0.0.1:" + std::to_string(port) + "/metrics"});
    CHECK(curl.code == 0);
    CHECK(curl.out.find("buzon") != std::string::npos);
}
