// bin/client without a terminal: one command, scripts, exit codes, what goes to which stream.
#include "program.h"

#include <cstdlib>
#include <fstream>

#include "fake_server.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/programs.h"
#include "support/temp_directory.h"

namespace {

const Replies usual = {{"METR", "+OK 41;5000;2;7\r\n"},
                       {"METR *", "+OK\r\nmessages 41\r\nbytes 5000\r\n.\r\n"},
                       {"LOGG", "+OK\r\n..dots\r\nline\r\n.\r\n"},
                       {"NEWW", "+OK\r\nof a later server\r\n.\r\n"},
                       {"EVNT", "@live"},
                       {"DIED", "@close"},
                       {"AUTH ROOT RIGHT HORSE", "+OK welcome\r\n"}};

std::vector<std::string> to(const FakeServer& server, std::vector<std::string> words,
                            std::vector<std::string> front = {}) {
    front.insert(front.end(), {"127.0.0.1", server.port()});
    front.insert(front.end(), words.begin(), words.end());
    return front;
}

} // namespace

TEST_CASE("a single command prints its result, and the exit code says whether it succeeded") {
    const FakeServer server{usual};
    const Finished good = run_client(to(server, {"METR"}));
    CHECK(good.code == 0);
    CHECK(good.out == "messages    41\nbytes     5000\nonline       2\nhistoric     7\n");
    CHECK(good.err.empty());
    const Finished bad = run_client(to(server, {"WHAT"}));
    CHECK(bad.code == 1);
    CHECK(bad.out.empty());
    CHECK(bad.err == "-ERR unknown command\n");
}

TEST_CASE("raw and JSON output goes to stdout, and so does a refusal in JSON") {
    const FakeServer server{usual};
    CHECK(run_client(to(server, {"LOGG"}, {"--raw"})).out == "+OK\n..dots\nline\n.\n");
    CHECK(
        run_client(to(server, {"METR", "*"}, {"--json"})).out ==
        R"({"status":"+OK","text":"","values":{"messages":41,"bytes":5000},"metrics":{"messages":41,"bytes":5000},"lines":["messages 41","bytes 5000"]})"
        "\n");
    const Finished bad = run_client(to(server, {"WHAT"}, {"--json"}));
    CHECK(bad.code == 1);
    CHECK(bad.out == R"({"status":"-ERR","text":"unknown command"})"
                     "\n");
    CHECK(bad.err.empty());
}

TEST_CASE("the client sends QUIT at the end") {
    const FakeServer server{usual};
    run_client(to(server, {"METR"}));
    CHECK(server.heard() == "METR\nQUIT\n");
}

TEST_CASE("the reply to a command that the client does not know is shown in full") {
    const FakeServer server{usual};
    const Finished shown = run_client(to(server, {"NEWW"}));
    CHECK(shown.code == 0);
    CHECK(shown.out == "of a later server\n");
}

TEST_CASE("the exit code is 69 if there is no server, it hangs up or it is not a management service") {
    FakeServer server{usual};
    CHECK(run_client(to(server, {"DIED"})).code == 69);
    const FakeServer web{{}, "HTTP/1.1 400 Bad Request\r\n"};
    CHECK(run_client(to(web, {"METR"})).code == 69);
    const FakeServer other{{}, "+OK POP3 server ready <1.2@host>\r\n"};
    const Finished no_managers = run_client(to(other, {"METR"}));
    CHECK(no_managers.code == 69);
    CHECK(no_managers.out.empty());
    CHECK(no_managers.err ==
          "client: 127.0.0.1:" + other.port() +
              ": this is not a management service; its management port is 1111 unless -P says otherwise\n");
    CHECK(other.heard().empty());
    const FakeServer full{{}, "-ERR [SYS/TEMP] too many\r\n"};
    const Finished refused = run_client(to(full, {"METR"}));
    CHECK(refused.code == 69);
    CHECK(refused.err == "client: 127.0.0.1:" + full.port() + ": refused: [SYS/TEMP] too many\n");
    const std::vector<std::string> again = to(server, {"METR"});
    server.kill();
    const Finished nobody = run_client(again);
    CHECK(nobody.code == 69);
    CHECK(nobody.err == "client: 127.0.0.1:" + again[1] +
                            ": Connection refused; is the server running, and is this its management port (-P)?\n");
    CHECK(run_client({"unix:/nonexistent/socket", "METR"}).code == 69);
}

TEST_CASE("wrong usage gives exit code 64 and one line, and nothing is sent") {
    const FakeServer server{usual};
    for (const auto& arguments : {to(server, {"METR\nQUIT"}), to(server, {""}), to(server, {}, {"--what"})}) {
        const Finished wrong = run_client(arguments);
        CHECK(wrong.code == 64);
        CHECK(wrong.out.empty());
        CHECK(wrong.err.find("client: ") == 0);
        CHECK(wrong.err.find('\n') == wrong.err.size() - 1);
    }
    CHECK(server.heard().empty());
}

TEST_CASE("help and version go to stdout") {
    CHECK(run_client({"--help"}).code == 0);
    CHECK(run_client({"-h"}).out.find("usage: client") == 0);
    CHECK(run_client({"--version"}).out == "buzon client " BUZON_VERSION "\n");
}

TEST_CASE("commands from a pipe run in order, up to the end or QUIT") {
    const FakeServer server{usual};
    const Finished all = run_client(to(server, {}, {"--raw"}), "METR\n\n  # a comment\r\nLOGG\r\nNOOP");
    CHECK(all.code == 0);
    CHECK(all.out == "+OK 41;5000;2;7\n+OK\n..dots\nline\n.\n+OK done\n");
    const Finished quit = run_client(to(server, {}, {"--raw"}), "NOOP\nQUIT\nMETR\n");
    CHECK(quit.code == 0);
    CHECK(quit.out == "+OK done\n+OK goodbye\n");
}

TEST_CASE("a script goes on after a refusal, and the exit code reports it") {
    const FakeServer server{usual};
    const Finished some = run_client(to(server, {}, {"--raw"}), "WHAT\nNOOP\n");
    CHECK(some.code == 1);
    CHECK(some.out == "-ERR unknown command\n+OK done\n");
    CHECK(run_client(to(server, {}), "NOOP\nDIED\nNOOP\n").code == 69);
    CHECK(run_client(to(server, {}), "").code == 0);
}

TEST_CASE("a script may be indented, and ends at QUIT even if a word follows it") {
    const FakeServer server{usual};
    const Finished all = run_client(to(server, {}, {"--raw"}), "  METR\n\t NOOP\n \t \n");
    CHECK(all.code == 0);
    CHECK(all.out == "+OK 41;5000;2;7\n+OK done\n");
    CHECK(server.heard().find("\nNOOP\n") != std::string::npos);
    const FakeServer polite{{{"QUIT NOW", "+OK goodbye\r\n"}}};
    CHECK(run_client(to(polite, {}), "QUIT now\nMETR\n").code == 0);
    CHECK(polite.heard().find("METR") == std::string::npos);
}

TEST_CASE("the client works with closed standard descriptors, and opens nothing under their numbers") {
    const FakeServer server{usual};
    const std::string client = "timeout 60 " + buzon::test::client_program() + " 127.0.0.1 " + server.port();
    for (const char* closed : {" <&-", " METR <&- >&-", " <&- >&- 2>&-", " METR 2>&-"})
        CHECK(std::system((client + closed +
                           (std::string_view{closed}.find('>') == std::string_view::npos ? " >/dev/null" : ""))
                              .c_str()) == 0);
    // A socket with stdout's number would have received our output.
    CHECK(server.heard().find("messages") == std::string::npos);
}

TEST_CASE("in a script the next line or the end of input ends a live command, and that line is not run") {
    const FakeServer server{usual};
    const Finished next = run_client(to(server, {}, {"--raw"}), "EVNT\nMETR\nNOOP\n");
    CHECK(next.code == 0);
    // How many events come before the next line is seen depends on the network.
    CHECK(next.out.substr(0, 4) == "+OK\n");
    CHECK(next.out.ends_with("\n.\n+OK done\n"));
    CHECK(next.out.find("41;") == std::string::npos);
    CHECK(run_client(to(server, {}, {"--raw"}), "EVNT\n").code == 0);
    CHECK(server.heard().find("METR") == std::string::npos);
}

TEST_CASE("an administrator's password comes from the environment and is sent first") {
    const FakeServer server{usual};
    const Finished good = run_client(to(server, {"METR"}, {"--auth", "root"}), {}, {"BUZON_PASSWORD=right horse"});
    CHECK(good.code == 0);
    CHECK(server.heard() == "AUTH root right horse\nMETR\nQUIT\n");
    const Finished bad = run_client(to(server, {"METR"}, {"--auth", "root"}), {}, {"BUZON_PASSWORD=wrong"});
    CHECK(bad.code == 1);
    CHECK(bad.out.empty());
    CHECK(bad.err == "client: login refused: unknown command\n");
    const Finished none = run_client(to(server, {"METR"}, {"--auth", "root"}));
    CHECK(none.code == 64);
    const Finished two_lines = run_client(to(server, {"METR"}, {"--auth", "root"}), {}, {"BUZON_PASSWORD=a\nDIED"});
    CHECK(two_lines.code == 64);
}

TEST_CASE("USER ADD and USER PASS without a password read it from the first line of a pipe") {
    const FakeServer server{{{"USER ADD BOB OPEN SESAME ", "+OK done\r\n"}}};
    CHECK(run_client(to(server, {"USER", "ADD", "bob"}), "open sesame \nnot this\n").code == 0);
    CHECK(run_client(to(server, {"USER PASS bob"}), "x").code == 1);
    CHECK(server.heard() == "USER ADD bob open sesame \nQUIT\nUSER PASS bob x\nQUIT\n");
}

TEST_CASE("on a terminal, USER ADD asks twice for the password, without echo") {
    const FakeServer server{{{"USER ADD BOB ABC", "+OK done\r\n"}}};
    TerminalClient good{to(server, {"USER", "ADD", "bob"})};
    good.wait_cursor("Password: |");
    good.type("abc\r");
    good.wait_cursor("Again: |");
    good.type("abc\r");
    CHECK(good.wait_end() == 0);
    CHECK(good.screen().text() == "Password:\nAgain:\ndone\n");
    TerminalClient slip{to(server, {"USER", "ADD", "bob"})};
    slip.wait_cursor("Password: |");
    slip.type("abc\r");
    slip.wait_cursor("Again: |");
    slip.type("abd\r");
    CHECK(slip.wait_end() == 64);
    CHECK(server.heard().find("abd") == std::string::npos);
}

TEST_CASE("BUZON_SERVER and --server name the server; an address before the command overrides BUZON_SERVER") {
    const FakeServer server{usual}, other{usual};
    const std::string name = "127.0.0.1:" + server.port();
    CHECK(run_client({"--raw", "METR"}, "", {"BUZON_SERVER=" + name}).out == "+OK 41;5000;2;7\n");
    CHECK(run_client({"--raw"}, "METR\n", {"BUZON_SERVER=" + name}).out == "+OK 41;5000;2;7\n");
    CHECK(run_client({"--raw", "--server=" + name, "METR"}, "", {"BUZON_SERVER=nowhere.invalid"}).code == 0);
    CHECK(run_client(to(other, {"METR"}), "", {"BUZON_SERVER=" + name}).code == 0);
    CHECK(other.heard() == "METR\nQUIT\n");
    CHECK(run_client({}).code == 64);
}

TEST_CASE("the client gives up on a silent server after --timeout, with a hint") {
    const FakeServer server{{{"METR", "@silent"}}};
    const Finished silent = run_client(to(server, {"METR"}, {"--timeout", "1"}));
    CHECK(silent.code == 69);
    CHECK(silent.err == "client: 127.0.0.1:" + server.port() + ": no reply within 1 s (--timeout waits longer)\n");
}

TEST_CASE("METR * without quotes, which a shell expands to file names, prints a hint about what to write") {
    const FakeServer server{usual};
    const buzon::test::TempDirectory folder;
    buzon::test::Launch in_a_shell{
        {"sh", "-c", buzon::test::client_program() + " 127.0.0.1 " + server.port() + " METR *"}};
    in_a_shell.directory = folder.path();
    CHECK(buzon::test::run(in_a_shell).code == 0); // no file, so the star stays
    std::ofstream{folder / "one"} << "x";
    for (const char* more : {"one", "two"}) {
        std::ofstream{folder / more} << "x";
        const auto end = buzon::test::run(in_a_shell);
        CHECK(end.code == 1);
        CHECK(end.err == "-ERR unknown command\nclient: a shell replaces * by the names of files; write ALL\n");
    }
    CHECK(run_client(to(server, {"METR", "nothing"})).err == "-ERR unknown command\n");
}

TEST_CASE("a refusal for lack of rights says what to do next") {
    const FakeServer server{{{"SAVE", "-ERR [AUTH] log in with AUTH first\r\n"}}};
    const Finished refused = run_client(to(server, {"SAVE"}));
    CHECK(refused.code == 1);
    CHECK(refused.err.starts_with(
        "-ERR [AUTH] log in with AUTH first\nclient: an administrator is needed: --auth NAME;"));
}
