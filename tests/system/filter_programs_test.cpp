// system/filter_programs_test.cpp - programs that people use with -T, over all the sample mail: a client gets what the
// program writes when run by hand, in wire form.
#include <signal.h>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::filesystem::path sample = std::filesystem::path(source_directory()) / "maildir-sample";

// The demo with an administrator, so that one server can run all the programs.
struct Demo : Server {
    // Under AddressSanitizer the server's own programs need terabytes of address space.
    Demo()
        : Server{Setup{.arguments = {"--default", "-a", "root:s3cr3t", "--transform-memory", "0"},
                       .own_addresses = true,
                       .own_root = true}} {}
};

// All of a user's sample mail as the shell line transforms it, sorted.
std::vector<std::string> by_hand(int user, const std::string& shell_line) {
    const Maildir maildir{sample / ("user" + std::to_string(user))};
    std::vector<std::string> mails;
    for (const std::string& name : maildir.messages()) {
        const Finished end =
            run(Launch{.argv = {"/bin/sh", "-c", "{ " + shell_line + "; } < \"$1\"", "by-hand", maildir.path() / name},
                       .environment = {{"LANG", "C.UTF-8"}},
                       .directory = "/"});
        CAPTURE(name, end.err);
        CHECK(end.code == 0);
        mails.push_back(as_received(end.out));
    }
    std::sort(mails.begin(), mails.end());
    return mails;
}

std::vector<std::string> retrieved(const Server& server, int user) {
    Pop3Client client = server.session(user);
    const std::string stat = client.command("STAT");
    std::vector<std::string> mails;
    for (int i = 1; i <= std::stoi(stat.substr(4)); ++i) mails.push_back(client.retrieve(i));
    client.quit();
    std::sort(mails.begin(), mails.end());
    return mails;
}

std::string bin_of(const std::string& program) {
    return (std::filesystem::path{server_program()}.parent_path() / program).string();
}

void check(const Server& server, const std::string& spec, const std::string& shell_line) {
    CAPTURE(spec);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    REQUIRE(manager.command("TRAN " + spec) == "+OK on " + spec);
    for (int user = 1; user <= 6; ++user) {
        CAPTURE(user);
        CHECK(difference(retrieved(server, user), by_hand(user, shell_line)) == "");
    }
}

// A private spamd on a unix socket, with its own rules: those of the package get updated, and are slow.
class Spamd {
public:
    Spamd() {
        // It reads its rules after it has given up root.
        std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
        std::filesystem::create_directory(directory_.path() / "rules");
        (void)directory_.file("rules/v320.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n");
        (void)directory_.file("rules/local.cf", "required_score 1\nreport_safe 0\nuse_bayes 0\nutil_rb_tld com org es\n"
                                                "rewrite_header Subject [spam]\nbody PAGO /pago/i\nscore PAGO 2\n"
                                                "header __SUBJECT exists:Subject\n");
        const std::string rules = directory_ / "rules";
        process_.emplace(Launch{.argv = {"/usr/sbin/spamd", "-L", "-x", "-m", "2", "-s", "null", "-C", rules,
                                         "--siteconfigpath=" + rules, "--socketpath=" + socket()}});
        REQUIRE(eventually(
            [&] {
                return run({"/usr/bin/spamc", "-x", "-U", socket()}, "Subject: a\n\nb\n").code == 0;
            },
            Seconds{120}));
    }
    ~Spamd() {
        process_->signal(SIGTERM); // its children go with it
        (void)process_->wait();
    }
    [[nodiscard]] std::string socket() const { return directory_ / "spamd"; }

private:
    TempDirectory directory_;
    std::optional<Process> process_;
};

} // namespace

TEST_CASE("spamc and buzon-spamd transform the sample mail as spamc does by hand") {
    const Spamd spamd;
    const Demo server;
    const std::string spamc = "/usr/bin/spamc -U " + spamd.socket();
    check(server, spamc, spamc);
    Pop3Client client = server.session(1);
    CHECK(client.retrieve(1).find("Subject: [spam] Asunto del Correo\r\n") != std::string::npos);
    client.quit();
    check(server, "process:" + bin_of("buzon-spamd") + " -U " + spamd.socket(), spamc);
}

TEST_CASE("buzon-each transforms the sample mail as its program does by hand") {
    const Demo server;
    check(server, "process:" + bin_of("buzon-each") + " /usr/bin/sed s/e/x/g", "/usr/bin/sed s/e/x/g");
    check(server,
          "process:" + bin_of("buzon-each") + " /usr/bin/tr a-z A-Z | /bin/cat | process:" + bin_of("buzon-each") +
              " /bin/cat",
          "/usr/bin/tr a-z A-Z");
}

TEST_CASE("sed, tr, cat, and gzip with base64 transform the sample mail as they do by hand") {
    const Demo server;
    check(server, "/usr/bin/sed:s/e/x/g", "/usr/bin/sed s/e/x/g");
    check(server, "/usr/bin/tr a-z A-Z", "/usr/bin/tr a-z A-Z");
    check(server, "/bin/cat", "/bin/cat");
    check(server, "/bin/gzip -n9 | /usr/bin/base64 -w 76", "/bin/gzip -n9 | /usr/bin/base64 -w 76");
    check(server, "/bin/gzip:-n9 | /usr/bin/base64 | /usr/bin/base64:-d | /bin/gzip -d", "/bin/cat");
}

TEST_CASE("renattach and altermime transform the sample mail as they do by hand") {
    const Demo server;
    TempDirectory directory;
    const std::string conf = directory.file("renattach.conf", "delete_exe = no\nbadlist = EXE, COM, PNG, PDF\n");
    check(server, "/usr/bin/renattach -b -c " + conf, "/usr/bin/renattach -b -c " + conf);
    const std::string text = directory.file("disclaimer.txt", "\n-- \nSolo para el destinatario.\n");
    check(server, "/usr/bin/altermime --input=- '--disclaimer=" + text + "'",
          "/usr/bin/altermime --input=- --disclaimer=" + text);
}
