#include "buzon/manage/http.h"

#include "support/catch.h"

using namespace buzon::manage;

namespace {

const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                         "Content-Length: 5\r\nCache-Control: no-store\r\nConnection: keep-alive\r\n\r\n";

struct Client {
    int pages = 0;
    HttpSession session{[this] {
        ++pages;
        return std::string{"page\n"};
    }};

    // Sends everything, as a connection does: what was not consumed is passed again.
    std::string send(std::string_view request) {
        std::string out;
        while (!request.empty() && !session.closing()) request.remove_prefix(session.feed(request, out));
        return out;
    }
    std::string status(std::string_view request) { return send(request).substr(0, 12); }
};

std::string status_of(std::string_view request) {
    return Client{}.status(request);
}

} // namespace

TEST_CASE("GET and HEAD of /metrics are served") {
    Client client;
    CHECK(client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n") == head + "page\n");
    CHECK(client.send("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n") == head);
    CHECK_FALSE(client.session.closing());
    CHECK(client.send("GET http://a:9100/metrics?x=y HTTP/1.1\nhost:a\n\n") == head + "page\n");
    CHECK(client.send("\r\n\r\nGET /metrics HTTP/1.7\r\nHost: a\r\n\r\n") == head + "page\n");
    CHECK(client.session.idle());
}

TEST_CASE("a request is understood wherever it is cut, and so are two pipelined ones") {
    const std::string two =
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const std::string whole = Client{}.send(two);
    CHECK(whole.starts_with(head + "page\nHTTP/1.1 404"));
    for (std::size_t cut = 0; cut <= two.size(); ++cut) {
        Client client;
        std::string got = client.send(std::string_view{two}.substr(0, cut));
        got += client.send(std::string_view{two}.substr(cut));
        CHECK(got == whole);
        CHECK(client.session.closing());
    }
    Client slow;
    std::string got;
    for (const char c : two) got += slow.send({&c, 1});
    CHECK(got == whole);
}

TEST_CASE("one call answers at most one request") {
    Client client;
    const std::string one = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string out;
    CHECK(client.session.feed(one + one + one, out) == one.size());
    CHECK(client.pages == 1);
}

TEST_CASE("an unknown path gets 404, and an unsupported method 405") {
    CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == "HTTP/1.1 404");
    CHECK(status_of("GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n") == "HTTP/1.1 404");
    CHECK(status_of("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n") == "HTTP/1.1 404");
    CHECK(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == "HTTP/1.1 404");
    for (const char* method : {"POST", "PUT", "DELETE", "get", "OPTIONS"}) {
        const std::string reply = Client{}.send(std::string{method} + " /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(reply.starts_with("HTTP/1.1 405"));
        CHECK(reply.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    }
}

TEST_CASE("the content of a request is never read: its response is the last on the connection") {
    for (const char* field : {"Content-Length: 7", "Transfer-Encoding: chunked", "Content-Length: x"}) {
        Client client;
        const std::string reply = client.send(std::string{"POST /metrics HTTP/1.1\r\nHost: a\r\n"} + field +
                                              "\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(reply.starts_with("HTTP/1.1 405"));
        CHECK(reply.find("HTTP/1.1", 5) == std::string::npos);
        CHECK(client.session.closing());
    }
    Client client;
    CHECK(client.status("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") == "HTTP/1.1 200");
    CHECK_FALSE(client.session.closing());
}

TEST_CASE("an invalid request gets 400 and the connection is closed") {
    for (const char* bad :
         {"GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics HTTP/2.0\r\nHost: a\r\n\r\n",
          "GET /metrics HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "GET  /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET metrics HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
          "GET /metrics HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "G\x01T /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /me\ttrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /metrics http/1.1\r\nHost: a\r\n\r\n",
          "GET /metrics HTTP/1.10\r\nHost: a\r\n\r\n", "\x16\x03\x01\r\n\r\n",
          " GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /metrics HTTP/1.1\r\nno colon\r\nHost: a\r\n\r\n"}) {
        CAPTURE(bad);
        Client client;
        CHECK(client.status(bad) == "HTTP/1.1 400");
        CHECK(client.session.closing());
        CHECK(client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").empty());
        CHECK(client.pages == 0);
    }
}

TEST_CASE("a connection stays open as the HTTP version and the Connection field say") {
    const auto closes = [](const std::string& request) {
        Client client;
        CHECK(client.status(request) == "HTTP/1.1 200");
        return client.session.closing();
    };
    CHECK(closes("GET /metrics HTTP/1.0\r\n\r\n"));
    CHECK_FALSE(closes("GET /metrics HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    CHECK(closes("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK(closes("GET /metrics HTTP/1.1\r\nHost: a\r\nconnection: x, CLOSE\r\n\r\n"));
    CHECK_FALSE(closes("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"));
}

TEST_CASE("a request may have the maximum length, but not an octet more, however it arrives") {
    const std::string start = "GET /metrics HTTP/1.1\r\nHost: a\r\nX: ", end = "\r\n\r\n";
    const std::string fits = start + std::string(HttpSession::max_request - start.size() - end.size(), 'x') + end;
    const std::string over = start + std::string(HttpSession::max_request - start.size() - end.size() + 1, 'x') + end;
    CHECK(status_of(fits) == "HTTP/1.1 200");
    CHECK(status_of(over) == "HTTP/1.1 431");
    for (const std::size_t piece : {1u, 7u, 4096u}) {
        Client good, bad;
        std::string got_good, got_bad;
        for (std::size_t i = 0; i < over.size(); i += piece) {
            got_good += good.send(std::string_view{fits}.substr(std::min(i, fits.size()), piece));
            got_bad += bad.send(std::string_view{over}.substr(i, piece));
        }
        CHECK(got_good.starts_with("HTTP/1.1 200"));
        CHECK(got_bad.starts_with("HTTP/1.1 431"));
        CHECK(bad.session.closing());
    }
}
