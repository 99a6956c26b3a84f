#include "../../src/workers/secrets.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/workers/vaults.h"
#include "buzon/auth/secret.h"
#include "support/catch.h"
#include "support/vaults.h"

using namespace buzon;
using namespace buzon::jobs;

namespace {

const std::string bcrypt = "{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"; // U*U
const std::string pencil = "{SCRAM-SHA-256}5000,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
                           "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const std::string key(32, 'k');

bool right(const auth::UserBase& users, std::string_view name, std::string_view password) {
    const auth::Credential credential = users.credential(name, std::nullopt);
    const auto said = workers::check(Verify{credential.place, password}, credential.vault->get());
    REQUIRE(said);
    return said.value().right && credential.standing == auth::Standing::open;
}

GetScram::Answer scram_of(const auth::UserBase& users, std::string_view name) {
    const auth::ScramSource source = users.scram_source(name, std::nullopt);
    const auto said =
        workers::scram(GetScram{source.credential.place, name, key, source.iterations, source.derive_decoys},
                       source.credential.vault->get());
    REQUIRE(said);
    return said.value();
}

// Puts a secret into the vault of changes, as USER ADD and USER PASS do.
std::uint64_t put(auth::UserBase& users, std::string_view scheme, std::string_view password, auth::SecretFacts& facts) {
    const std::uint64_t change = users.next_change();
    const auto said = workers::make(MakeSecret{scheme, password, {}, change, {}}, users.changed_vault()->get());
    REQUIRE(said);
    facts = said.value().facts;
    return change;
}

} // namespace

TEST_CASE("the key of a vault can be neither read nor mapped, and only a worker can open it") {
    const auth::UserBase users = test::users_with_vault({}, "ana:{PLAIN}geheim\n");
    const auth::Credential credential = users.credential("ana", std::nullopt);
    const int vault = credential.vault->get();
    char octet = 0;
    CHECK(::pread(vault, &octet, 1, 0) < 0);
    CHECK(errno == EBADF);
    CHECK(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, vault, 0) == MAP_FAILED);
    struct stat about {};
    REQUIRE(::fstat(vault, &about) == 0);
    CHECK((about.st_mode & 07777) == 0);
    CHECK(users.block().bytes().find("geheim") == std::string_view::npos);
    CHECK(right(users, "ana", "geheim"));
    REQUIRE(::fstat(vault, &about) == 0);
    CHECK((about.st_mode & 07777) == 0); // again
}

TEST_CASE("a worker verifies passwords from the file and from changes, and refuses unknown and locked users") {
    auth::UserBase users = test::users_with_vault({}, "ana:{PLAIN}geheim\nhashed:" + bcrypt + "\nlocked:!\n");
    CHECK(right(users, "ana", "geheim"));
    CHECK_FALSE(right(users, "ana", "Geheim"));
    CHECK(right(users, "hashed", "U*U"));
    CHECK_FALSE(right(users, "hashed", "geheim"));
    for (const char* password : {"geheim", "U*U", "!", ""}) {
        CHECK_FALSE(right(users, "nobody", password));
        CHECK_FALSE(right(users, "locked", password));
    }
    auth::SecretFacts facts;
    std::uint64_t change = put(users, "PLAIN", "neu", facts);
    CHECK(facts.clear);
    REQUIRE(users.set_secret("ana", change, facts, 0));
    CHECK(right(users, "ana", "neu"));
    CHECK_FALSE(right(users, "ana", "geheim"));
    change = put(users, "SHA512-CRYPT", "slow one", facts);
    CHECK(facts.cost > 0);
    REQUIRE(users.add("bo", change, facts));
    CHECK(right(users, "bo", "slow one"));
    CHECK(right(users, "ana", "neu"));
    CHECK_FALSE(right(users, "nobody", "slow one")); // the decoy may be made from it
    // Loading the file again keeps them.
    auth::UserBase after = test::users_with_vault({}, "ana:{PLAIN}third\n");
    after.repeat_changes_of(users);
    CHECK(right(after, "ana", "neu"));
    CHECK(right(after, "bo", "slow one"));
}

TEST_CASE("the secrets of changes are found complete, even after one that was cut short") {
    auth::UserBase users = test::users_with_vault({}, "");
    const int vault = users.changed_vault()->get();
    const auto file = files::open_vault(vault, O_RDWR | O_APPEND);
    REQUIRE(file);
    REQUIRE_FALSE(files::append_secret(file.value().get(), 1, "{PLAIN}one"));
    workers::Vaults vaults;
    CHECK(vaults.keyring(vault, {{}, 1, false}).value() == "{PLAIN}one");
    REQUIRE(::write(file.value().get(), "\n2 {PLAIN}tw", 11) == 11); // its worker was killed
    CHECK_FALSE(vaults.keyring(vault, {{}, 2, false}));
    REQUIRE_FALSE(files::append_secret(file.value().get(), 2, "{PLAIN}two"));
    REQUIRE_FALSE(files::append_secret(file.value().get(), 3, "{PLAIN}three"));
    CHECK(vaults.keyring(vault, {{}, 2, false}).value() == "{PLAIN}two");
    CHECK(vaults.keyring(vault, {{}, 3, false}).value() == "{PLAIN}three");
    CHECK(vaults.keyring(vault, {{}, 1, false}).value() == "{PLAIN}one");
    CHECK_FALSE(vaults.keyring(vault, {{}, 4, false}));
    CHECK_FALSE(vaults.keyring(-1, {{}, 1, false}));
    const auto changes = [vault](auth::RunTimeChange of_ana) {
        return workers::with_secrets({Edited::users, {}, {}, {{"ana", std::move(of_ana)}}, {"bo"}}, vault);
    };
    REQUIRE(changes({3, true, {}, {}}));
    CHECK(changes({3, true, {}, {}}).value() ==
          auth::UserChanges{{"ana", auth::UserChange{"{PLAIN}three"}}, {"bo", std::nullopt}});
    CHECK(changes({3, true, {}, {}, true}).value().at("ana") == auth::UserChange{"{PLAIN}three", {}, {}, true});
    CHECK_FALSE(changes({17, true, {}, {}}));
    CHECK_FALSE(changes({3, true, {"phone"}, {}})); // that keyring does not have it
}

TEST_CASE("a worker reports which of a user's secrets a password matches, and accepts only those in force") {
    auth::UserBase users = test::users_with_vault(
        {}, "ana:{PLAIN}main::::::buzon_secret=phone:{PLAIN}one;rights=read buzon_secret=tv:" + bcrypt + "\n");
    const auto opened_by = [&users](std::string_view password) -> std::string {
        const auth::Credential credential = users.credential("ana", std::nullopt);
        auto said = workers::check(Verify{credential.place, password}, credential.vault->get());
        if (said && !said.value().right && credential.changed)
            said = workers::check(Verify{*credential.changed, password}, users.changed_vault()->get());
        REQUIRE(said);
        return said.value().right ? '<' + said.value().label + '>' : "wrong";
    };
    const auto add = [&users](const std::string& label, std::string_view password) {
        const std::uint64_t change = users.next_change();
        const auto base = users.base("ana");
        const auto made =
            workers::make(MakeSecret{"PLAIN", password, label, change, base}, users.changed_vault()->get());
        REQUIRE(made);
        if (label.empty()) return users.set_secret("ana", change, made.value().facts, base.change);
        return users.add_application("ana", auth::parse_application(label).value(), change, made.value().facts,
                                     base.change);
    };
    CHECK(opened_by("main") == "<>");
    CHECK(opened_by("one") == "<phone>");
    CHECK(opened_by("U*U") == "<tv>");
    CHECK(opened_by("phone") == "wrong");
    REQUIRE(add("laptop", "two"));
    CHECK_FALSE(add("laptop", "other"));
    CHECK(opened_by("two") == "<laptop>");
    CHECK(opened_by("other") == "wrong");
    CHECK(opened_by("main") == "<>");
    REQUIRE(add("", "new main"));
    CHECK(opened_by("main") == "wrong");
    CHECK(opened_by("new main") == "<>");
    CHECK(opened_by("two") == "<laptop>"); // carried over to the next keyring
    REQUIRE(users.remove_application("ana", "phone"));
    REQUIRE(users.remove_application("ana", "laptop"));
    CHECK_FALSE(users.remove_application("ana", "laptop"));
    CHECK(opened_by("one") == "wrong");
    CHECK(opened_by("two") == "wrong");
    CHECK(opened_by("U*U") == "<tv>");
    REQUIRE(add("phone", "three"));
    CHECK(opened_by("three") == "<phone>");
    CHECK(opened_by("one") == "wrong");
    // SAVE writes what the worker knows; loading the file again keeps what was not saved.
    const auth::RunTimeChange& change = *users.changes().at("ana");
    const auto written =
        workers::with_secrets({Edited::users, {}, {}, {{"ana", change}}, {}}, users.changed_vault()->get());
    REQUIRE(written);
    CHECK(written.value().at("ana") ==
          auth::UserChange{"{PLAIN}new main", {"phone", "laptop"}, {"phone:{PLAIN}three"}});
    auth::UserBase after =
        test::users_with_vault({}, "ana:{PLAIN}main::::::buzon_secret=phone:{PLAIN}one buzon_secret=car:{PLAIN}four\n");
    after.repeat_changes_of(users);
    std::swap(users, after);
    CHECK(opened_by("three") == "<phone>");
    CHECK(opened_by("one") == "wrong");
    CHECK(opened_by("new main") == "<>");
}

TEST_CASE("a keyring without a usable secret and the decoy of a large one let nobody in") {
    const auth::UserBase users = test::users_with_vault(
        {}, "none:!\nonly:*::::::buzon_secret=phone:{PLAIN}one\nlarge:{PLAIN}x::::::buzon_secret=a:" + bcrypt +
                " buzon_secret=b:" + bcrypt + "\n");
    CHECK(right(users, "only", "one"));
    for (const char* password : {"", "*", "one", "U*U", "x", "phone:{PLAIN}one"}) {
        CHECK_FALSE(right(users, "nobody", password));
        CHECK_FALSE(right(users, "none", password));
        if (password != std::string_view{"one"}) CHECK_FALSE(right(users, "only", password));
    }
    CHECK(right(users, "large", "U*U"));
    CHECK_FALSE(scram_of(users, "only").genuine);
}

TEST_CASE("a worker compares digests, and a decoy is not a password") {
    const auth::UserBase users = test::users_with_vault({}, "mrose:{PLAIN}tanstaaf\nhashed:" + bcrypt + "\n");
    const auto agrees = [&users](std::string_view name, std::string_view digest) {
        const auth::Credential credential = users.credential(name, std::nullopt);
        const CheckDigest job{credential.place, true, "<1896.697170952@dbc.mtview.ca.us>", digest};
        const auto said = workers::check(job, credential.vault->get());
        REQUIRE(said);
        return said.value().right;
    };
    CHECK(agrees("mrose", "c4c9334bac560ecc979e58001b3e22fb")); // RFC 1939 section 7
    CHECK_FALSE(agrees("mrose", "c4c9334bac560ecc979e58001b3e22fc"));
    CHECK_FALSE(agrees("hashed", "c4c9334bac560ecc979e58001b3e22fb"));
    CHECK_FALSE(agrees("nobody", "c4c9334bac560ecc979e58001b3e22fb"));
    // MD5 of the timestamp and the decoy of plain passwords, which is one NUL.
    const auth::UserBase plain = test::users_with_vault({}, "ana:{PLAIN}x\n");
    const auth::Credential nobody = plain.credential("nobody", std::nullopt);
    const CheckDigest job{nobody.place, true, "t", "6a64b8be19fb12e74feab8a7a858f83b"};
    CHECK_FALSE(workers::check(job, nobody.vault->get()).value().right);
}

TEST_CASE("SCRAM credentials are the stored ones, derived ones, or constant ones that match no proof") {
    const auth::UserBase users =
        test::users_with_vault({}, "stored:" + pencil + "\nclear:{PLAIN}a\xc2\xa0z\nhashed:" + bcrypt + "\n");
    const GetScram::Answer stored = scram_of(users, "stored");
    CHECK(stored.genuine);
    CHECK("{SCRAM-SHA-256}" + stored.credentials == pencil);
    const GetScram::Answer clear = scram_of(users, "clear");
    CHECK(clear.genuine);
    CHECK(clear.credentials ==
          auth::to_text(auth::derive_scram("a z", auth::scram_salt_for(key, "clear"), 5000))); // prepared
    for (const std::string name : {"hashed", "nobody", ""}) {
        const GetScram::Answer fake = scram_of(users, name);
        CHECK_FALSE(fake.genuine);
        const auto made = auth::parse_scram_credentials(fake.credentials);
        REQUIRE(made);
        CHECK(made.value().iterations == 5000);
        CHECK(made.value().salt == auth::scram_salt_for(key, name));
        CHECK(fake.credentials == scram_of(users, name).credentials); // always the same
    }
    const auth::UserBase only_stored = test::users_with_vault({}, "stored:" + pencil + "\n");
    CHECK_FALSE(scram_of(only_stored, "nobody").genuine);
}
