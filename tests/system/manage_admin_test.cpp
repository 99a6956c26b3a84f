// system/manage_admin_test.cpp - who may manage, and what only an administrator may do: SESS, KICK, CONF, USER, SAVE.
#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

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
    CHECK(server.session().retrieve(1) == as_received(managed_mail));
    // On the unix socket, the server's own user may do everything.
    ManagementClient owner{"unix:" + (directory / "manage"), 0};
    CHECK(owner.command("TRAN /usr/bin/tr a-z A-Z").starts_with("+OK"));
    CHECK(server.session().retrieve(1).starts_with("SUBJECT"));
}

TEST_CASE("if there is an administrator, all but harmless commands require AUTH") {
    const MailServer server{with_administrator};
    ManagementClient manager = server.manager();
    for (const char* command : {"METR", "METR historic", "INFO", "NOOP"})
        CHECK(manager.command(command).starts_with("+OK"));
    CHECK(manager.command("METR *").starts_with("+OK"));
    CHECK(manager.body_lines().size() > 4);
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
    ManagementClient manager = administrator_of(server);
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
    CHECK(eventually([&] { return metrics_of(server).online == 0; }));
    CHECK(nobody.command("QUIT").starts_with("+OK"));
}

TEST_CASE("CONF shows and changes settings and refuses bad values") {
    const MailServer server{with_administrator};
    ManagementClient manager = administrator_of(server);
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
    CHECK(client.retrieve(1) == as_received(managed_mail));
}

TEST_CASE("USER adds and removes users at run time") {
    const MailServer server{with_administrator};
    ManagementClient manager = administrator_of(server);
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

TEST_CASE("at max-managers, a newcomer displaces the connection that has waited longest without logging in") {
    const std::string refusal = "-ERR too many management connections, try again later";
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"--max-managers", "3"});
    const MailServer server{arguments};
    ManagementClient first = administrator_of(server);
    ManagementClient silent = server.manager(), later = server.manager();
    ManagementClient second = administrator_of(server);
    CHECK(silent.line() == refusal);
    CHECK(silent.ended());
    CHECK(later.command("NOOP") == "+OK done");
    ManagementClient third = administrator_of(server);
    CHECK(later.line() == refusal);
    LineClient nobody{"127.0.0.1", server.management_port()};
    CHECK(nobody.line() == refusal); // all of them have logged in
    CHECK(nobody.ended());
    for (ManagementClient* const administrator : {&first, &second, &third})
        CHECK(administrator->command("CONF max-managers") == "+OK 3");
}

TEST_CASE("at max-managers, connections that need no login are never displaced") {
    const MailServer server{{"--max-managers", "1"}};
    ManagementClient manager = server.manager();
    LineClient nobody{"127.0.0.1", server.management_port()};
    CHECK(nobody.line().starts_with("-ERR too many"));
    CHECK(manager.command("NOOP") == "+OK done");
}

TEST_CASE("SAVE writes run-time changes to the files that the settings came from") {
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
    ManagementClient manager = administrator_of(server);
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
