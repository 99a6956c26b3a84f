#include "support/catch.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <string>

#include "../../src/auth/allow_nets.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_base.h"

#include "buzon/auth/keyring.h"
#include "buzon/posix/io.h"
#include "support/sanitized.h"

using namespace buzon::auth;

namespace {

const std::string bcrypt = "{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const std::string stored_pencil =
    "{SCRAM-SHA-256}5000,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const std::optional<Source> home = Source::parse("192.0.2.1");

// A base together with its secrets, which only a worker has.
struct Base : UserBase {
    explicit Base(LoadedUsers loaded) : UserBase{std::move(loaded.users)}, secrets{std::move(loaded.secrets)} {}

    std::uint64_t put(const std::string& secret) {
        changed[next_change()] = secret;
        return changed.rbegin()->first;
    }
    Parsed<bool> add(std::string_view name, const std::string& secret) {
        return UserBase::add(name, put(secret), Secret::parse(secret).value().facts());
    }
    Parsed<bool> set_secret(std::string_view name, const std::string& secret) {
        const std::uint64_t from = base(name).change;
        return UserBase::set_secret(name, put(secret), Secret::parse(secret).value().facts(), from);
    }
    [[nodiscard]] Secret secret_at(const SecretPlace& place) const {
        const std::string text{place.change != 0    ? changed.at(place.change)
                               : place.name.empty() ? std::string{secrets.decoy()}
                                                    : std::string{secrets.secret_of(place.name).value()}};
        const std::string decoy = Keyring{text}.decoy();
        return Secret::parse(Keyring{place.decoy ? decoy : text}.secret("").value()).value();
    }
    // The changes, with the secrets themselves.
    [[nodiscard]] UserChanges changes_in_full() const {
        UserChanges all;
        for (const auto& [name, change] : changes()) {
            all[name] = std::nullopt;
            if (change) all[name] = UserChange{changed.at(change->change), {}, {}, change->new_user};
        }
        return all;
    }

    UserBlock secrets;
    std::map<std::uint64_t, std::string> changed;
};

Base base_of(const std::string& file, const std::vector<NamedSecret>& command_line = {}) {
    auto loaded = UserBase::load(command_line, file);
    INFO(loaded.why());
    REQUIRE(loaded);
    return Base{std::move(loaded).value()};
}

bool opens(const Base& base, std::string_view name, std::string_view password) {
    const Credential credential = base.credential(name, home);
    const bool opened = base.secret_at(credential.place).verify(password);
    return opened && credential.standing == Standing::open;
}

} // namespace

TEST_CASE("NAME:PASS is split at the first colon, and neither part may be empty") {
    const auto parsed = parse_name_and_password("user1:pa:ss:");
    REQUIRE(parsed);
    CHECK(parsed.value().name == "user1");
    CHECK(parsed.value().secret == "{PLAIN}pa:ss:");
    for (const std::string text :
         {"", ":", "user1", "user1:", ":pass", "..:pass", "a/b:pass", "a b:pass", "u:\xff", "u:a\nb"}) {
        INFO(text);
        CHECK_FALSE(parse_name_and_password(text));
    }
    CHECK(parse_name_and_password("a b:hunter2").why().find("hunter2") == std::string::npos);
    CHECK(opens(base_of("", {parse_name_and_password("u:{PLAIN}x").value()}), "u", "{PLAIN}x"));
}

TEST_CASE("a Maildir's owner is given by the numeric ids in the users file, also after the secret has changed") {
    Base base = base_of("ana:{PLAIN}a:1001:100\nbob:{PLAIN}b:bob:\ncarol:{PLAIN}c\ndan:{PLAIN}d::20\n"
                        "eve:{PLAIN}e:-1:4294967296\nfay:{PLAIN}f:0:0:::\n",
                        {});
    using buzon::posix::Ids;
    CHECK((base.find("ana")->ids == Ids{1001, 100}));
    CHECK((base.find("bob")->ids == Ids{}));
    CHECK((base.find("carol")->ids == Ids{}));
    CHECK((base.find("dan")->ids == Ids{Ids::unsaid, 20}));
    CHECK((base.find("eve")->ids == Ids{}));
    CHECK((base.find("fay")->ids == Ids{0, 0}));
    REQUIRE(base.set_secret("ana", "{PLAIN}new"));
    CHECK((base.find("ana")->ids == Ids{1001, 100}));
    REQUIRE(base.add("gus", "{PLAIN}g"));
    CHECK((base.find("gus")->ids == Ids{}));
}

TEST_CASE("users are found only by their whole names") {
    const Base base =
        base_of("# c\nalice:{PLAIN}a1::::/home/alice::nodelay\r\n\nbob:{PLAIN}b1", {{"carol", "{PLAIN}c1"}});
    CHECK(base.size() == 3);
    REQUIRE(base.find("alice"));
    CHECK(base.find("alice")->maildir == "/home/alice/Maildir");
    CHECK(base.find("alice")->nodelay);
    CHECK(base.find("alice")->origin == Origin::file);
    CHECK(base.find("carol")->origin == Origin::command_line);
    for (const std::string name : {"", "a", "alic", "alicea", "Alice", "c", "#", "# c"}) CHECK_FALSE(base.find(name));
    CHECK(opens(base, "alice", "a1"));
    CHECK_FALSE(opens(base, "alice", "b1"));
    CHECK_FALSE(opens(base, "nobody", "a1"));
    std::string order;
    for (UserBase::Place place; const auto user = base.next(place);) order += std::string{user->name} + ' ';
    CHECK(order == "carol alice bob ");
}

TEST_CASE("iterating step by step visits every user once, even while users are added and removed") {
    Base base = base_of("alice:{PLAIN}a\nbob:{PLAIN}b\neve:{PLAIN}e", {{"carol", "{PLAIN}c"}});
    UserBase::Place place;
    std::string seen;
    const auto step = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const auto user = base.next(place);
            seen += user ? std::string{user->name} + '=' +
                               base.secret_at(base.credential(user->name, home).place).plain()[0] + ' '
                         : "- ";
        }
    };
    step(1);
    REQUIRE(base.remove("alice"));
    REQUIRE(base.set_secret("bob", "{PLAIN}bb"));
    REQUIRE(base.set_secret("carol", "{PLAIN}cc")); // already visited
    for (const char* name : {"fred", "dora", "gus"}) REQUIRE(base.add(name, "{PLAIN}n"));
    step(3);
    REQUIRE(base.remove("dora"));          // the iteration is at this user
    REQUIRE(base.add("abel", "{PLAIN}n")); // before that place: not visited
    REQUIRE(base.add("flo", "{PLAIN}n"));
    REQUIRE(base.remove("gus"));
    REQUIRE(base.add("alice", "{PLAIN}again")); // this name has a place in the block
    step(4);
    CHECK(seen == "carol=c bob=bb eve=e dora=n flo=n fred=n - - ");
    CHECK(base.size() == 7);
    CHECK_FALSE(UserBase{}.next(place = {}));
}

TEST_CASE("a user on the command line hides the one with the same name in the file") {
    const Base base = base_of("alice:{PLAIN}file\nbob:{PLAIN}b", {{"alice", "{PLAIN}line"}});
    CHECK(base.size() == 2);
    CHECK(opens(base, "alice", "line"));
    CHECK_FALSE(opens(base, "alice", "file"));
}

TEST_CASE("an invalid file is refused with the line number and without showing its secrets") {
    const auto why = [](const std::string& text) { return UserBase::load({}, text).why(); };
    CHECK(why("a:{PLAIN}x\n\n# c\nb\n").starts_with("line 4: "));
    CHECK(why("a:{PLAIN}x\na:{PLAIN}hunter2\n").starts_with("line 2: "));
    CHECK(why("hunter2").starts_with("line 1: "));
    CHECK(why("a:{PLAIN}x\r\n..:{PLAIN}hunter2\r\n").starts_with("line 2: "));
    for (const std::string text : {"..:hunter2", "a:{PLAIN}x\na:{PLAIN}hunter2", "hunter2"})
        CHECK(why(text).find("hunter2") == std::string::npos);
    CHECK_FALSE(UserBase::load(std::vector<NamedSecret>{{"a", "{PLAIN}x"}, {"a", "{PLAIN}y"}}, ""));
}

TEST_CASE("an unknown scheme or a broken hash locks only that user, and is reported with user and line") {
    Base base = base_of("good:{PLAIN}x\nforeign:{ARGON2ID}hunter2\n# c\nbroken:{SHA512-CRYPT}hunter2\nlocked:!\n");
    CHECK(base.size() == 4);
    CHECK(opens(base, "good", "x"));
    for (const std::string name : {"foreign", "broken"}) {
        CHECK(base.credential(name, home).standing == Standing::locked);
        CHECK_FALSE(opens(base, name, "hunter2"));
        CHECK_FALSE(base.find(name)->fault.empty());
    }
    CHECK(base.find("locked")->fault.empty());
    CHECK(base.block().broken_count() == 2);
    const auto first = base.block().first_broken();
    REQUIRE(first.size() == 2);
    CHECK(first[0].user.name == "foreign");
    CHECK(first[0].line == 2);
    CHECK(first[1].line == 4);
    // A new secret unlocks the user.
    CHECK(base.set_secret("foreign", "{PLAIN}new"));
    CHECK(base.find("foreign")->fault.empty());
    CHECK(opens(base, "foreign", "new"));
    CHECK(base.remove("broken"));
}

TEST_CASE("all findings in a file are reported, and the file is refused if one is fatal") {
    std::vector<Finding> findings;
    CHECK_FALSE(UserBase::load({}, "a:{PLAIN}x\nb:{NOSUCH}hunter2\nc\na:{PLAIN}y\nd:{PLAIN}z\n", &findings));
    REQUIRE(findings.size() == 3);
    CHECK(findings[0].line == 2);
    CHECK_FALSE(findings[0].fatal);
    CHECK(findings[0].what == "b: unknown password scheme {NOSUCH}; this user cannot log in");
    CHECK((findings[1].line == 3 && findings[1].fatal));
    CHECK((findings[2].line == 4 && findings[2].fatal));
    findings.clear();
    CHECK(UserBase::load({}, "b:{NOSUCH}hunter2\n", &findings));
    CHECK(findings.size() == 1);
}

TEST_CASE("a uid or gid that is not a number is reported") {
    std::vector<Finding> findings;
    CHECK(UserBase::load({}, "a:{PLAIN}x:mail:8\nb:{PLAIN}x:1000:x\nc:{PLAIN}x:1000:\nd:{PLAIN}x\n", &findings));
    REQUIRE(findings.size() == 2);
    CHECK((findings[0].line == 1 && findings[0].what.starts_with("a: uid and gid ") && !findings[0].fatal));
    CHECK((findings[1].line == 2 && findings[1].what.starts_with("b: uid and gid ") && !findings[1].fatal));
}

TEST_CASE("all broken secrets are counted, however many, and the first eight are named") {
    constexpr int many = 100'000 / buzon::test::endurance_divisor;
    std::string file;
    for (int i = 0; i < many; ++i) file += "user" + std::to_string(i) + ":{ARGON2ID}x\n";
    const Base base = base_of(file);
    CHECK(base.block().broken_count() == many);
    REQUIRE(base.block().first_broken().size() == 8);
    CHECK(base.block().first_broken()[7].user.name == "user7");
    CHECK(base.block().first_broken()[7].line == 8);
}

TEST_CASE("unknown and barred users are checked against a decoy as slow as the slowest secret") {
    const Base base = base_of("plain:{PLAIN}x\nslow:" + bcrypt +
                              "\nlocked:*\nno:{PLAIN}x::::::nologin\n"
                              "far:{PLAIN}x::::::allow_nets=10.0.0.0/8\n");
    const auto standing = [&base](std::string_view name) { return base.credential(name, home).standing; };
    CHECK(standing("plain") == Standing::open);
    CHECK(standing("slow") == Standing::open);
    CHECK(standing("nobody") == Standing::unknown);
    CHECK(standing("locked") == Standing::locked);
    CHECK(standing("no") == Standing::nologin);
    CHECK(standing("far") == Standing::wrong_network);
    CHECK(base.credential("far", Source::parse("10.9.9.9")).standing == Standing::open);
    CHECK(base.credential("far", std::nullopt).standing == Standing::wrong_network);
    const std::uint64_t slowest = Secret::parse(bcrypt).value().cost();
    for (const std::string name : {"nobody", "locked", "no", "far"}) {
        const Secret decoy = base.secret_at(base.credential(name, home).place);
        CHECK(decoy.cost() == slowest);
        CHECK_FALSE(opens(base, name, "x"));
        CHECK_FALSE(decoy.verify("U*U"));
    }
    CHECK_FALSE(opens(base_of(""), "nobody", ""));
}

TEST_CASE(
    "a SCRAM source says where the credentials are, how many iterations to use, and whether any must be derived") {
    const Base base = base_of("stored:" + stored_pencil + "\nclear:{PLAIN}x\nhashed:" + bcrypt + "\n");
    const ScramSource stored = base.scram_source("stored", home);
    CHECK(stored.credential.standing == Standing::open);
    CHECK_FALSE(stored.slow);
    CHECK(base.secret_at(stored.credential.place).scram()->iterations == 5000);
    for (const std::string name : {"clear", "hashed", "nobody", ""}) {
        const ScramSource derived = base.scram_source(name, home);
        CHECK(derived.slow); // an unknown user takes as long
        CHECK(derived.derive_decoys);
        CHECK(derived.iterations == 5000); // the same as the stored ones, so that the number reveals nothing
        CHECK(derived.credential.place.decoy == (name == "nobody" || name.empty()));
    }
    const ScramSource fake = base_of("stored:" + stored_pencil).scram_source("nobody", home);
    CHECK_FALSE(fake.slow);
    CHECK_FALSE(fake.derive_decoys);
}

TEST_CASE("the base knows whether a user has a clear password, but not the password") {
    const Base base = base_of("clear:{PLAIN}hunter2\nhashed:" + bcrypt + "\n");
    CHECK(base.knows_clear_passwords());
    CHECK(base.find("clear")->clear);
    CHECK_FALSE(base.find("hashed")->clear);
    CHECK(base.find("hashed")->slow);
    CHECK(base.block().bytes().find("hunter2") == std::string_view::npos);
    CHECK(base.block().bytes().find("CCCCCC") == std::string_view::npos);
    CHECK_FALSE(base_of("hashed:" + bcrypt).knows_clear_passwords());
}

TEST_CASE("users are added, changed and removed at run time") {
    Base base = base_of("alice:{PLAIN}a::::/h::nodelay allow_nets=192.0.2.1\nbob:{PLAIN}b\n", {{"carol", "{PLAIN}c"}});
    CHECK(base.add("dave", "{PLAIN}d"));
    CHECK(opens(base, "dave", "d"));
    CHECK(base.find("dave")->origin == Origin::run_time);
    CHECK_FALSE(base.add("dave", "{PLAIN}other"));
    CHECK_FALSE(base.add("../x", "{PLAIN}d"));
    CHECK(opens(base, "dave", "d"));

    CHECK(base.set_secret("alice", "{PLAIN}longer than before"));
    CHECK(opens(base, "alice", "longer than before"));
    CHECK_FALSE(opens(base, "alice", "a"));
    CHECK(base.find("alice")->maildir == "/h/Maildir");
    CHECK(base.find("alice")->nodelay);
    CHECK(base.find("alice")->allow_nets == "192.0.2.1");
    CHECK_FALSE(base.set_secret("nobody", "{PLAIN}x"));

    CHECK(base.remove("bob"));
    CHECK_FALSE(base.find("bob"));
    CHECK_FALSE(base.remove("bob"));
    CHECK(base.set_secret("carol", "{PLAIN}cc"));
    CHECK(base.size() == 3);

    CHECK(base.changes_in_full() == UserChanges{{"alice", UserChange{"{PLAIN}longer than before"}},
                                                {"bob", std::nullopt},
                                                {"carol", UserChange{"{PLAIN}cc"}},
                                                {"dave", UserChange{"{PLAIN}d"}}});
    CHECK(base.changes_without_file() == std::vector<std::string>{"carol"});
    SecretChanges written = base.changes();
    written.erase("alice"); // not written
    CHECK(base.set_secret("carol", "{PLAIN}changed since"));
    base.forget_changes(written);
    REQUIRE(base.changes().size() == 2);
    CHECK(base.changes().contains("alice"));
    CHECK(base.changes().contains("carol"));
    written = base.changes();
    base.forget_changes(written);
    CHECK(base.changes().empty());
    CHECK(base.add("bob", "{PLAIN}again"));
    CHECK(opens(base, "bob", "again"));
}

TEST_CASE("whether there are clear passwords is updated with every change") {
    Base base = base_of("a:{PLAIN}x\n");
    CHECK(base.set_secret("a", bcrypt));
    CHECK_FALSE(base.knows_clear_passwords());
    CHECK(base.add("b", "{CLEAR}x"));
    CHECK(base.knows_clear_passwords());
    CHECK(base.remove("b"));
    CHECK_FALSE(base.knows_clear_passwords());
}

TEST_CASE("unsaved changes stay in force after the file is loaded again") {
    Base before = base_of("alice:{PLAIN}a\nbob:{PLAIN}b\n");
    CHECK(before.add("dave", "{PLAIN}d"));
    CHECK(before.remove("bob"));
    CHECK(before.set_secret("alice", "{PLAIN}aa"));
    Base after = base_of("alice:{PLAIN}new\nbob:{PLAIN}b\neve:{PLAIN}e\n");
    after.repeat_changes_of(before);
    after.changed = before.changed;  // the same vault
    CHECK(after.next_change() == 3); // no number is reused
    CHECK(opens(after, "alice", "aa"));
    CHECK(opens(after, "dave", "d"));
    CHECK(opens(after, "eve", "e"));
    CHECK_FALSE(after.find("bob"));
    CHECK(after.changes() == before.changes());
}

TEST_CASE("a user who is added, saved, removed and added again inherits nothing from the saved line") {
    Base before = base_of("bob:{PLAIN}b\n");
    REQUIRE(before.add("carol", "{PLAIN}old"));
    const SecretChanges written = before.changes();
    before.forget_changes(written);
    REQUIRE(before.remove("carol"));
    REQUIRE(before.add("carol", "{PLAIN}new"));
    const std::string file = "bob:{PLAIN}b\ncarol:{PLAIN}old:7:7::::buzon_secret=tv:{PLAIN}t\n";
    CHECK(rewrite_passwd_file(file, before.changes_in_full()) == "bob:{PLAIN}b\ncarol:{PLAIN}new\n");
    Base after = base_of(file);
    after.repeat_changes_of(before);
    CHECK(after.find("carol")->applications.empty());
    CHECK((after.find("carol")->ids == buzon::posix::Ids{}));
}

TEST_CASE("a new user with the name of a removed one inherits nothing from that one's line") {
    const std::string file = "alice:{PLAIN}a:7:7::/h::nologin buzon_secret=tv:{PLAIN}t\nbob:{PLAIN}b\n";
    Base before = base_of(file);
    REQUIRE(before.remove("alice"));
    REQUIRE(before.add("alice", "{PLAIN}first"));
    REQUIRE(before.set_secret("alice", "{PLAIN}new"));
    Base after = base_of(file);
    after.repeat_changes_of(before);
    after.changed = before.changed;
    const auto alice = after.find("alice");
    REQUIRE(alice);
    CHECK(alice->maildir.empty());
    CHECK((alice->ids == buzon::posix::Ids{}));
    CHECK_FALSE(alice->nologin);
    CHECK(alice->applications.empty());
    CHECK(opens(after, "alice", "new"));
    CHECK(after.size() == 2);
    CHECK(after.changes() == before.changes());
    CHECK(rewrite_passwd_file(file, after.changes_in_full()) == "alice:{PLAIN}new\nbob:{PLAIN}b\n");
    const SecretChanges written = after.changes();
    after.forget_changes(written);
    // The operator may now have added to the line.
    REQUIRE(after.set_secret("alice", "{PLAIN}newer"));
    CHECK(rewrite_passwd_file("alice:{PLAIN}new::::/n\n", after.changes_in_full()) == "alice:{PLAIN}newer::::/n\n");
}

TEST_CASE("a user is slow to verify as long as one of the secrets is, also after the file is loaded again") {
    const auto is_slow = [](const Base& base, std::string_view name) { return base.credential(name, home).slow; };
    Base before = base_of("ana:{PLAIN}a\n");
    const std::uint64_t change = before.put(bcrypt);
    REQUIRE(before.add_application("ana", parse_application("tv").value(), change,
                                   Secret::parse(bcrypt).value().facts(), 0));
    CHECK(is_slow(before, "ana"));
    Base after = base_of("ana:{PLAIN}a\n");
    after.repeat_changes_of(before);
    CHECK(is_slow(after, "ana"));
    CHECK(is_slow(after, "nobody"));
    REQUIRE(after.set_secret("ana", "{PLAIN}b"));
    CHECK(is_slow(after, "ana"));
    REQUIRE(after.remove_application("ana", "tv"));
    CHECK_FALSE(is_slow(after, "ana"));

    Base in_line = base_of("ana:{PLAIN}a::::::buzon_secret=tv:" + bcrypt + "\n");
    CHECK(is_slow(in_line, "ana"));
    REQUIRE(in_line.set_secret("ana", "{PLAIN}b"));
    CHECK(is_slow(in_line, "ana"));
    REQUIRE(in_line.remove_application("ana", "tv"));
    CHECK_FALSE(is_slow(in_line, "ana"));
}

TEST_CASE("a keyring is slow to verify only if one of the secrets in force is") {
    const std::vector<std::string> all, main{""}, tv{"tv"};
    const std::string text = Keyring::with("{PLAIN}a", main, "tv", bcrypt);
    CHECK(Keyring{text}.is_slow(all));
    CHECK(Keyring{text}.is_slow(tv));
    CHECK_FALSE(Keyring{text}.is_slow(main));
}

TEST_CASE("the users are right after ten thousand additions and removals") {
    Base base = base_of("keep:{PLAIN}kept\n");
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 100; ++i) REQUIRE(base.add("user" + std::to_string(i), "{PLAIN}p" + std::to_string(round)));
        CHECK(base.size() == 101);
        CHECK(opens(base, "user57", "p" + std::to_string(round)));
        for (int i = 99; i >= 0; --i) REQUIRE(base.remove("user" + std::to_string(i)));
    }
    CHECK(base.size() == 1);
    CHECK(opens(base, "keep", "kept"));
}

namespace {

// A memfd, sealed or not, like the one in which a worker hands over a block.
buzon::posix::UniqueFd in_memory(std::string_view bytes, int seals) {
    buzon::posix::UniqueFd memory{::memfd_create("block", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    REQUIRE(memory);
    REQUIRE_FALSE(buzon::posix::write_all(memory.get(), bytes));
    if (seals != 0) REQUIRE(::fcntl(memory.get(), F_ADD_SEALS, seals) == 0);
    return memory;
}

} // namespace

TEST_CASE("a block of users can be read from a sealed memfd, and anything else is not accepted as a block") {
    const Base made =
        base_of("alice:{PLAIN}a::::/h::nodelay allow_nets=192.0.2.1\nhashed:" + bcrypt + "\n", {{"carol", "{PLAIN}c"}});
    const std::string bytes{made.block().bytes()};
    const int good = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    auto block = UserBlock::from_fd(in_memory(bytes, good));
    REQUIRE(block);
    Base base{{std::move(block).value(), {}}};
    base.secrets = UserBlock::from_fd(in_memory(std::string{made.secrets.bytes()}, good)).value();
    CHECK(base.size() == 3);
    CHECK(opens(base, "alice", "a"));
    CHECK(opens(base, "hashed", "U*U"));
    CHECK_FALSE(base.find("nobody"));
    CHECK(base.find("alice")->maildir == "/h/Maildir");
    CHECK(base.find("carol")->origin == Origin::command_line);
    CHECK(base.secrets.decoy() == made.secrets.decoy());
    CHECK(base.remove("carol"));
    CHECK(base.changes_without_file() == std::vector<std::string>{"carol"});
    CHECK(base.set_secret("alice", bcrypt));
    CHECK_FALSE(base.knows_clear_passwords());

    CHECK_FALSE(UserBlock::from_fd(in_memory(bytes, 0))); // somebody could still change it under us
    CHECK_FALSE(UserBlock::from_fd(in_memory(bytes + "x", good)));
    CHECK_FALSE(UserBlock::from_fd(in_memory(bytes.substr(0, bytes.size() - 1), good)));
    CHECK_FALSE(UserBlock::from_fd(in_memory("not a block", good)));
    CHECK_FALSE(UserBlock::from_fd(in_memory(std::string(500, 'x'), good)));
    CHECK(UserBase{UserBlock{}}.size() == 0);
    CHECK_FALSE(UserBase{}.find("a"));
}

TEST_CASE("users are found among very many others") {
    constexpr int many = 100'000 / buzon::test::endurance_divisor;
    std::string file;
    for (int i = 0; i < many; ++i)
        file += "user" + std::to_string(i) + "@example.org:{PLAIN}pass" + std::to_string(i) + ":1:1::/home/u" +
                std::to_string(i) + "::userdb_mail=maildir:~/Maildir:CONTROL=~/control\n";
    const Base base = base_of(file);
    CHECK(base.size() == many);
    for (int i = 0; i < many; i += 997) {
        const auto user = base.find("user" + std::to_string(i) + "@example.org");
        REQUIRE(user);
        CHECK(base.secrets.secret_of(user->name) == "{PLAIN}pass" + std::to_string(i));
        CHECK(user->maildir == "/home/u" + std::to_string(i) + "/Maildir");
        CHECK(user->control == "/home/u" + std::to_string(i) + "/control");
    }
    CHECK_FALSE(base.find("user100000@example.org"));
}

TEST_CASE("networks are matched to the bit, and IPv4-mapped addresses as IPv4") {
    const auto allows = [](std::string_view nets, std::string_view address) {
        return AllowNets::parse(nets).value().contains(Source::parse(address));
    };
    CHECK(allows("192.168.0.0/23", "192.168.1.255"));
    CHECK_FALSE(allows("192.168.0.0/23", "192.168.2.0"));
    CHECK(allows("192.168.0.0/23", "::ffff:192.168.1.1"));
    CHECK(allows("10.0.0.1", "10.0.0.1"));
    CHECK_FALSE(allows("10.0.0.1", "10.0.0.2"));
    CHECK(allows("10.0.0.1,2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(allows("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(allows("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(allows("0.0.0.0/0", "2001:db8::1"));
    CHECK_FALSE(allows("::/0", "203.0.113.9"));
    CHECK(allows("::ffff:10.0.0.0/104", "10.255.0.1"));
    CHECK(AllowNets::parse("local,10.0.0.1").value().contains(std::nullopt));
    CHECK_FALSE(AllowNets::parse("10.0.0.1").value().contains(std::nullopt));
    for (const std::string text : {"", ",", "10.0.0.1,", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0.1/-1",
                                   "10.0.0.1/8x", "host", "10.0.0", "::1%lo", "10.0.0.1 "}) {
        INFO(text);
        CHECK_FALSE(AllowNets::parse(text));
    }
}

TEST_CASE("a source's prefix is the IPv4 address or the IPv6 /64") {
    CHECK(Source::parse("192.0.2.1")->prefix() == Source::parse("::ffff:192.0.2.1"));
    CHECK(Source::parse("2001:db8:1:2:3:4:5:6")->prefix() == Source::parse("2001:db8:1:2::"));
    CHECK_FALSE(Source::parse(std::string_view{"192.0.2.1\0", 10}));
}
