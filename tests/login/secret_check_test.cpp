#include "buzon/login/secret_check.h"

#include "buzon/digest/hex.h"
#include "buzon/digest/md5.h"
#include "logging_in.h"

using namespace buzon;
using namespace buzon::login;

namespace {

struct Checking : LoggingIn {
    using LoggingIn::LoggingIn;

    std::unique_ptr<SecretCheck> check;
    std::string user;
    std::optional<Checked> checked;
    int told = 0;
    int programs_made = 0;

    void start(Proof proof) {
        user = std::visit([](const auto& p) { return p.user; }, proof);
        checked.reset();
        check = std::make_unique<SecretCheck>(login_needs, *net::Ip::parse("192.0.2.1"), user, user, std::move(proof),
                                              [this](Checked what) {
                                                  checked = std::move(what);
                                                  ++told;
                                              });
        check->start();
    }
    // Lets workers and programs run until the check is done.
    Checked finish(Proof proof) {
        start(std::move(proof));
        const auto limit = event::Clock::now() + std::chrono::minutes{2};
        while (!checked && event::Clock::now() < limit)
            if (!hashes.work()) loop.turn(std::chrono::milliseconds{10});
        REQUIRE(checked);
        return *checked;
    }
    Checked password(const std::string& name, const std::string& text) {
        return finish(pop3::CheckPassword{name, std::string_view{text}, pop3::Mechanism::pass});
    }
    void ask(const std::string& script) {
        Logins::Programs programs;
        const std::string name = "program" + std::to_string(++programs_made);
        programs.passwords = programs.tokens = filter::FilterSpec::parse(directory.script(name, script)).spec;
        logins.use(programs);
    }
};

std::string hexadecimal(const digest::Md5::Digest& digest) {
    return digest::encode_hex(std::string{digest.begin(), digest.end()});
}

} // namespace

TEST_CASE("a password is right or wrong, however slow its hash, and an unknown user's is wrong") {
    Checking checking;
    for (const char* const user : {"user1", "slow"}) {
        CHECK(checking.password(user, "pass1").verdict == Verdict::right);
        const Checked wrong = checking.password(user, "pass2");
        CHECK(wrong.verdict == Verdict::wrong);
        CHECK(wrong.cause == "wrong password");
    }
    const Checked unknown = checking.password("nobody", "pass1");
    CHECK(unknown.verdict == Verdict::wrong);
    CHECK(unknown.cause == "unknown user");
    CHECK(unknown.standing == auth::Standing::unknown);
}

TEST_CASE("a password that was right recently needs no worker, until the users change") {
    Checking checking;
    checking.settings.auth_cache = std::chrono::minutes{1};
    checking.logins.refresh();
    checking.password("slow", "pass1");
    const std::size_t done = checking.hashes.done;
    CHECK(checking.password("slow", "pass1").verdict == Verdict::right);
    CHECK(checking.hashes.done == done);
    CHECK(checking.password("slow", "pass2").verdict == Verdict::wrong);
    CHECK(checking.hashes.done == done + 1);
    checking.logins.users_changed();
    CHECK(checking.password("slow", "pass1").verdict == Verdict::right);
    CHECK(checking.hashes.done == done + 2);
}

TEST_CASE("a check from before the users changed is not remembered") {
    Checking checking;
    checking.settings.auth_cache = std::chrono::minutes{1};
    checking.logins.refresh();
    checking.start(pop3::CheckPassword{"slow", "pass1", pop3::Mechanism::pass});
    checking.logins.users_changed();
    CHECK(checking.hashes.work());
    CHECK(checking.checked.value().verdict == Verdict::right);
    const std::size_t done = checking.hashes.done;
    checking.password("slow", "pass1");
    CHECK(checking.hashes.done == done + 1);
}

TEST_CASE("a right password does not open a locked account, and still takes a worker's check") {
    Checking checking{test::users_with_vault({}, "ana:!{PLAIN}pass1:::::\neva:{PLAIN}pass1::::::nologin\n"
                                                 "far:{PLAIN}pass1::::::allow_nets=10.0.0.0/8\n")};
    const std::vector<std::pair<std::string, std::string>> causes = {
        {"ana", "locked account"}, {"eva", "nologin"}, {"far", "not allowed from this address"}};
    for (const auto& [user, cause] : causes) {
        INFO(user);
        const std::size_t done = checking.hashes.done;
        const Checked found = checking.password(user, "pass1");
        CHECK(found.verdict == Verdict::wrong);
        CHECK(found.cause == cause);
        CHECK(found.standing != auth::Standing::open);
        CHECK(checking.hashes.done > done);
    }
}

TEST_CASE("digests are compared by a worker") {
    Checking checking;
    const std::string right = hexadecimal(digest::md5("<1@host>pass1"));
    CHECK(checking.finish(pop3::CheckApop{"user1", right, "<1@host>"}).verdict == Verdict::right);
    const Checked wrong = checking.finish(pop3::CheckApop{"user2", right, "<1@host>"});
    CHECK(wrong.verdict == Verdict::wrong);
    CHECK(wrong.cause == "wrong digest, or no plain password is known");
    CHECK(checking.check->shown().empty());
}

TEST_CASE("a check whose worker dies is neither right nor wrong") {
    Checking checking;
    checking.hashes.dead = true;
    const Checked left = checking.password("user1", "pass1");
    CHECK(left.verdict == Verdict::unknown);
    CHECK(left.cause.starts_with("password check: "));
    CHECK(checking.finish(pop3::CheckApop{"user1", "x", "y"}).verdict == Verdict::unknown);
}

TEST_CASE("a cancelled check reports nothing, and its job is dropped") {
    Checking checking;
    checking.start(pop3::CheckPassword{"slow", "pass1", pop3::Mechanism::pass});
    CHECK(checking.check->shown() == "pass1");
    CHECK(checking.hashes.waiting() == 1);
    checking.check.reset();
    CHECK(checking.hashes.waiting() == 0);
    CHECK_FALSE(checking.hashes.work());
    CHECK(checking.told == 0);
}

TEST_CASE("the callback may destroy the check") {
    Checking checking;
    pop3::CheckPassword proof{"user1", "pass1", pop3::Mechanism::pass};
    const std::string user = proof.user;
    std::unique_ptr<SecretCheck> check;
    int told = 0;
    check = std::make_unique<SecretCheck>(checking.login_needs, net::Ip::from_v4(0x7f000001), user, user, proof,
                                          [&](const Checked&) {
                                              ++told;
                                              check.reset();
                                          });
    check->start();
    CHECK(checking.hashes.work());
    CHECK(told == 1);
}

TEST_CASE("a program vouches for users that are in no file, and says where their mail is") {
    Checking checking;
    checking.ask(R"(
right=$(printf '%s\t%s\t%s' Ym9i Z2VoZWlt MTkyLjAuMi4x)
while read -r line; do
    [ "$line" = "$right" ] && echo 'ok home=/srv/bob uid=1234' || echo no
done)");
    CHECK(checking.password("bob", "wrong").verdict == Verdict::wrong);
    CHECK(checking.users.vouched().find("bob") == nullptr);
    CHECK(checking.password("bob", "geheim").verdict == Verdict::right);
    const VouchedUsers::Mail* const mail = checking.users.vouched().find("bob");
    REQUIRE(mail);
    CHECK(mail->maildir == "/srv/bob/Maildir");
    CHECK(mail->owner.uid == 1234);
    // It is not asked about users who are in a file, nor about a name that could lead outside.
    CHECK(checking.password("user1", "pass1").verdict == Verdict::right);
    CHECK(checking.users.vouched().find("user1") == nullptr);
    const std::size_t running = checking.logins.passwords().running();
    CHECK(checking.password("../bob", "geheim").verdict == Verdict::wrong);
    CHECK(checking.logins.passwords().running() == running);
}

TEST_CASE("a check whose program fails is neither right nor wrong") {
    Checking checking;
    checking.ask("while read -r line; do echo fail no directory; done");
    const Checked left = checking.password("bob", "geheim");
    CHECK(left.verdict == Verdict::unknown);
    CHECK(left.cause == "checkpassword: no directory");
}

TEST_CASE("a token lets in the user that it names, and nobody else") {
    Checking checking;
    checking.ask("while read -r line; do echo ok user1; done");
    const auto token = [&](const std::string& user) {
        return checking.finish(pop3::CheckToken{user, "t0k3n", pop3::Mechanism::oauthbearer});
    };
    CHECK(token("user1").verdict == Verdict::right);
    CHECK(checking.users.vouched().find("user1") == nullptr);
    const Checked other = token("user2");
    CHECK(other.verdict == Verdict::wrong);
    CHECK(other.cause == "token of user1");
    CHECK(other.token_error.find("invalid_token") != std::string::npos);
    checking.ask("while read -r line; do echo ok bob; done");
    CHECK(token("bob").verdict == Verdict::right);
    REQUIRE(checking.users.vouched().find("bob"));
    CHECK(checking.users.vouched().find("bob")->maildir == checking.root + "/bob");
}

TEST_CASE("if the exchange has already decided, the check is right or wrong at once") {
    Checking checking;
    checking.start(pop3::Authenticated{"user1", pop3::Mechanism::scram_sha_256, login::exchange_for("user1", 0)});
    CHECK(checking.checked.value().verdict == Verdict::right);
    checking.start(pop3::NotAuthenticated{"user1", pop3::Mechanism::scram_sha_256});
    CHECK(checking.checked.value().verdict == Verdict::wrong);
    CHECK(checking.checked->cause == "wrong proof");
}

TEST_CASE("a right proof does not open an account that was barred after the exchange began") {
    Checking checking{test::users_with_vault({}, "ana:*:::::\ntom:*::::::buzon_secret=phone:{PLAIN}x\n"
                                                 "eva:{PLAIN}pass1::::::nologin\n"
                                                 "far:{PLAIN}pass1::::::allow_nets=10.0.0.0/8\n")};
    const std::vector<std::pair<std::string, std::string>> causes = {{"ana", "locked account"},
                                                                     {"tom", "locked account"},
                                                                     {"eva", "nologin"},
                                                                     {"far", "not allowed from this address"},
                                                                     {"gone", "unknown user"}};
    for (const auto& [user, cause] : causes) {
        INFO(user);
        checking.start(pop3::Authenticated{user, pop3::Mechanism::scram_sha_256, login::exchange_for(user, 0)});
        CHECK(checking.checked.value().verdict == Verdict::wrong);
        CHECK(checking.checked->cause == cause);
    }
}

TEST_CASE("a proof is for the account with whose secret the exchange began") {
    Checking checking;
    for (const std::string& other : {login::exchange_for("user2", 0), login::exchange_for("user1", 1)}) {
        checking.start(pop3::Authenticated{"user1", pop3::Mechanism::scram_sha_256, other});
        CHECK(checking.checked.value().verdict == Verdict::unknown);
    }
}
