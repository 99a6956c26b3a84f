#include "buzon/tls/order.h"

#include "support/catch.h"

using namespace buzon::tls;

TEST_CASE("an order is decoded as it was encoded, and a broken one is refused") {
    Order order;
    order.program = "/usr/bin/stunnel";
    order.certificate = "/etc/ssl/a b.pem";
    order.key = "/etc/ssl/key.pem";
    order.options = {"ciphers = HIGH", "curves = X25519"};
    const std::string text = encode(order);
    const auto same = decode(text);
    REQUIRE(same);
    CHECK(same->certificate == order.certificate);
    CHECK(same->key == order.key);
    CHECK(same->options == order.options);
    CHECK_FALSE(decode(""));
    CHECK_FALSE(decode(std::string_view{text}.substr(0, text.size() - 1)));
    CHECK_FALSE(decode(std::string{"a\0b\0", 4}));
}

TEST_CASE("the way back that the reactor names cannot add an option to the TLS program's configuration") {
    const Way way = way_of({"/usr/bin/stunnel", "/run/buzon/tls", 7});
    CHECK(is_sound(way));
    const std::string text = configuration({"/usr/bin/stunnel", "/c", "/k", {}}, way, "/c", "/k");
    CHECK(text.find("\nconnect = /run/buzon/tls\n") != text.npos);
    CHECK(text.find("\nTIMEOUTbusy = 7\n") != text.npos);
    for (const std::string& back : {std::string{}, std::string{"192.0.2.1:25"}, std::string{"/a\nexec = /bin/sh"},
                                    std::string{"/a b"}, std::string{"/a\r"}, '/' + std::string(106, 'x') + "yz"}) {
        CAPTURE(back);
        CHECK_FALSE(is_sound(way_of({"", back, 7})));
    }
    Way endless = way;
    endless.back.fill('/');
    CHECK_FALSE(is_sound(endless));
}

TEST_CASE("an operator's option can neither open another way in nor run a program") {
    for (const char* line :
         {"accept = 0.0.0.0:1", "Connect=1.2.3.4:5", " exec = /bin/sh", "EXECARGS = x", "output = /etc/x",
          "setuid = root", "include = /etc", "[other]", "", "=", "= x", "ciphers", "a b = c", "; c = d",
          "ciphers = HIGH\nexec = /bin/sh", "ciphers = HIGH\rexec = /bin/sh"}) {
        INFO(line);
        CHECK_FALSE(fault_of_option(line).empty());
    }
    for (const char* line :
         {"ciphers = HIGH", "sslVersionMin=TLSv1.3", "options = NO_TICKET", "CAfile = /etc/ssl/ca.pem"})
        CHECK(fault_of_option(line).empty());
}

TEST_CASE("stunnel's log lines are parsed in each of their forms") {
    const LogLine fault = parse_log_line("2026.11.30 05:04:29 LOG3[1]: SSL_accept: wrong version number");
    CHECK(fault.error);
    CHECK(fault.text == "SSL_accept: wrong version number");
    const LogLine note = parse_log_line("2026.11.30 05:04:28 LOG5[ui]: Configuration successful");
    CHECK_FALSE(note.error);
    CHECK(note.text == ready_words);
    CHECK(parse_log_line("[!] No such file").error);
    CHECK(parse_log_line("[!] No such file").text == "No such file");
    CHECK_FALSE(parse_log_line("[ ] Initializing").error);
    // Logged under systemd at each start, and useless.
    CHECK(
        parse_log_line("2026.11.30 05:04:28 LOG3[0]: pthread_getschedparam: Operation not permitted (1)").text.empty());
    for (const char* odd : {"", "[", "LOG", "LOG3", "]: ", "[!", "LOG3[1]", "LOG3[1]: "}) (void)parse_log_line(odd);
}
