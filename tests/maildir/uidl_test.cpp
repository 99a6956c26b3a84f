#include "buzon/message/uidl_rules.h"

#include <sys/wait.h>

#include <vector>

#include "../../src/maildir/foreign_list.h"
#include "../../src/maildir/frozen_list.h"
#include "buzon/maildir/trash.h"
#include "buzon/maildir/update.h"
#include "buzon/message/uidl_format.h"
#include "faults.h"
#include "maildir_fixture.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::maildir;

namespace {

using Names = std::vector<std::string>;

Names uidls_of(const Snapshot& snapshot) {
    Names all;
    for (std::uint32_t i = 0; i < snapshot.count(); ++i) all.emplace_back(snapshot.uidl(i));
    return all;
}

std::string filled(std::string_view format) {
    std::string trouble;
    const UidlFormat parsed = UidlFormat::parse(format, trouble);
    CHECK(trouble.empty());
    return parsed.fill_in({1, 1795425698, "1700000001.M1P1.h,S=9", "f6be6e13"});
}

ScanOptions with(UidlSource source, std::string format = UidlRules{}.dovecot_format) {
    ScanOptions options;
    options.uidl.source = source;
    options.uidl.dovecot_format = std::move(format);
    return options;
}

constexpr const char* dovecot_list = "3 V1795425698 N6 Gf6be6e13a205046be652000083ecc375\n"
                                     "1 W51 :1700000009.a\n"
                                     "2 :1700000002.b\n"
                                     "3 Pold-uidl G1234 :1700000003.c\n"
                                     "4 P O7 :1700000004.d\n"
                                     "5 O3 :1700000005.e,S=99,W=999\n";

void put_listed(const TestMaildir& maildir) {
    for (const char* name : {"cur/1700000009.a:2,S", "new/1700000002.b", "cur/1700000003.c:2,", "cur/1700000004.d:2,FS",
                             "new/1700000005.e,S=99,W=999"})
        maildir.put(name);
    maildir.put("dovecot-uidlist", dovecot_list);
}

const Names dovecot_uidls{"000000056b0405a2", "1700000004.d", "000000016b0405a2", "000000026b0405a2", "old-uidl"};

} // namespace

TEST_CASE("Dovecot's UIDL formats, old and new") {
    CHECK(filled("%08Xu%08Xv") == "000000016b0405a2");
    CHECK(filled("%{uid | hex(8)}%{uidvalidity | hex(8)}") == "000000016b0405a2");
    CHECK(filled("%{uid|hex(8)|upper}%{uidvalidity|hex(8)|upper}") == "000000016B0405A2");
    CHECK(filled("%v.%u") == "1795425698.1");
    CHECK(filled("%{uidvalidity}.%{uid}") == "1795425698.1");
    CHECK(filled("%f") == "1700000001.M1P1.h,S=9");
    CHECK(filled("%g") == "f6be6e13");
    CHECK(filled("%{filename}-%{guid}") == "1700000001.M1P1.h,S=9-f6be6e13");
    CHECK(filled("UID%u-%v") == "UID1-1795425698");
    CHECK(filled("%Xv%%%03u") == "6b0405a2%001");
    CHECK(filled("%4v%u") == "17951");
    CHECK(filled("%{uidvalidity | hex(4)}%u") == "05a21");
    CHECK(filled("%08UXu") == "00000001");
}

TEST_CASE("a format that is invalid, or does not tell messages apart, is refused with a reason") {
    for (const char* bad : {"", "x", "%v", "%", "%u%", "%q", "%{uid", "%{nothing}", "%{uid | md5}", "%{uid | hex(}",
                            "%{uid | hex(x)}", "%999u", "%m", "%{}", "%u %v", "%u\t", "%u\xE9"})
        CHECK_FALSE(trouble_with_uidl_format(bad).empty());
    CHECK(trouble_with_uidl_format("%u").empty());
}

TEST_CASE("a dovecot-uidlist gives the same UIDLs and order as Dovecot") {
    const TestMaildir maildir;
    put_listed(maildir);
    CHECK(uidls_of(*maildir.scan()) == dovecot_uidls);
}

TEST_CASE("UIDLs stay the same through deliveries, deletions and flags, and without Dovecot's list") {
    const TestMaildir maildir;
    put_listed(maildir);
    maildir.scan();
    maildir.put("new/1600000000.old-but-late");
    maildir.put("new/1700000099.x");
    maildir.remove("cur/1700000004.d:2,FS");
    maildir.rename("new/1700000002.b", "cur/1700000002.b:2,RS");
    const Names now{"000000056b0405a2", "000000016b0405a2",        "000000026b0405a2",
                    "old-uidl",         "1600000000.old-but-late", "1700000099.x"};
    CHECK(uidls_of(*maildir.scan()) == now);

    // Dovecot goes on and lists the new messages too, but they already have UIDLs.
    maildir.put("dovecot-uidlist",
                dovecot_list + std::string{"6 :1700000099.x\n7 :1600000000.old-but-late\n8 :1700000100.y\n"});
    CHECK(uidls_of(*maildir.scan()) == now);
    maildir.put("new/1700000100.y");
    Names more = now;
    more.push_back("000000086b0405a2");
    CHECK(uidls_of(*maildir.scan()) == more);

    maildir.remove("dovecot-uidlist");
    maildir.remove(index_file_name);
    CHECK(uidls_of(*maildir.scan()) == more);
    CHECK(uidls_of(*maildir.scan(with(UidlSource::base_name))) == more);
}

TEST_CASE("a Maildir once served by base names keeps them when another server's list appears") {
    const TestMaildir maildir;
    for (const char* name : {"cur/1700000009.a:2,S", "new/1700000002.b"}) maildir.put(name);
    const Names base{"1700000002.b", "1700000009.a"};
    CHECK(uidls_of(*maildir.scan()) == base);
    maildir.put("dovecot-uidlist", dovecot_list);
    maildir.put("new/1700000003.c");
    CHECK(uidls_of(*maildir.scan()) == Names{"1700000002.b", "1700000003.c", "1700000009.a"});
}

TEST_CASE("an empty maildrop does not decide where UIDLs come from") {
    const TestMaildir maildir;
    maildir.scan();
    CHECK_FALSE(maildir.has(frozen_list_name));
    put_listed(maildir);
    CHECK(uidls_of(*maildir.scan()) == dovecot_uidls);
}

TEST_CASE("a dovecot-uidlist of every version, whole and damaged") {
    const auto parsed = [](std::string_view content) {
        Names all;
        const ForeignList list = parse_dovecot_uidlist(content, "%v.%u");
        for (const auto& entry : list.entries) all.push_back(entry.base + "=" + entry.uidl);
        if (list.source != UidlSource::dovecot) all.push_back("none");
        return all;
    };
    CHECK(parsed("1 9 5\n1 a\n4 b:2,S\n") == Names{"a=9.1", "b=9.4"});
    CHECK(parsed("3 N5 V9 X unknown\n1 :a\n") == Names{"a=9.1"});
    CHECK(parsed("3 V9\n1 :a\n2 :b\n3 :a\n") == Names{"b=9.2", "a=9.3"}); // the later line wins
    CHECK(parsed("3 V9\n5 :a\n4 :b\n0 :c\nx :d\n6\n7 \n8 :\n9 :a/b\n10 :e f\n") == Names{"a=9.5", "e f=9.10"});
    CHECK(parsed("3 V9\n1 :a\n2 :b") == Names{"a=9.1", "b=9.2"});
    CHECK(parsed("3 V9\n1 O5 :a\n2 O1 :b\n3 :c\n") == Names{"b=9.2", "a=9.1", "c=9.3"});
    CHECK(parsed("") == Names{"none"});
    CHECK(parsed("2 V9\n") == Names{"none"});
    CHECK(parsed("3 N5\n1 :a\n") == Names{"none"});
    CHECK(parsed(std::string(1000, '\0')) == Names{"none"});
}

TEST_CASE("a courierpop3dsizelist of every version, whole and damaged") {
    const auto parsed = [](std::string_view content) {
        Names all;
        for (const auto& entry : parse_courier_sizelist(content).entries) all.push_back(entry.base + "=" + entry.uidl);
        return all;
    };
    CHECK(parsed("/3 9 77\n20.b:2,S 100 5:77:1\n9.a 50 3:70:0\n") == Names{"9.a=UID3-70", "20.b=UID5-77"});
    CHECK(parsed("/2 9 77\n9.a b 50 3:70\n") == Names{"9.a b=UID3-70"});
    CHECK(parsed("/1 9\n9.a 50 3\n") == Names{"9.a=UID3"});
    CHECK(parsed("9.a+'\"\xff 50\n") == Names{"9.a+'\"\xff=9.a+2B+27+22+FF"});
    CHECK(parsed("/2 9 77\n9.a 50 x:70\n9.b x 3:70\n9.c\n\n9.d 1 4:1\n") == Names{"9.d=UID4-1"});
    CHECK(parsed("/9 1\n9.a 50 3\n").empty());
}

TEST_CASE("a courierpop3dsizelist gives the same UIDLs and order as Courier") {
    const TestMaildir maildir;
    for (const char* name : {"cur/20.M9P1.x:2,S", "cur/20.M10P1.x:2,", "new/100.y", "new/300.z"}) maildir.put(name);
    maildir.put("courierpop3dsizelist", "/2 9 77\n100.y 100 5:77\n20.M9P1.x:2,S 50 3:70\n20.M10P1.x:2, 60 8:77\n");
    CHECK(uidls_of(*maildir.scan()) == Names{"UID8-77", "UID3-70", "UID5-77", "300.z"});
    maildir.remove("courierpop3dsizelist");
    maildir.remove("new/100.y");
    CHECK(uidls_of(*maildir.scan()) == Names{"UID8-77", "UID3-70", "300.z"});
}

TEST_CASE("qmail's order is by the files' times") {
    const TestMaildir maildir;
    for (const char* name : {"new/30.a", "new/20.b", "cur/10.c:2,"}) maildir.put(name);
    maildir.set_mtime("new/30.a", 1);
    maildir.set_mtime("cur/10.c:2,", 2);
    maildir.set_mtime("new/20.b", 3);
    ScanOptions options;
    options.uidl.order = SessionOrder::mtime;
    CHECK(uidls_of(*maildir.scan(options)) == Names{"30.a", "10.c", "20.b"});
    maildir.rest();
    maildir.scan(options);
    CHECK(uidls_of(*maildir.scan()) == Names{"10.c", "20.b", "30.a"}); // another order makes another snapshot
}

TEST_CASE("another server's UIDLs that do not fit or are not unique are replaced permanently") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c"}) maildir.put(name);
    maildir.put("dovecot-uidlist", "3 V9\n1 Psame :1.a\n2 Psame :2.b\n3 P" + std::string(71, 'x') + " :3.c\n");
    const Names given{"same", "2.b", "3.c"};
    CHECK(uidls_of(*maildir.scan()) == given);
    maildir.remove("new/1.a");
    CHECK(uidls_of(*maildir.scan()) == Names{"2.b", "3.c"});
}

TEST_CASE("two messages of one name keep their UIDLs without the index, in a copied Maildir, and when one goes") {
    const TestMaildir maildir;
    maildir.put("cur/1.same:2,S", "old\n");
    maildir.put("new/1.same", "fresh\n");
    const auto first = maildir.scan();
    const std::string fresh{first->uidl(0)}, old{first->uidl(1)};
    CHECK(fresh != old);
    const TestMaildir moved;
    std::filesystem::remove_all(moved.path());
    std::filesystem::create_directory(moved.path());
    const std::string copy = "cp -a " + maildir.path() + "/. " + moved.path();
    REQUIRE(std::system(copy.c_str()) == 0);
    for (const TestMaildir* const drop : {&maildir, &moved}) {
        drop->remove(index_file_name);
        const auto now = drop->scan();
        REQUIRE(now->count() == 2);
        CHECK(now->uidl(0) == fresh);
        CHECK(now->uidl(1) == old);
    }
    moved.remove("cur/1.same:2,S");
    moved.remove(index_file_name);
    CHECK(uidls_of(*moved.scan()) == Names{fresh});
    maildir.remove("new/1.same");
    maildir.remove(index_file_name);
    CHECK(uidls_of(*maildir.scan()) == Names{old});
}

TEST_CASE("the frozen list survives a truncated end and damaged lines") {
    const TestMaildir maildir;
    put_listed(maildir);
    maildir.scan();
    maildir.remove("dovecot-uidlist");
    maildir.remove(index_file_name);
    const std::string whole = maildir.content(frozen_list_name);
    maildir.put(frozen_list_name, whole.substr(0, whole.size() - 5));
    Names torn = dovecot_uidls;
    torn.back() = "1700000003.c"; // only the truncated line is lost
    CHECK(uidls_of(*maildir.scan()) == torn);
    CHECK(uidls_of(*maildir.scan()) == torn);

    maildir.put(frozen_list_name, whole);
    for (std::size_t at = 0; at < whole.size(); at += 3) {
        std::string damaged = whole;
        damaged[at] = '\n';
        const FrozenUidls list = parse_frozen_list(damaged);
        CHECK(list.exists);
        CHECK(list.ordered());
        CHECK(list.entries.size() >= dovecot_uidls.size() - 1);
        for (const FrozenUidl& entry : list.entries)
            CHECK(std::count(dovecot_uidls.begin(), dovecot_uidls.end(), entry.uidl) == 1);
    }
}

TEST_CASE("a frozen line returns any base name unchanged") {
    std::string every;
    for (int c = 1; c < 256; ++c)
        if (c != '/' && c != ':') every += static_cast<char>(c);
    const std::string text = frozen_header(UidlSource::courier) + frozen_line({"u", every, std::nullopt}) +
                             frozen_line({"v", "", FileIdentity{1, 2, -3}});
    const FrozenUidls list = parse_frozen_list(text);
    CHECK(list.source == UidlSource::courier);
    REQUIRE(list.entries.size() == 2);
    CHECK(list.entries[0].base == every);
    CHECK_FALSE(list.entries[0].identity);
    CHECK(list.entries[1].base.empty());
    REQUIRE(list.entries[1].identity);
    CHECK(list.entries[1].identity->mtime_ns == -3);
    CHECK_FALSE(parse_frozen_list("").exists);
}

TEST_CASE("the circuit breaker trips when many UIDLs would change, and can be released") {
    const TestMaildir maildir;
    put_listed(maildir);
    maildir.scan();
    // The list of another maildrop: clients of this one know none of its UIDLs.
    const std::string other = frozen_header(UidlSource::dovecot) + frozen_line({"x1", "1700000009.a", std::nullopt}) +
                              frozen_line({"x2", "1700000002.b", std::nullopt}) +
                              frozen_line({"x3", "1700000003.c", std::nullopt});
    maildir.put(frozen_list_name, other);
    maildir.put("new/1700000200.z");
    ScanFindings findings;
    CHECK(scan(maildir.path(), {}, &findings).error() == uidls_would_change());
    CHECK(findings.change.known == 5);
    CHECK(findings.change.changed == 3);
    CHECK(scan(maildir.path()).error() == uidls_would_change());
    CHECK(maildir.content(frozen_list_name) == other);
    ScanOptions released;
    released.uidl.accept_changes = true;
    const Names changed{"x1", "x2", "x3", "000000056b0405a2", "1700000004.d", "1700000200.z"};
    CHECK(uidls_of(*maildir.scan(released)) == changed);
    CHECK(uidls_of(*maildir.scan()) == changed);
}

TEST_CASE("a lost list is rebuilt from the index, UIDLs and order") {
    for (const char* const dovecots :
         {"", "3 V77\n1 :1700000009.a\n2 :1700000002.b\n3 :1700000003.c\n", dovecot_list}) {
        for (const bool freed : {false, true}) {
            CAPTURE(dovecots, freed);
            const TestMaildir maildir;
            put_listed(maildir);
            maildir.scan();
            const std::string list = maildir.content(frozen_list_name);
            maildir.remove(frozen_list_name);
            maildir.put("dovecot-uidlist", dovecots);
            maildir.put("new/1700000200.z");
            ScanOptions options;
            options.uidl.accept_changes = freed; // FREE has nothing to change
            ScanFindings findings;
            REQUIRE(scan(maildir.path(), options, &findings).ok());
            REQUIRE(findings.warnings.size() == 1);
            CHECK(findings.warnings[0] ==
                  maildir.file(frozen_list_name) + " was missing: using the UIDLs in buzon-index");
            CHECK(maildir.content(frozen_list_name).substr(0, list.size()) == list);
            Names now = dovecot_uidls;
            now.push_back("1700000200.z");
            maildir.remove(index_file_name);
            CHECK(uidls_of(*maildir.scan()) == now);
        }
    }
}

TEST_CASE("a lost list is rebuilt at once, even if nothing else has changed") {
    const TestMaildir maildir;
    put_listed(maildir);
    maildir.rest();
    maildir.scan();
    maildir.remove(frozen_list_name);
    maildir.remove("dovecot-uidlist");
    maildir.scan();
    maildir.remove(index_file_name);
    CHECK(uidls_of(*maildir.scan()) == dovecot_uidls);
}

TEST_CASE("lines lost from a list are rebuilt from the index") {
    const TestMaildir maildir;
    put_listed(maildir);
    maildir.scan();
    maildir.put(frozen_list_name, frozen_header(UidlSource::dovecot));
    maildir.remove("dovecot-uidlist");
    maildir.put("new/1700000200.z");
    Names now = dovecot_uidls;
    now.push_back("1700000200.z");
    CHECK(uidls_of(*maildir.scan()) == now);
    maildir.remove(index_file_name);
    CHECK(uidls_of(*maildir.scan()) == now);
}

TEST_CASE("base names of up to 255 octets remain UIDLs if Dovecot used them, our own have up to 70") {
    const std::string longest = "1700000001." + std::string(244, 'x'), longer = "1700000002." + std::string(60, 'y');
    REQUIRE(longest.size() == 255);
    REQUIRE(longer.size() == 71);
    for (const char* const format : {"%f", "%g", "%{filename}", "%{guid}"}) {
        CAPTURE(format);
        const TestMaildir maildir;
        for (const std::string& name : {longest, longer}) maildir.put("cur/" + name);
        maildir.put("dovecot-uidlist", "3 V9\n1 :" + longest + "\n2 :" + longer + "\n");
        const auto options = with(UidlSource::automatic, format);
        CHECK(uidls_of(*maildir.scan(options)) == Names{longest, longer});
        const std::string fresh = "1700000003." + std::string(60, 'z');
        maildir.put("new/" + fresh);
        maildir.rename("cur/" + longer, "cur/" + longer + ":2,S");
        for (const bool with_index : {true, false}) {
            if (!with_index) maildir.remove(index_file_name);
            const Names now = uidls_of(*maildir.scan(options));
            REQUIRE(now.size() == 3);
            CHECK(now[0] == longest);
            CHECK(now[1] == longer);
            CHECK(now[2].size() == 32);
        }
    }
}

TEST_CASE("Dovecot's list is read from the CONTROL directory, with or without the folder's name below it") {
    const TestMaildir control;
    for (const char* const place : {"", ".INBOX/", "INBOX/"}) {
        CAPTURE(place);
        const TestMaildir maildir;
        put_listed(maildir);
        maildir.put("dovecot-uidlist", "3 V1\n1 :1700000009.a\n"); // an outdated one
        if (*place != '\0') std::filesystem::create_directory(control.file(place));
        control.put(std::string{place} + "dovecot-uidlist", dovecot_list);
        ScanOptions options;
        options.uidl.dovecot_control = control.path();
        CHECK(uidls_of(*maildir.scan(options)) == dovecot_uidls);
        control.remove(std::string{place} + "dovecot-uidlist");
    }
}

TEST_CASE(
    "a CONTROL directory without a list is reported and ignored, and a list there that is a link fails the scan") {
    const TestMaildir control;
    const TestMaildir maildir;
    maildir.put("new/1.a");
    ScanOptions options;
    options.uidl.dovecot_control = control.path();
    std::filesystem::create_symlink("/etc/passwd", control.file("dovecot-uidlist"));
    ScanFindings findings;
    CHECK(scan(maildir.path(), options, &findings).error().value() == EPERM);
    CHECK(findings.trouble == control.file("dovecot-uidlist") + " is a symbolic link");
    control.remove("dovecot-uidlist");
    findings = {};
    REQUIRE(scan(maildir.path(), options, &findings).ok());
    CHECK(findings.warnings ==
          std::vector<std::string>{control.path() + " contains no dovecot-uidlist for " + maildir.path()});
    CHECK(uidls_of(*maildir.scan(options)) == Names{"1.a"});
    options.uidl.dovecot_control = control.file("missing");
    CHECK(uidls_of(*maildir.scan(options)) == Names{"1.a"});
}

TEST_CASE("if few UIDLs would change, none does") {
    const TestMaildir maildir;
    std::string list = "3 V9\n";
    for (int i = 1; i <= 20; ++i) {
        maildir.put("new/" + std::to_string(1000 + i) + ".x");
        list += std::to_string(i) + " :" + std::to_string(1000 + i) + ".x\n";
    }
    maildir.put("dovecot-uidlist", list);
    const Names given = uidls_of(*maildir.scan());
    maildir.remove(frozen_list_name);
    maildir.put("dovecot-uidlist", list.substr(0, list.size() - std::string("20 :1020.x\n").size()) + "21 :1020.x\n");
    maildir.put("new/2000.y");
    Names now = uidls_of(*maildir.scan());
    REQUIRE(now.size() == 21);
    now.pop_back();
    CHECK(now == given);
}

TEST_CASE("the frozen list is cleaned up when most of it concerns messages long gone") {
    const TestMaildir maildir;
    std::string list = frozen_header(UidlSource::dovecot);
    for (int i = 0; i < 3000; ++i)
        list += frozen_line({"u" + std::to_string(i), std::to_string(i) + ".x", std::nullopt});
    maildir.put(frozen_list_name, list);
    maildir.put("new/2999.x");
    maildir.put("new/5.x");
    maildir.put("new/4000.fresh");
    std::filesystem::create_directories(maildir.file("buzon-trash/100"));
    maildir.put("buzon-trash/100/7.x:2,S");
    CHECK(uidls_of(*maildir.scan()) == Names{"u5", "u2999", "4000.fresh"});
    CHECK(parse_frozen_list(maildir.content(frozen_list_name)).entries.size() == 4);
    CHECK(restore(maildir.path(), 0).restored == 1);
    CHECK(uidls_of(*maildir.scan()) == Names{"u5", "u7", "u2999", "4000.fresh"});
}

TEST_CASE("the lines of messages that cannot be seen for a while are not cleaned up") {
    for (const bool unreadable : {true, false}) {
        CAPTURE(unreadable);
        const TestMaildir maildir;
        std::string list = frozen_header(UidlSource::dovecot);
        for (int i = 0; i < 3000; ++i)
            list += frozen_line({"u" + std::to_string(i), std::to_string(i) + ".x", std::nullopt});
        maildir.put(frozen_list_name, list);
        maildir.put("cur/5.x:2,");
        if (unreadable)
            faults::fail("openat", 7, EACCES); // after the Maildir, the index, tmp, the next index, new and cur
        else
            maildir.rename("cur", "aside");
        CHECK(maildir.scan()->count() == 0);
        if (unreadable) {
            CHECK(faults::struck());
            faults::none();
        } else {
            maildir.rename("aside", "cur");
        }
        CHECK(uidls_of(*maildir.scan()) == Names{"u5"});
    }
}

TEST_CASE("processes that scan at the same time give each message one UIDL") {
    for (int round = 0; round < 5; ++round) {
        const TestMaildir maildir;
        put_listed(maildir);
        for (int i = 0; i < 100; ++i) maildir.put("new/" + std::to_string(1800000000 + i) + ".x");
        for (int child = 0; child < 4; ++child)
            if (::fork() == 0) ::_exit(scan(maildir.path()).ok() ? 0 : 1);
        for (int child = 0; child < 4; ++child) {
            int status = 0;
            REQUIRE(::wait(&status) > 0);
            CHECK(status == 0);
        }
        CHECK(parse_frozen_list(maildir.content(frozen_list_name)).entries.size() == 105);
        CHECK(maildir.scan()->count() == 105);
    }
}

TEST_CASE("a scan that may not freeze leaves nothing behind") {
    const TestMaildir maildir;
    put_listed(maildir);
    ScanOptions options;
    options.write_index = false;
    options.uidl.freeze = false;
    CHECK(uidls_of(*maildir.scan(options)) == dovecot_uidls);
    CHECK(maildir.names("") == std::set<std::string>{"cur", "new", "tmp", "dovecot-uidlist"});
}

TEST_CASE("a captured listing is compared line by line") {
    SnapshotBuilder builder;
    for (const char* name : {"1.a", "2.b", "3.c"}) builder.add({.file_name = name, .in_new = true, .octets = 1});
    const auto snapshot = test::snapshot_of(builder).value();
    CHECK(compare_uidls(*snapshot, "+OK\r\n1 1.a\r\n2 2.b\r\n3 3.c\r\n.\r\n").value().empty());
    CHECK(compare_uidls(*snapshot, "3 3.c\n1 1.a\n2 2.b\n").value().empty());
    CHECK(compare_uidls(*snapshot, "1 1.a\n3 x\n5 5.e\n").value() ==
          std::vector<UidlDifference>{{2, "", "2.b"}, {3, "x", "3.c"}, {5, "5.e", ""}});
    CHECK(compare_uidls(*snapshot, "").value().size() == 3);
    for (const char* bad : {"x\n", "1\n", "0 a\n", "1 a b\n", "1 \n", "-1 a\n", "4294967295 a\n"})
        CHECK(compare_uidls(*snapshot, bad).error().value() == EBADMSG);
}
