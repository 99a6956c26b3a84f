// system/manage_transcript_test.cpp - every command of the management protocol in valid and invalid forms, as a
// transcript of a session with the real server.
#include <fnmatch.h>

#include <sstream>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

// "> LINE" is sent, ">> LINE" to a live view. The lines up to the next one are the expected reply, where "*" matches
// anything and "..." any lines. $NAME is replaced first.
class Transcript {
public:
    explicit Transcript(std::map<std::string, std::string> names) : names_{std::move(names)} {}

    void play(ManagementClient& manager, const std::string& text) {
        std::istringstream lines{text};
        std::string line;
        while (std::getline(lines, line)) {
            if (line.empty()) continue;
            if (line.starts_with(">> ") || line == ">>") {
                manager.send(line.substr(std::min<std::size_t>(3, line.size())) + "\r\n");
            } else if (line.starts_with("> ") || line == ">") {
                finish(manager);
                said_ = line.size() > 2 ? filled(line.substr(2)) : "";
                manager.send(said_ + "\r\n");
            } else {
                hear(manager, filled(line));
            }
        }
        finish(manager);
    }

private:
    std::string filled(std::string text) const {
        for (const auto& [name, value] : names_)
            for (std::size_t at = 0; (at = text.find('$' + name)) != std::string::npos;)
                text.replace(at, name.size() + 1, value);
        return text;
    }
    void hear(ManagementClient& manager, const std::string& expected) {
        if (expected == "...") {
            any_ = true;
            return;
        }
        for (;;) {
            const std::string got = manager.line();
            const bool same = ::fnmatch(escaped(expected).c_str(), got.c_str(), 0) == 0;
            if (any_ && !same && got != ".") continue;
            CAPTURE(said_, expected, got);
            CHECK(same);
            any_ = false;
            return;
        }
    }
    static std::string escaped(const std::string& pattern) { // only the star is special
        std::string text;
        for (const char c : pattern) {
            if (c == '[' || c == ']' || c == '?' || c == '\\') text += '\\';
            text += c;
        }
        return text;
    }
    // Checks that nothing is left over: what comes next is the reply to the next command.
    void finish(ManagementClient& manager) const {
        CAPTURE(said_);
        CHECK(manager.command("NOOP") == "+OK done");
    }

    std::map<std::string, std::string> names_;
    std::string said_;
    bool any_ = false;
};

const char* const queries = R"(
> METR
+OK 1;*;1;1
> metr historic
+OK 1
> METR *
+OK
messages 1
bytes *
online 1
historic 1
...
retr-time-count 1
...
start-time *
.
> METR nothing
-ERR no such metric, METR * lists them
> METR messages bytes
-ERR no such metric, METR * lists them
> INFO
+OK faro.example;$ROOT;127.0.0.1
> INFO *
+OK
host faro.example
basedir $ROOT
ip 127.0.0.1
port $PORT
transform off
version *
...
.
> INFO 	 all
+OK
host faro.example
...
uptime *
draining no
.
> METR  ?   loop-busy
+OK
loop-busy gauge percent *
.
> METR ALL
+OK
messages 1
...
loop-busy *
process-cpu-seconds *
...
.
> INFO x
-ERR *
> LOGG 1
+OK
* login level=info session=1 user=user1 ip=127.0.0.1 *
.
> LOGG
+OK
...
* server level=notice action=started *
...
.
> LOGG 0
-ERR *
> LOGG x
-ERR *
> LOGG FOLLOW x
-ERR *
> LOGG FOLLOW
+OK
>> QUIT
.
> EVNT nothing
-ERR no such event type; the types are server connect refused login auth-fail *
> EVNT login nothing
-ERR *
> EVNT login retr
+OK
>>
.
> HIST messages minute
+OK
...
20*T*:*:00Z *
.
> HIST online week 1
+OK
20*T00:00:00Z *
.
> HIST nothing hour
-ERR no such metric, METR * lists them
> HIST messages year
-ERR a period is minute, hour, day or week
> HIST messages
-ERR a period is minute, hour, day or week
> HIST messages hour 0
-ERR *
> HIST messages hour x
-ERR *
> HIST
-ERR *
> SESS
+OK
1 user1 127.0.0.1:* transaction age=* idle=* command=- sent=0 size=- backlog=0 messages=1 program=-
.
> SESS x
-ERR SESS takes no argument
> WHYY user1
+OK
* login *
.
> WHYY nobody
+OK
.
> WHYY
-ERR WHYY needs a user, or *
> USER LIST
+OK
user1
user2
.
> HELP NOOP
+OK
NOOP - do nothing
    free; one line
for example: NOOP
.
> HELP nothing
-ERR no such command, HELP lists them
> NOOP
+OK done
> NOPE
-ERR unknown command, HELP lists them
>
-ERR unknown command, HELP lists them
)";

const char* const changes = R"(
> AUTH root wrong
-ERR [AUTH] name or password incorrect
> AUTH root
-ERR AUTH needs a name and a password
> TRAN
-ERR [AUTH] log in with AUTH first
> AUTH root s3cr3t
+OK welcome
> AUTH root s3cr3t
-ERR already logged in
> TRAN
+OK off
> TRAN 1
-ERR no program has been set
> TRAN /usr/bin/tr a-z A-Z
+OK on /usr/bin/tr a-z A-Z
> TRAN 0
+OK off
> TRAN 1
+OK on /usr/bin/tr a-z A-Z
> TRAN sed
-ERR *
> TRAN /nothing/here
-ERR */nothing/here*
> TRAN FOR user2
+OK on /usr/bin/tr a-z A-Z
> TRAN FOR user2 0
+OK off
> TRAN FOR user2 /usr/bin/sed:s/a/b/
+OK on /usr/bin/sed:s/a/b/
> TRAN FOR nobody
-ERR no such user
> TRAN FOR
-ERR TRAN FOR needs a user
> TRAN
+OK on /usr/bin/tr a-z A-Z
> HOST
+OK faro.example
> HOST torre.example
+OK torre.example
> HOST a b
-ERR host: one plain host name
> HOST -x
-ERR host: one plain host name
> DIRR
+OK $ROOT
> DIRR /nothing/here
-ERR /nothing/here: No such file or directory
> DIRR $FILE
-ERR $FILE: Not a directory
> DIRR $ROOT
+OK $ROOT
> PORT
+OK $PORT
> PORT $TAKEN
-ERR *: Address already in use
> PORT 65536
-ERR a port is a whole number from 0 to 65535; 0 means any free port
> PORT -1
-ERR *
> PORT 1 2
-ERR *
> PORT
+OK $PORT
> IPV6
+OK 127.0.0.1
> IPV6 127.0.0.2
+OK 127.0.0.2
> IPV6 192.0.2.254
-ERR *
> IPV6 ::g
-ERR not an IPv4 or IPv6 address
> IPV6 ::1 ::2
-ERR IPV6 takes one address
> IPV6
+OK 127.0.0.2
> CONF
+OK
timeout 600
...
disable none
...
.
> CONF timeout
+OK 600
> CONF timeout 900
+OK 900
> CONF timeout never
-ERR timeout: a whole number of seconds from 1 to 604800; units s m h d
> CONF timeout 0
-ERR *
> CONF timeout
+OK 900
> CONF timeout 15m
+OK 900
> CONF changed
+OK
timeout 900 unsaved
...
.
> CONF ? timeout
+OK
timeout 900 (a whole number of seconds from 1 to 604800; units s m h d; default 600): *
.
> CONF disable top,UIDL
+OK TOP,UIDL
> CONF disable RETR
-ERR disable: none, or some of *
> CONF disable none
+OK none
> CONF log-level loud
-ERR log-level: one of error, warning, notice, info, debug
> CONF nothing
-ERR no such setting, CONF lists them
> CONF nothing 1
-ERR no such setting, CONF lists them
> CONF ? nothing
-ERR no such setting, CONF lists them
> USER ADD ana una clave
+OK done
> USER ADD ana otra
-ERR the user already exists
> USER ADD ../x y
-ERR *
> USER ADD bea
-ERR a name and a password are required
> USER PASS ana otra clave
+OK done
> USER PASS nobody x
-ERR no such user
> USER LIST
+OK
user1
user2
ana
.
> USER DEL ana
+OK done
> USER DEL ana
-ERR *
> USER DEL
-ERR USER DEL takes one name
> USER
-ERR usage: USER LIST, USER ADD *
> KICK nobody
-ERR no such session, and no such user is logged in
> KICK
-ERR KICK needs a session or a user
> KICK user1
+OK 1
> KICK 1
-ERR no such session, and no such user is logged in
> UNDL
-ERR UNDL needs a user
> UNDL nobody
-ERR no such user
> UNDL user1 yesterday
-ERR a time is *
> FREE
-ERR FREE takes one user
> FREE nobody
-ERR no such user
> SAVE x
-ERR SAVE takes no argument
> SAVE
-ERR no file for *timeout (there is no --config file)*; nothing saved
> DRAIN x
-ERR DRAIN takes no argument
)";

} // namespace

TEST_CASE("every command, valid or not, gets the reply that the protocol specifies") {
    TempDirectory directory;
    const TakenPort taken;
    Transcript transcript{{}};
    {
        const MailServer server{{"--host", "faro.example"}};
        Pop3Client client = server.session(1);
        (void)client.retrieve(1);
        transcript = Transcript{{{"ROOT", server.root()}, {"PORT", std::to_string(server.port())}}};
        ManagementClient manager = server.manager();
        transcript.play(manager, queries);
        // Every command that HELP lists is in one of the two transcripts.
        for (const std::string& line : [&] {
                 (void)manager.command("HELP");
                 return manager.body_lines();
             }()) {
            const std::string keyword = line.substr(0, line.find(' '));
            if (line.empty() || line.ends_with("for example") || keyword == "HELP") continue; // titles, and HELP itself
            CAPTURE(keyword);
            CHECK((std::string{queries} + changes + "> QUIT").find("\n> " + keyword) != std::string::npos);
        }
        CHECK(manager.command("QUIT") == "+OK goodbye");
        CHECK(manager.ended());
        client.quit();
    }
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"--host", "faro.example"});
    Server server{2, arguments};
    Pop3Client client = server.session(1), other = server.session(2);
    ManagementClient manager = server.manager();
    Transcript{{{"ROOT", server.root()},
                {"PORT", std::to_string(server.port())},
                {"TAKEN", std::to_string(taken.number())},
                {"FILE", directory.file("file", "")}}}
        .play(manager, changes);
    CHECK(client.rest(true).empty()); // kicked
    // DRAIN: new clients are refused, connected ones go on, and the server ends by itself.
    CHECK(manager.command("DRAIN") == "+OK done");
    CHECK(eventually([&] { return !reachable("127.0.0.2", server.port()); }));
    CHECK(other.command("STAT") == "+OK 0 0");
    other.quit();
    server.expect_no_clean_end();
    CHECK(server.process().wait() == 0);
}
