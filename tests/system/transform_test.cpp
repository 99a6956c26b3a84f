// system/transform_test.cpp - mail through a program on its way to the client: what the program gets, what it may do,
// and that no client ever takes a part for the whole (contract section 3).
#include <signal.h>

#include "support/catch.h"
#include "support/sanitized.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string transform_text = "From: a\nSubject: filtro\n\nuno\ndos\n.tres\n";

Server filtered(const std::string& spec, const Words& more = {}) {
    Words arguments{"-T", spec};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Server{1, arguments};
}

// The reply to RETR 1: complete, or cut off by a close.
struct Outcome {
    std::string first; // the first line
    std::string body;  // dot-stuffing undone, if complete
    bool complete = false;
    bool refused = false;
};

Outcome retrieve(Pop3Client& client, const std::string& command = "RETR 1") {
    Outcome outcome;
    outcome.first = client.command(command);
    outcome.refused = outcome.first.starts_with("-ERR");
    if (outcome.refused) return outcome;
    try {
        outcome.body = client.body();
        outcome.complete = true;
    } catch (const ConnectionLost&) {
    }
    return outcome;
}

} // namespace

TEST_CASE("a filter gets the stored octets, and its output is sent with CRLF line ends and dot-stuffing") {
    TempDirectory directory;
    const std::string seen = directory / "seen";
    for (const std::string& stored : {transform_text, std::string("a\r\nb\nc\r"), std::string("\0.\n", 3),
                                      std::string(), std::string(200000, 'x')}) {
        const Server server =
            filtered(directory.script("filter", "cat > " + seen + "; printf '.a\\nb\\r\\nc\\r.\\n..'"));
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", stored);
        Pop3Client client = server.session();
        // Its output was held back until it had ended successfully, so its size is known: not that of the stored
        // message.
        CHECK(client.command("RETR 1") == octets_reply(".a\nb\r\nc\r.\n.."));
        const std::string wanted = as_sent(".a\nb\r\nc\r.\n..");
        CHECK(client.exactly(wanted.size()) == wanted);
        CHECK(read_whole(seen) == stored);
        client.quit();
    }
}

TEST_CASE("a filter gets its arguments as written, without a shell") {
    TempDirectory directory;
    const std::string program =
        directory.script("filter", "cat >/dev/null; for word; do printf '<%s>\\n' \"$word\"; done");
    const std::vector<std::pair<std::string, std::string>> specs = {
        {"", ""},
        {":one argument", "<one argument>\r\n"},
        {":a:b 'c' $HOME `id` ;|&", "<a:b 'c' $HOME `id` ;|&>\r\n"},
        {":", "<>\r\n"},
        {" one two", "<one>\r\n<two>\r\n"},
        {"  one\ttwo  ", "<one>\r\n<two>\r\n"},
        {" 'one two' \"three four\" five\\ six", "<one two>\r\n<three four>\r\n<five six>\r\n"},
        {" 'it'\\''s' \"a\\\"b\" '' x\"y\"'z'", "<it's>\r\n<a\"b>\r\n<>\r\n<xyz>\r\n"},
        {" $HOME `id` ; | & > x * ~ #",
         "<$HOME>\r\n<`id`>\r\n<;>\r\n<|>\r\n<&>\r\n<>>\r\n<x>\r\n<*>\r\n<~>\r\n<#>\r\n"},
        {" a:b", "<a:b>\r\n"},
    };
    for (const auto& [words, wanted] : specs) {
        CAPTURE(words);
        const Server server = filtered(program + words);
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
        Pop3Client client = server.session();
        CHECK(client.retrieve(1) == wanted);
    }
}

TEST_CASE("the environment of a filter contains six variables and nothing else") {
    TempDirectory directory;
    Server::Setup setup;
    setup.arguments = {"-T", "/usr/bin/env", "-u", "user1:pass1"};
    setup.environment = {{"SECRET_OF_THE_OPERATOR", "x"}, {"LD_LIBRARY_PATH", "/nowhere"}, {"BUZON_PASSWORD", "x"}};
    Server server{setup};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", transform_text);
    Pop3Client client = server.session();
    (void)client.command("RETR 1");
    std::map<std::string, std::string> seen;
    for (const std::string& line : client.body_lines())
        seen[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    CHECK(seen["BUZON_USER"] == "user1");
    CHECK(seen["BUZON_UIDL"] == "1700000001.M1P1.h");
    CHECK(seen["BUZON_CLIENT_IP"] == "127.0.0.1");
    CHECK(!seen["PATH"].empty());
    CHECK(!seen["LANG"].empty());
    // A private directory if the mail root is below /tmp.
    CHECK((directory / "mail").starts_with("/tmp/") == seen["TMPDIR"].starts_with("/tmp/buzon-"));
    CHECK(seen["TMPDIR"].starts_with("/tmp"));
    CHECK(seen.size() == 6);
}

TEST_CASE("a filter inherits no descriptors from the server") {
    TempDirectory directory;
    const Server server = filtered(directory.script(
        "filter", "cat >/dev/null; ls -l /proc/self/fd | grep -v '/proc/' | grep -c -e '->'; ls /proc/$$/fd"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    std::vector<Pop3Client> others;
    for (int i = 0; i < 10; ++i) others.push_back(server.client());
    Pop3Client client = server.session();
    (void)client.command("RETR 1");
    const std::vector<std::string> lines = client.body_lines();
    REQUIRE(!lines.empty());
    CHECK(lines[0] == "3"); // 0, 1 and 2 of ls itself
    for (std::size_t i = 1; i < lines.size(); ++i)
        CHECK((lines[i] == "0" || lines[i] == "1" || lines[i] == "2" || lines[i] == "10" || lines[i] == "255"));
}

TEST_CASE("a filter starts with default signal handling and in its own process group") {
    TempDirectory directory;
    const Server server = filtered(directory.script(
        "filter", "cut -d' ' -f5 /proc/$$/stat; echo $$; exec grep -E '^Sig(Blk|Ign)' /proc/self/status"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    (void)client.command("RETR 1");
    const std::vector<std::string> lines = client.body_lines();
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == lines[1]);
    CHECK(lines[2] == "SigBlk:\t0000000000000000");
    CHECK(lines[3] == "SigIgn:\t0000000000000000");
}

TEST_CASE("a filter that fails before its output is sent causes -ERR, and the session goes on") {
    TempDirectory directory;
    for (const char* text :
         {"exit 1", "cat; kill -9 $$", "cat; exec >&-; sleep 0.2; exit 1", "head -c 65536 /dev/zero; exit 1"}) {
        CAPTURE(text);
        const Server server = filtered(directory.script("filter", text));
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
        Pop3Client client = server.session();
        for (int i = 0; i < 3; ++i) CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
        CHECK(client.command("TOP 1 100").starts_with("-ERR [SYS/TEMP]"));
        CHECK(client.command("STAT").starts_with("+OK 1 "));
        client.quit();
        // It was not retrieved: still new, not counted.
        CHECK(server.maildir("user1").messages() == std::vector<std::string>{"new/1700000001.M1P1.h"});
        CHECK(parse_metrics(server.manager().command("METR")).messages == 0);
    }
}

TEST_CASE("if a filter fails after more than 64 KiB, the connection is cut without the final dot") {
    TempDirectory directory;
    for (const char* end : {"exit 1", "kill -9 $$"}) {
        CAPTURE(end);
        const Server server =
            filtered(directory.script("filter", std::string("yes 0123456789abcdef | head -c 300000; ") + end));
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
        Pop3Client client = server.session();
        client.send("RETR 1\r\nNOOP\r\n");
        const std::string all = client.rest(true);
        CHECK(all.starts_with("+OK message follows\r\n0123456789abcdef\r\n"));
        CHECK(all.find("\r\n.\r\n") == std::string::npos);
        CHECK(all.find("-ERR") == std::string::npos);
        CHECK(server.maildir("user1").messages() == std::vector<std::string>{"new/1700000001.M1P1.h"});
        CHECK(parse_metrics(server.manager().command("METR")).messages == 0);
        // The maildrop is free again, and the server works.
        CHECK(eventually([&] {
            Pop3Client next = server.client();
            (void)next.command("USER user1");
            return next.command("PASS pass1").starts_with("+OK");
        }));
    }
}

TEST_CASE("a filter that cannot be run causes -ERR until it can be run") {
    TempDirectory directory;
    const std::string program = directory.script("filter", "cat");
    const Server server = filtered(program);
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    CHECK(client.retrieve(1) == as_received(transform_text));
    std::filesystem::remove(program);
    CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
    (void)directory.file("filter", "#!/nowhere/at/all\n", 0755);
    CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
    CHECK(server.logs("cannot start: No such file or directory (the file, or its interpreter)"));
    (void)directory.file("filter", "#!/bin/sh\ncat\n", 0644); // not executable
    std::filesystem::permissions(program, std::filesystem::perms(0644));
    CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
    std::filesystem::permissions(program, std::filesystem::perms(0755));
    CHECK(client.retrieve(1) == as_received(transform_text));
    client.quit();
}

TEST_CASE("a filter that makes no progress times out, and its whole process group is killed") {
    TempDirectory directory;
    const std::string pids = directory / "pids";
    // Both ignore SIGTERM: only SIGKILL to the process group ends them.
    const Server server =
        filtered(directory.script("filter", "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $! $$ > " +
                                                pids + "; while :; do sleep 1; done"),
                 {"--transform-timeout", "1"});
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    // On a busy machine, the time limit may expire before the program has started.
    REQUIRE(eventually([&] {
        CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
        return std::filesystem::exists(pids) && std::filesystem::file_size(pids) > 0;
    }));
    std::istringstream both{read_whole(pids)};
    pid_t child = 0, filter = 0;
    both >> child >> filter;
    CHECK(eventually([&] { return state_of(filter) == '\0'; }));
    CHECK(eventually([&] { return state_of(child) == '\0' || state_of(child) == 'Z'; }));
    CHECK(client.command("NOOP").starts_with("+OK"));
    client.quit();
}

TEST_CASE("a client that disconnects during RETR ends its filter and frees its maildrop") {
    TempDirectory directory;
    const std::string pid_file = directory / "pid";
    const Server server = filtered(directory.script("filter", "echo $$ > " + pid_file + "; exec sleep 1000"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    for (const bool hard : {false, true}) {
        std::filesystem::remove(pid_file);
        Pop3Client client = server.session();
        client.send("RETR 1\r\n");
        CHECK(
            eventually([&] { return std::filesystem::exists(pid_file) && std::filesystem::file_size(pid_file) > 0; }));
        const pid_t filter = std::stoi(read_whole(pid_file));
        if (hard)
            client.reset();
        else
            client.close();
        CHECK(eventually([&] { return state_of(filter) == '\0'; }));
        CHECK(eventually([&] {
            Pop3Client next = server.client();
            (void)next.command("USER user1");
            return next.command("PASS pass1").starts_with("+OK");
        }));
    }
    CHECK(eventually([&] { return zombies_of(server.pid()) == 0; }));
}

TEST_CASE("TOP goes through the filter, and ends it once it has enough lines") {
    TempDirectory directory;
    const std::string pid_file = directory / "pid";
    const Server server =
        filtered(directory.script("filter", "echo $$ > " + pid_file + "; sed s/uno/UNO/; exec yes more"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    CHECK(client.many("TOP 1 0") == "From: a\r\nSubject: filtro\r\n\r\n");
    CHECK(client.many("TOP 1 1") == "From: a\r\nSubject: filtro\r\n\r\nUNO\r\n");
    CHECK(client.many("TOP 1 5") == "From: a\r\nSubject: filtro\r\n\r\nUNO\r\ndos\r\n.tres\r\nmore\r\nmore\r\n");
    CHECK(eventually([&] { return state_of(std::stoi(read_whole(pid_file))) == '\0'; }));
    CHECK(client.command("NOOP").starts_with("+OK"));
    client.quit();
}

TEST_CASE("pipelined commands wait for a filtered reply") {
    const Server server = filtered("/bin/cat");
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    client.send("RETR 1\r\nNOOP\r\nRETR 1\r\nTOP 1 0\r\nQUIT\r\n");
    for (int i = 0; i < 2; ++i) {
        CHECK(client.line() == octets_reply(transform_text));
        CHECK(client.body() == as_received(transform_text));
        if (i == 0) CHECK(client.line().starts_with("+OK"));
    }
    CHECK(client.line().starts_with("+OK"));
    CHECK(client.body() == top_of(transform_text, 0));
    CHECK(client.line() == "+OK Goodbye");
}

TEST_CASE("STAT and LIST do not run a filter") {
    TempDirectory directory;
    const std::string ran = directory / "ran";
    const Server server = filtered(directory.script("filter", "echo >> " + ran + "; cat"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    const std::string size = std::to_string(as_received(transform_text).size());
    CHECK(client.command("STAT") == "+OK 1 " + size);
    CHECK(client.command("LIST 1") == "+OK 1 " + size);
    CHECK(!std::filesystem::exists(ran));
    client.quit();
}

TEST_CASE("large mail passes through a filter without loss, in whatever order it reads and writes") {
    TempDirectory directory;
    std::string mail;
    for (int i = 0; mail.size() < 2'000'000u / endurance_divisor; ++i) mail += "." + std::to_string(i) + " una linea\n";
    // The first writes long before it has read everything, the second only afterwards, the third in tiny pieces.
    for (const char* text :
         {"cat", "x=$(cat; printf .); printf %s \"${x%.}\"", "dd bs=17 count=1000 2>/dev/null; cat"}) {
        CAPTURE(text);
        const Server server = filtered(directory.script("filter", text));
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", mail);
        Pop3Client client = server.session();
        CHECK((client.retrieve(1) == as_received(mail)));
        client.quit();
    }
}

TEST_CASE("what a filter writes to stderr does not reach the client") {
    TempDirectory directory;
    const Server server =
        filtered(directory.script("filter", "echo trouble >&2; cat; yes noise 2>/dev/null | head -c 200000 >&2"));
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", transform_text);
    Pop3Client client = server.session();
    for (int i = 0; i < 3; ++i) CHECK(retrieve(client).body == as_received(transform_text));
    client.quit();
}
