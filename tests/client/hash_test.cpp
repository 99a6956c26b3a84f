// bin/client hash: prints a secret for a passwd-file.
#include "program.h"
#include "support/catch.h"

TEST_CASE("the password comes from the environment or from the first line of a pipe") {
    const Finished piped = run_client({"hash", "PLAIN"}, "open sesame\nnot this\n");
    CHECK(piped.code == 0);
    CHECK(piped.out == "{PLAIN}open sesame\n");
    CHECK(run_client({"hash", "plain"}, "", {"BUZON_PASSWORD=xyz"}).out == "{PLAIN}xyz\n");
    CHECK(run_client({"hash"}, "secret").out.find("{SCRAM-SHA-256}") == 0);
    CHECK(run_client({"hash", "SHA512-CRYPT"}, "secret\r\n").out.find("{SHA512-CRYPT}$6$") == 0);
}

TEST_CASE("a password that cannot be hashed is a usage error, reported without the password") {
    for (const auto& wrong :
         {run_client({"hash", "ROT13"}, "secret\n"), run_client({"hash"}, ""), run_client({"hash"}, "se\x01cret\n")}) {
        CHECK(wrong.code == 64);
        CHECK(wrong.out.empty());
        CHECK(wrong.err.find("client: ") == 0);
        CHECK(wrong.err.find("cret") == std::string::npos);
    }
}

TEST_CASE("at a terminal the password is asked for twice, without echo") {
    TerminalClient good{{"hash", "PLAIN"}};
    good.wait_cursor("Password: |");
    good.type("abc\r");
    good.wait_cursor("Again: |");
    good.type("abc\r");
    CHECK(good.wait_end() == 0);
    CHECK(good.screen().text() == "Password:\nAgain:\n{PLAIN}abc\n");
    CHECK(good.mode_is_usual());

    TerminalClient slip{{"hash"}};
    slip.wait_cursor("Password: |");
    slip.type("abc\r");
    slip.wait_cursor("Again: |");
    slip.type("abd\r");
    CHECK(slip.wait_end() == 64);
    CHECK(slip.screen().row(2) == "client: the two passwords differ");
}
