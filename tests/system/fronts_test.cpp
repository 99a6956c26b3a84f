// system/fronts_test.cpp - HAProxy, nginx and stunnel in front of the server, each with its installed example. A test
// changes nothing in it but ports, listening addresses and paths (Front).
#include <algorithm>
#include <csignal>
#include <regex>

#include "support/catch.h"
#include "support/certificate.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

constexpr const char* fronted_mail = "Subject: behind a front\r\n\r\nhello\r\n";

// Pairs of old and new text. Every old text must occur.
using Changes = std::vector<std::pair<std::string, std::string>>;

std::string with_changes(const std::string& text, const Changes& changes) {
    for (const auto& change : changes) {
        INFO(change.first);
        REQUIRE(text.find(change.first) != std::string::npos);
    }
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto found = std::find_if(changes.begin(), changes.end(),
                                        [&](const auto& c) { return text.compare(at, c.first.size(), c.first) == 0; });
        result += found == changes.end() ? text.substr(at, 1) : found->second;
        at += found == changes.end() ? 1 : found->first.size();
    }
    return result;
}

std::string on_loopback(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

// A front that runs with an example and the certificate at certificate().
class Front {
public:
    Front() { make_certificate(certificate()); }
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;
    ~Front() {
        if (!process_) return;
        process_->signal(SIGTERM); // a killed nginx would leave its workers behind
        (void)process_->wait();
    }
    void run(const std::string& example, Changes changes, Words program) {
        changes.emplace_back("/etc/ssl/private/mail.pem", certificate());
        const std::string text = read_whole(source_directory() + "/packaging/examples/" + example);
        program.push_back(directory_.file(example, with_changes(text, changes)));
        Launch launch;
        launch.argv = std::move(program);
        launch.environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        process_ = std::make_unique<Process>(launch);
    }
    [[nodiscard]] const TempDirectory& directory() const { return directory_; }
    [[nodiscard]] std::string certificate() const { return directory_ / "cert.pem"; }

private:
    TempDirectory directory_;
    std::unique_ptr<Process> process_;
};

// A server behind a front, with a user who has one message. It can be restarted on its port.
class Behind {
public:
    Behind(const std::string& user, Words arguments) {
        arguments_ = {"-d", directory_.path(),     "--proxy-from", "127.0.0.1",
                      "-p", std::to_string(port_), "-u",           user + ":secret"};
        arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
        (void)Maildir{directory_ / user}.deliver("1700000001.M1P1.h", "Subject: behind a front\n\nhello\n");
        start();
    }
    void start() {
        Server::Setup setup;
        setup.own_root = true;
        setup.arguments = arguments_;
        server_ = std::make_unique<Server>(setup);
    }
    void stop() { server_.reset(); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string log() const { return server_->log(); }
    [[nodiscard]] bool logs(const std::string& line) const {
        return eventually([&] { return std::regex_search(log(), std::regex{line}); });
    }

private:
    TempDirectory directory_;
    Words arguments_;
    std::uint16_t port_ = free_port();
    std::unique_ptr<Server> server_;
};

// curl, connecting from 127.0.0.9.
struct Client {
    static constexpr int refused = 67, out_of_patience = 28;

    std::uint16_t port;
    bool stls = false;

    [[nodiscard]] Finished fetch(const std::string& user, const std::string& password = "secret") const {
        return run({"curl", "-sSk", "--max-time", "60", "--interface", "127.0.0.9", "--ssl-reqd",
                    (stls ? "pop3://" : "pop3s://") + user + ":" + password + "@" + on_loopback(port) + "/1"});
    }
    [[nodiscard]] bool gets_mail(const std::string& user) const { return fetch(user).out == fronted_mail; }
};

// The server knows the client's own address and that it uses TLS, and says whether the password is right.
void expect_service(const Client& client, const Behind& server, const std::string& user) {
    const Finished got = client.fetch(user);
    CAPTURE(got.err, server.log());
    CHECK(got.out == fronted_mail);
    CHECK(server.logs(" login level=info session=\\d+ user=" + user + " ip=127.0.0.9 .* tls=yes"));
    CHECK(client.fetch(user, "wrong").code == Client::refused);
    CHECK(server.logs(" auth-fail .* user=" + user + " ip=127.0.0.9 .* reason=\"wrong password\""));
}

// While the server is down, a client fails at once; when it is back, the client gets mail again.
void expect_recovery(const Client& client, Behind& server, const std::string& user) {
    server.stop();
    const int code = client.fetch(user).code;
    CHECK(code != 0);
    CHECK(code != Client::out_of_patience);
    server.start();
    CHECK(eventually([&] { return client.gets_mail(user); }));
}

} // namespace

TEST_CASE("behind HAProxy with the example, clients keep their addresses, and one of two servers may be down") {
    Behind one{"ana", {"--require-tls"}}, two{"ana", {"--require-tls"}};
    const Client client{free_port()};
    Front front;
    front.run("haproxy.cfg",
              {{":::995 v4v6", on_loopback(client.port)},
               {"127.0.0.1:1110", on_loopback(one.port())},
               {"127.0.0.1:2110", on_loopback(two.port())}},
              {"haproxy", "-db", "-q", "-f"});
    REQUIRE(comes_up(client.port));
    two.stop();
    for (int i = 0; i < 3; ++i) CHECK(client.gets_mail("ana"));
    expect_service(client, one, "ana");
    expect_recovery(client, one, "ana");
    // HAProxy's health checks are not logged as failed logins, missing PROXY headers or anything else.
    CHECK(one.log().find("refused") == std::string::npos);
    two.start();
    one.stop();
    CHECK(eventually([&] { return client.gets_mail("ana"); }));
}

TEST_CASE("behind nginx with the example, each user reaches the right server, over STLS and over TLS") {
    const Words plan{"--require-tls", "--proxy-tls"};
    Behind one{"ana", plan}, two{"Zoe", plan};
    const Client stls{free_port(), true}, tls{free_port()};
    Front front;
    const std::string temporary = "http {\n client_body_temp_path " + (front.directory() / "a") + "; proxy_temp_path " +
                                  (front.directory() / "b") + "; fastcgi_temp_path " + (front.directory() / "c") +
                                  "; uwsgi_temp_path " + (front.directory() / "d") + "; scgi_temp_path " +
                                  (front.directory() / "e") + ";";
    front.run("nginx.conf",
              {{"[::]:110 ipv6only=off", on_loopback(stls.port)},
               {"[::]:995 ipv6only=off", on_loopback(tls.port)},
               {"127.0.0.1:8009", on_loopback(free_port())},
               {" 1110;", " " + std::to_string(one.port()) + ";"},
               {" 2110;", " " + std::to_string(two.port()) + ";"},
               {"/run/nginx-mail.pid", front.directory() / "pid"},
               {"/var/log/nginx/mail.log", front.directory() / "log"},
               {"http {", temporary}}, // the defaults are writable only for root
              {"nginx", "-g", "daemon off;", "-e", front.directory() / "log", "-c"});
    REQUIRE(comes_up(tls.port));
    for (const Client& client : {stls, tls}) {
        expect_service(client, one, "ana");
        expect_service(client, two, "Zoe");
        expect_recovery(client, one, "ana");
    }
    CHECK(one.log().find("Zoe") == std::string::npos);
    // Nobody logs in without TLS.
    Wire plain{"127.0.0.1", stls.port};
    (void)plain.line();
    plain.send("USER ana\r\n");
    CHECK(plain.line().starts_with("-ERR"));
}

TEST_CASE("behind a separate stunnel with the example, clients keep their addresses") {
    Behind server{"ana", {"--require-tls", "--proxy-tls"}};
    const Client client{free_port()};
    Front front;
    front.run("stunnel.conf", {{":::995", on_loopback(client.port)}, {"127.0.0.1:1110", on_loopback(server.port())}},
              {"stunnel"});
    REQUIRE(comes_up(client.port));
    expect_service(client, server, "ana");
    expect_recovery(client, server, "ana");
}
