// system/tls_site.cpp
#include "system/tls_site.h"

#include <sstream>

#include "support/catch.h"

namespace buzon::test {

std::string tls_port(const Server& server) {
    const std::string info = server.manager().many("INFO *");
    const std::size_t at = info.find("tls 127.0.0.1:");
    REQUIRE(at != std::string::npos);
    return info.substr(at + 14, info.find('\r', at) - at - 14);
}

TlsSite::TlsSite(int users, const Words& more) {
    make_certificate(certificate);
    Words arguments{"--tls-cert", certificate, "--tls-port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server = std::make_unique<Server>(users, arguments);
    REQUIRE(eventually([this] { return capabilities().find("STLS\r\n") != std::string::npos; }));
}

std::string TlsSite::capabilities() const {
    Pop3Client client = server->client();
    return client.many("CAPA");
}

bool TlsSite::logs(const std::string& text) const {
    return server->logs(text);
}

std::vector<pid_t> TlsSite::programs() const {
    std::vector<pid_t> found;
    const Finished listed = run({"ps", "-eo", "pid=,ppid=,pgid=,args="});
    std::istringstream lines{listed.out};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        pid_t pid = 0, parent = 0, group = 0;
        std::string name;
        words >> pid >> parent >> group >> name;
        if (name.find("stunnel") == std::string::npos) continue;
        for (pid_t above = parent; above > 1;) {
            if (above == server->pid()) {
                found.push_back(pid);
                break;
            }
            const std::string stat = proc_text(above, "stat");
            const std::size_t end = stat.rfind(") ");
            if (end == std::string::npos) break;
            above = std::stoi(stat.substr(end + 4));
        }
    }
    return found;
}

Finished TlsSite::python(const std::string& program) const {
    const std::string prelude = R"(
import hashlib, os, select, signal, socket, ssl, struct, sys, threading, time
pop3, pop3s, directory, pid = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = ssl._create_unverified_context()
def plain(port=pop3):
    s = socket.create_connection(("127.0.0.1", port), 60)
    return s.makefile("rwb"), s
def say(f, line):
    f.write(line.encode() + b"\r\n"); f.flush()
    return f.readline().decode().rstrip()
def many(f, line):
    reply = [say(f, line)]
    while reply[-1] != ".": reply.append(f.readline().decode().rstrip())
    return reply
def wrap(s):
    t = context.wrap_socket(s); t.settimeout(60)
    return t.makefile("rwb"), t
def connect(stls=False):
    f, s = plain(pop3 if stls else pop3s)
    if not stls:
        f, t = wrap(s); assert f.readline().startswith(b"+OK POP3"), "greeting"
        return f, t
    assert f.readline().startswith(b"+OK POP3")
    assert say(f, "STLS").startswith("+OK")
    return wrap(s)
def login(f, user=1):
    assert say(f, f"USER user{user}").startswith("+OK")
    answer = say(f, f"PASS pass{user}"); assert answer.startswith("+OK"), answer
def common_name(t):
    return ssl.DER_cert_to_PEM_cert(t.getpeercert(True))
)";
    Launch launch;
    launch.argv = {"/usr/bin/python3",
                   "-c",
                   prelude + program,
                   std::to_string(server->port()),
                   tls_port(*server),
                   directory.path(),
                   std::to_string(server->pid()),
                   std::to_string(server->management_port())};
    return run(launch, {}, 5 * patience); // it may include hundreds of handshakes
}

void TlsSite::passes(const std::string& program) const {
    const Finished end = python(program);
    CAPTURE(end.out, end.err);
    CHECK(end.code == 0);
}

} // namespace buzon::test
