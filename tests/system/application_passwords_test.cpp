#include <filesystem>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

// "ana" with a main secret and four application passwords. No secret may appear in a reply or in the log.
struct World {
    explicit World(Words arguments = {}) {
        users = directory.file("users",
                               "ana:{PLAIN}geheim1::::::buzon_secret=phone:{PLAIN}geheim2;rights=read "
                               "buzon_secret=tv:{SHA256.hex}" +
                                   hash_of_geheim3 +
                                   ";rights=keep buzon_secret=old:{PLAIN}geheim4;expires=2020-01-01 "
                                   "buzon_secret=office:{PLAIN}geheim5;nets=192.0.2.0/24\n",
                               0600);
        for (const Words& more : {Words{"--users", users}, with_administrator})
            arguments.insert(arguments.end(), more.begin(), more.end());
        server = std::make_unique<Server>(1, arguments);
        for (const char* name : {"1700000001.M1P1.h", "1700000002.M1P1.h"})
            (void)server->maildir("ana").deliver(name, "Subject: one\n\n");
    }
    [[nodiscard]] std::string answer(const std::string& password, const std::string& user = "ana") const {
        Pop3Client client = server->client();
        (void)client.command("USER " + user);
        return client.command("PASS " + password);
    }
    [[nodiscard]] Pop3Client session(const std::string& password) const {
        Pop3Client client = server->client();
        client.login("ana", password);
        return client;
    }

    const std::string hash_of_geheim3 = "1c20d1f4da385b365f70a363c8a13687f13fd4f634d46dfc9371d07a671db2ae";
    TempDirectory directory;
    std::string users;
    std::unique_ptr<Server> server;
};

constexpr const char* wrong = "-ERR [AUTH] Password incorrect";

} // namespace

TEST_CASE("each of a user's passwords grants its own rights; an expired or out-of-network one counts as wrong") {
    World world;
    {
        Pop3Client main = world.session("geheim1");
        CHECK(main.command("DELE 1").starts_with("+OK"));
        CHECK(main.command("RSET").starts_with("+OK"));
        main.quit();
    }
    for (int time = 0; time < 2; ++time) { // the second time, the server remembers the check
        Pop3Client phone = world.session("geheim2");
        CHECK(phone.retrieve(1) == "Subject: one\r\n\r\n");
        CHECK(phone.command("DELE 1") == "-ERR [SYS/PERM] This password may only read mail, not delete it");
        CHECK(phone.command("STAT").starts_with("+OK 2 "));
        phone.quit();
    }
    Pop3Client tv = world.session("geheim3");
    CHECK(tv.command("DELE 1").starts_with("+OK"));
    tv.quit();
    const std::string trash = world.server->root() + "/ana/buzon-trash";
    REQUIRE(std::filesystem::exists(trash)); // rights=keep, although undelete-grace is 0
    CHECK(world.answer("geheim4") == wrong);
    CHECK(world.answer("geheim5") == wrong);
    CHECK(world.answer("phone") == wrong);

    ManagementClient manager = administrator_of(*world.server);
    CHECK(manager.ask("UNDL ana") == "1");
    const std::string why = manager.many("WHYY ana");
    CHECK(why.find("reason=\"application password old has expired\"") != why.npos);
    CHECK(why.find("reason=\"application password office is not allowed from this address\"") != why.npos);
    CHECK(why.find("secret=phone") != why.npos);
    CHECK(why.find("secret=tv") != why.npos);
    CHECK(eventually([&] {
        const std::string log = world.server->log();
        return log.find("secret=phone") != log.npos && log.find("secret=tv") != log.npos;
    }));
    Pop3Client reader = world.session("geheim2");
    const std::string report = reader.many("REPORT");
    CHECK(report.find("retr=1 dele=0") != report.npos);
    CHECK(report.find("end=quit secret=phone") != report.npos);
    CHECK(report.find("secret=tv") != report.npos);
}

TEST_CASE("managers add, list and remove application passwords, and SAVE writes them to the users file") {
    World world;
    ManagementClient manager = administrator_of(*world.server);
    CHECK(manager.many("USER SECRET LIST ana") == "phone rights=read\r\ntv rights=keep\r\n"
                                                  "old expires=2020-01-01 expired\r\noffice nets=192.0.2.0/24\r\n");
    CHECK(manager.command("USER SECRET LIST nobody") == "-ERR no such user");
    CHECK(manager.command("USER SECRET ADD ana laptop;rights=read geheim6 with blanks").starts_with("+OK"));
    CHECK(manager.command("USER SECRET ADD ana laptop x") == "-ERR the label already exists");
    CHECK(manager.command("USER SECRET ADD ana lap/top x").starts_with("-ERR a label must be"));
    CHECK(manager.command("USER SECRET ADD ana l;right=read x").starts_with("-ERR unknown limit: use expires="));
    CHECK(manager.command("USER SECRET ADD nobody l x") == "-ERR no such user");
    CHECK(manager.command("USER SECRET ADD ana l").starts_with("-ERR"));
    CHECK(manager.command("USER SECRET DEL ana none") == "-ERR no such label");
    CHECK(manager.command("USER SECRET DEL ana phone").starts_with("+OK"));
    CHECK(world.answer("geheim2") == wrong);
    {
        Pop3Client laptop = world.session("geheim6 with blanks");
        CHECK(laptop.command("DELE 1").starts_with("-ERR [SYS/PERM]"));
    }
    CHECK(manager.command("USER PASS ana geheim7").starts_with("+OK"));
    CHECK(world.answer("geheim1") == wrong);
    CHECK(world.answer("geheim7").starts_with("+OK"));
    CHECK(world.answer("geheim3").starts_with("+OK")); // from the file
    CHECK(world.answer("geheim6 with blanks").starts_with("+OK"));
    CHECK(manager.command("SAVE").starts_with("+OK"));

    const std::string saved = buzon::posix::read_file(world.users.c_str(), 65536).value();
    CHECK(saved.find("buzon_secret=phone") == saved.npos);
    CHECK(saved.find(" buzon_secret=laptop:{SCRAM-SHA-256}") != saved.npos);
    CHECK(saved.find(";rights=read\n") != saved.npos);
    CHECK(saved.find("buzon_secret=tv:{SHA256.hex}" + world.hash_of_geheim3 + ";rights=keep") != saved.npos);
    Server again{1, {"--users", world.users}};
    Pop3Client client = again.client();
    client.login("ana", "geheim6 with blanks");
    const std::string log = world.server->log() + again.log();
    CHECK(log.find("geheim") == log.npos);
    CHECK(log.find("{SCRAM") == log.npos);
}

TEST_CASE("APOP accepts the main secret but not an application password") {
    World world;
    Pop3Client client = world.server->client();
    const std::string timestamp = client.greeting().substr(client.greeting().find('<'));
    const auto apop = [&](const std::string& secret) {
        const Finished sum = run({"/usr/bin/md5sum"}, timestamp + secret);
        return client.command("APOP ana " + sum.out.substr(0, 32));
    };
    CHECK(apop("geheim2") == wrong);
    CHECK(apop("geheim1").starts_with("+OK"));
}

TEST_CASE("--check names the line of an application password that cannot be used") {
    const TempDirectory directory;
    std::filesystem::create_directory(directory / "mail");
    const std::string users =
        directory.file("users", "bo:{PLAIN}b\nana:{PLAIN}a::::::buzon_secret=tv:{PLAIN}geheim;expires=soon\n", 0600);
    const Finished checked = run_server({"--check", "-d", directory / "mail", "--users", users});
    CHECK(checked.code == 0);
    CHECK(checked.err.find(users + " line 2: ana: application password tv: expires= needs a date: YYYY-MM-DD; "
                                   "nobody can log in with it\n") != checked.err.npos);
    CHECK(checked.err.find("geheim") == checked.err.npos);
}
