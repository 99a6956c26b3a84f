// What a newcomer reads and types: the demo's advice on a terminal, and README's first session.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/programs.h"
#include "support/temp_directory.h"

namespace {

// The demo, with its stdout on a terminal.
class DemoAtTerminal {
public:
    explicit DemoAtTerminal(const std::string& temporary)
        : master_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)} {
        ::grantpt(master_.get());
        ::unlockpt(master_.get());
        const buzon::posix::UniqueFd terminal{::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
        REQUIRE(terminal);
        buzon::test::Launch launch{{buzon::test::server_program(), "--default", "-p", "0", "-P", "0"}};
        launch.environment["TMPDIR"] = temporary;
        launch.standard[1] = terminal.get();
        process_.emplace(launch);
        REQUIRE(buzon::test::eventually([this] { return read().find("Ctrl-C ends the demo.") != std::string::npos; }));
    }

    // Everything that it has written so far. Lines end with CRLF, as on a terminal.
    const std::string& read() {
        char piece[1024];
        for (;;) {
            const buzon::posix::Transfer got = buzon::posix::read_some(master_.get(), piece);
            if (got.what != buzon::posix::Moved::some) return text_;
            text_.append(piece, got.bytes);
        }
    }
    // What the only group of the regex `form` matches in that text.
    [[nodiscard]] std::string said(const std::string& form) const {
        std::smatch found;
        const bool there = std::regex_search(text_, found, std::regex{form});
        INFO(text_);
        REQUIRE(there);
        return found[1];
    }
    buzon::test::ExitCode stop() {
        process_->signal(SIGINT);
        return process_->wait().value_or(-1);
    }

private:
    buzon::posix::UniqueFd master_;
    std::optional<buzon::test::Process> process_;
    std::string text_;
};

// Runs a command in a folder with bin/client, as in a source tree.
buzon::test::Finished in_shell(const std::string& command) {
    const buzon::test::TempDirectory folder;
    std::filesystem::create_directory(folder / "bin");
    std::filesystem::create_symlink(buzon::test::client_program(), folder / "bin/client");
    buzon::test::Launch launch{{"sh", "-c", command}};
    launch.directory = folder.path();
    return buzon::test::run(launch);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
    return text;
}

// Numbers differ from machine to machine, and with them the columns.
std::string without_numbers(const std::string& line) {
    return std::regex_replace(line, std::regex{" *[0-9]+"}, " 0");
}

struct Typed {
    std::string command;
    std::vector<std::string> printed; // "…" stands for any lines
};

std::vector<Typed> first_session() {
    std::ifstream readme{buzon::test::source_directory() + "/README.md"};
    std::vector<Typed> all;
    bool inside = false;
    for (std::string line; std::getline(readme, line);) {
        if (line.starts_with("```"))
            inside = line == "```console";
        else if (inside && line.starts_with("$ "))
            all.push_back({line.substr(2), {}});
        else if (inside && !all.empty())
            all.back().printed.push_back(line);
    }
    return all;
}

} // namespace

TEST_CASE("on a terminal, the demo says how to try it, and its commands work, as an administrator") {
    buzon::test::TempDirectory temporary;
    DemoAtTerminal demo{temporary.path()};
    CHECK(demo.read().starts_with("Server started on port "));
    const std::string curl = demo.said("\r\n  (curl [^\r]*)"), client = demo.said("\r\n  ([^\r]*client[^\r]*manage)\r");
    const buzon::test::Finished mail = buzon::test::run({"sh", "-c", curl});
    CHECK(mail.code == 0);
    CHECK(mail.out.find("Subject: Asunto del Correo") != std::string::npos);
    for (const char* command :
         {"top --once", "HELP", "CONF timeout 15m", "TRAN /bin/cat", "USER ADD eve word", "KICK user1"}) {
        const buzon::test::Finished end = buzon::test::run({"sh", "-c", client + ' ' + command});
        CAPTURE(command, end.out, end.err);
        CHECK(end.err.find("administrator") == std::string::npos);
        CHECK(end.code == (command == std::string{"KICK user1"} ? 1 : 0)); // user1 has no session
    }
    CHECK(demo.stop() == 0);
    CHECK(std::filesystem::is_empty(temporary.path()));
}

TEST_CASE("README's first session runs as printed") {
    buzon::test::TempDirectory temporary;
    DemoAtTerminal demo{temporary.path()};
    const std::string port = demo.said("on port ([0-9]+)"), managers = demo.said("managers on port ([0-9]+)");
    const std::string socket = demo.said("unix:([^ \r]*)");
    std::string exported;
    const auto all = first_session();
    REQUIRE(all.size() > 8);
    std::string typed;
    for (const Typed& one : all) {
        std::string command = replaced(one.command, ":1110/", ':' + port + '/');
        command = replaced(command, "/var/tmp/buzon-demo-XXXXXX/manage", socket);
        command = replaced(command, " ::1 ", " ::1 " + managers + ' ');
        if (command.ends_with(" top")) command += " --once"; // there is no terminal here
        if (command.starts_with("export ")) {
            exported = command + '\n';
            continue;
        }
        const buzon::test::Finished end = in_shell(exported + command);
        CAPTURE(command, end.out, end.err);
        CHECK(end.code == 0);
        std::istringstream lines{end.out};
        std::string line;
        for (const std::string& expected : one.printed) {
            if (expected == "\xE2\x80\xA6") continue;
            bool found = false;
            while (!found && std::getline(lines, line)) {
                if (!line.empty() && line.back() == '\r') line.pop_back();
                found = without_numbers(line) == without_numbers(expected);
            }
            INFO(expected);
            CHECK(found);
        }
        typed += command + '\n';
    }
    for (const char* verb : {" METR", " CONF ", " TRAN /", " top"}) CHECK(typed.find(verb) != std::string::npos);
    CHECK(demo.stop() == 0);
}
