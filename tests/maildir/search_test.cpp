#include "buzon/message/search.h"

#include "buzon/maildir/search_maildrop.h"
#include "buzon/message/header.h"
#include "maildir_fixture.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::maildir;

namespace {

bool matches(std::string_view text, const SearchFacts& facts) {
    const auto criteria = SearchCriteria::parse(text);
    INFO(text);
    REQUIRE(std::holds_alternative<SearchCriteria>(criteria));
    return std::get<SearchCriteria>(criteria).matches(facts);
}

bool finds(std::string_view text, std::string_view header) {
    return matches(text, {100, 0, header});
}

std::string trouble(std::string_view text) {
    const auto criteria = SearchCriteria::parse(text);
    const std::string* const why = std::get_if<std::string>(&criteria);
    return why ? *why : "";
}

} // namespace

TEST_CASE("a header ends at the first blank line, with any kind of line end") {
    CHECK(header_of("A: 1\n\nb") == "A: 1\n");
    CHECK(header_of("A: 1\r\n\r\nb") == "A: 1\r\n");
    CHECK(header_of("\nb").empty());
    CHECK(header_of("A: 1\nB") == "A: 1\nB");
    CHECK(header_of("").empty());
    CHECK(header_of("\r\r\nA: 1\n\n") == "\r\r\nA: 1\n");
}

TEST_CASE("a non-ASCII octet is found in a header, in slices of any size, but not in the body") {
    using Found = HeaderOctets::Found;
    const auto look = [](std::string_view stored, std::size_t slice) {
        HeaderOctets octets;
        Found found = Found::nothing_yet;
        for (std::size_t at = 0; at < stored.size() && found == Found::nothing_yet; at += slice)
            found = octets.feed(stored.substr(at, slice));
        return found;
    };
    for (const std::size_t slice : {1u, 2u, 3u, 100u}) {
        CAPTURE(slice);
        CHECK(look("A: b\n\n\xc3\xb1", slice) == Found::only_ascii);
        CHECK(look("A: b\r\n\r\n\xc3\xb1", slice) == Found::only_ascii);
        CHECK(look("\n\xc3\xb1", slice) == Found::only_ascii);
        CHECK(look("A: b\r\r\n\xc3\xb1", slice) == Found::eight_bit); // that line is not blank
        CHECK(look("A: \xc3\xb1\n\nx", slice) == Found::eight_bit);
        CHECK(look("A: b\n \n\xff", slice) == Found::eight_bit);
        CHECK(look("A: b", slice) == Found::nothing_yet);
        CHECK(look("", slice) == Found::nothing_yet);
    }
}

TEST_CASE("fields are found with their folded lines, and lines that are not fields are skipped") {
    HeaderFields fields{"From someone Mon\nSubject: a\n b\r\n\tc\nX :y\n:none\nno field\n bad: cont\nZ:"};
    auto field = fields.next();
    REQUIRE(field);
    CHECK(field->name == "Subject");
    CHECK(unfolded(field->folded_body) == "a b c");
    field = fields.next();
    REQUIRE(field);
    CHECK(field->name == "X");
    field = fields.next();
    REQUIRE(field);
    CHECK(field->name == "Z");
    CHECK(unfolded(field->folded_body).empty());
    CHECK_FALSE(fields.next());
}

TEST_CASE("RFC 2047 words are decoded from the common charsets, and split characters are put together") {
    CHECK(decoded("=?UTF-8?Q?Espa=C3=B1a_=3D?=") == "España =");
    CHECK(decoded("=?utf-8*es?b?RXNwYcOxYQ==?=") == "España");
    CHECK(decoded("=?ISO-8859-1?Q?a=F1o?= plain") == "año plain");
    CHECK(decoded("=?iso-8859-15?q?10_=A4?=") == "10 €");
    CHECK(decoded("=?windows-1252?Q?=93hola=94_=80?=") == "“hola” €");
    CHECK(decoded("=?UTF-8?Q?a?= \t =?UTF-8?Q?b?=") == "ab");
    CHECK(decoded("=?UTF-8?Q?a?= =?ISO-8859-1?Q?=F1?= x") == "añ x");
    CHECK(decoded("=?UTF-8?Q?=C3?= =?UTF-8?Q?=B1?=") == "ñ");
    CHECK(decoded("a =?UTF-8?Q?b?= c") == "a b c");
    CHECK(decoded("x=?UTF-8?Q?b?=y") == "xby");
    CHECK(decoded("=?UTF-8?Q?=Zq=4?=") == "=Zq=4");
    CHECK(decoded("=?koi8-r?Q?=C1?=") == "=?koi8-r?Q?=C1?=");
    for (const char* broken : {"=?", "=?UTF-8", "=?UTF-8?Q", "=?UTF-8?Q?", "=?UTF-8?Q?a",
                               "=?UTF-8?X?a?=", "=?UTF-8?Q?a b?=", "=? ?Q?a?=", " ", ""})
        CHECK(decoded(broken) == broken);
    CHECK(decoded("caf\xe9") == "café");
    CHECK(decoded("caf\xc3\xa9") == "café");
}

TEST_CASE("a long header of beginnings of RFC 2047 words is decoded in time proportional to its length") {
    // If the rest of the text were searched at each beginning, this would take until the time limit of all tests.
    for (const char* const part : {"=?", "=?a?q?x=", "=?utf-8?q?x=", "a ", "a\t=?"}) {
        CAPTURE(part);
        std::string text = "x";
        while (text.size() < std::size_t{1} << 20) text += part;
        for (const Charsets charsets : {Charsets::built_in, Charsets::of_system})
            CHECK((decoded(text, charsets) == text));
    }
}

TEST_CASE("header folding by blanks or tabs, with any kind of line end, counts as one blank") {
    for (const char* const fold : {"\n ", "\n\t", "\r\n\t", " \n ", "\t\r\n \t ", "\n \n\t"}) {
        const std::string header = "Subject: un asunto" + std::string{fold} + "muy largo\nTo: ana\n";
        CHECK(unfolded(header.substr(8, header.find("\nTo") - 8)) == "un asunto muy largo");
        CHECK(finds("SUBJECT \"asunto muy\"", header));
        CHECK_FALSE(finds("SUBJECT asuntomuy", header));
    }
    CHECK(unfolded("a  b\tc") == "a  b\tc"); // no folding
    CHECK(unfolded(" \n \n").empty());
    CHECK(finds("SUBJECT ab", "Subject: =?UTF-8?Q?a?=\r\n\t=?UTF-8?Q?b?=\r\n"));
}

TEST_CASE("words in the charsets of iconv(3) are decoded, and the size of the result is bounded for any message") {
    const auto text = [](std::string_view word) { return decoded(word, Charsets::of_system); };
    CHECK(text("=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=") == "Привет");
    CHECK(text("=?KOI8-R?B?8NLJ18XU?= x") == "Привет x");
    CHECK(text("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=") == "日本");
    CHECK(text("=?ISO-2022-JP?B?GyRCRnw=?= =?iso-2022-jp?B?S1wbKEI=?=") == "日本"); // cut within a shift
    CHECK(text("=?gb2312?B?1tDOxA==?= =?big5?B?pKTl?=") == "中文中\xEF\xBF\xBD");   // half a character at the end
    CHECK(text("=?windows-1251?Q?=EF?= =?koi8-r?Q?=D2?=") == "пр");
    CHECK(text("=?iso-8859-2*pl?Q?=B1=E6?=") == "ąć");
    CHECK(text("=?shift_jis?Q?a=FFb?=") == "a\xEF\xBF\xBD"
                                           "b"); // not valid there
    // Unknown charsets: not decoded.
    for (const char* const unknown :
         {"=?x-unknown?Q?=C1?=", "=?utf-8//translit?Q?=C1?=", "=?..%2Fx?Q?=C1?=", "=?../../x?Q?=C1?=", "=??Q?=C1?="})
        CHECK(text(unknown) == unknown);
    CHECK(text("=?" + std::string(5000, 'a') + "?Q?x?=") == "=?" + std::string(5000, 'a') + "?Q?x?=");
    CHECK(finds("SUBJECT привет", "Subject: =?koi8-r?Q?=D0=D2=C9=D7=C5=D4?=\n"));
    // The server itself parses what a client searches for, and must not load iconv's files for it.
    CHECK_FALSE(finds("SUBJECT =?koi8-r?Q?=D0?=", "Subject: =?koi8-r?Q?=D0?=\n"));

    std::string many, garbage;
    for (int i = 0; i < 2000; ++i)
        many += "=?x-" + std::to_string(i) + "?Q?=C1?= =?iso-8859-" + std::to_string(i % 17) + "?Q?=C1?= ";
    CHECK(text(many).size() < many.size());
    for (int i = 0; i < 100'000; ++i) garbage += "=FF=1B";
    for (const char* const charset :
         {"iso-2022-kr", "utf-7", "utf-16", "ucs-4", "euc-jp", "big5-hkscs", "tscii", "gb18030"}) {
        CAPTURE(charset);
        CHECK(text(std::string{"=?"} + charset + "?Q?" + garbage + "?=").size() <= 200'000 * 8 + 200);
    }
}

TEST_CASE("Latin letters are lower-cased, others are left alone") {
    CHECK(lower_latin("ABCÑÁÜÞŸŁŽĀ×ß") == "abcñáüþÿłžā×ß");
    CHECK(lower_latin("İıĸŉſ") == "İıĸŉſ");
    CHECK(lower_latin("ΑБ€") == "ΑБ€");
    CHECK(lower_latin("\xc3") == "\xc3");
}

TEST_CASE("criteria match their own field, without case, through folding and encoding") {
    const char* const header =
        "From: =?UTF-8?Q?Jos=C3=89?= <jose@example.org>\nTo: Ana\nSubject: =?ISO-8859-1?Q?Fin_de_A=D1O?=\n"
        " and more\nReceived: from elsewhere\n";
    CHECK(finds("SUBJECT año", header));
    CHECK(finds("subject \"FIN de A\xc3\x91o and\"", header));
    CHECK(finds("FROM JOSÉ", header));
    CHECK(finds("FROM example.ORG TO ana", header));
    CHECK(finds("TEXT elsewhere", header));
    CHECK_FALSE(finds("SUBJECT elsewhere", header));
    CHECK_FALSE(finds("FROM josé TO eva", header));
    CHECK(finds("NOT TO eva", header));
    CHECK(finds("NOT NOT TO ana", header));
    CHECK_FALSE(finds("NOT TEXT ana", header));
    CHECK_FALSE(finds("SUBJECT x", ""));
    CHECK(finds("NOT SUBJECT x", ""));
    CHECK(finds("SUBJECT \"\"", header));
    CHECK_FALSE(finds("SUBJECT \"\"", "From: x\n"));
    CHECK(finds(R"(SUBJECT "a \"b\" \\")", "Subject: A \"B\" \\\n"));
}

TEST_CASE("sizes and days are compared exactly") {
    constexpr std::int64_t midnight = 1767225600; // 2026-01-01
    CHECK(matches("LARGER 9", {10, 0, ""}));
    CHECK_FALSE(matches("LARGER 10", {10, 0, ""}));
    CHECK(matches("SMALLER 11", {10, 0, ""}));
    CHECK_FALSE(matches("SMALLER 10", {10, 0, ""}));
    CHECK(matches("NOT LARGER 10", {10, 0, ""}));
    for (const char* const date : {"2026-01-01", "1-Jan-2026", "01-jan-2026"}) {
        CHECK(matches("SINCE " + std::string{date}, {0, midnight, ""}));
        CHECK_FALSE(matches("SINCE " + std::string{date}, {0, midnight - 1, ""}));
        CHECK(matches("BEFORE " + std::string{date}, {0, midnight - 1, ""}));
        CHECK_FALSE(matches("BEFORE " + std::string{date}, {0, midnight, ""}));
    }
    CHECK(matches("SINCE 2024-02-29 BEFORE 2024-03-01", {0, 1709164800, ""}));
}

TEST_CASE("invalid criteria are refused with a reason") {
    for (const char* const bad :
         {"", " ", "HOLA", "SUBJECT", "SUBJECT \"open", "SUBJECT \"a\"b", "NOT", "NOT NOT", "LARGER x", "LARGER -1",
          "LARGER 99999999999999999999", "SINCE 2026-02-29", "SINCE 2026-13-01", "SINCE 26-1-1", "SINCE 1-Foo-2026",
          "SINCE 0-Jan-2026", "SINCE x", "SINCE 2026-1", "TEXT a b"})
        CHECK_FALSE(trouble(bad).empty());
    CHECK(trouble("LARGER x").find("LARGER") != std::string::npos);
}

TEST_CASE("a maildrop is searched slice by slice, while other programs move and remove messages") {
    const TestMaildir maildir;
    for (int i = 1; i <= 25; ++i)
        maildir.put("new/" + std::to_string(i) + ".x",
                    "Subject: number " + std::to_string(i) + "\n\nSubject: body 7\n");
    maildir.put("new/26.x", "X: " + std::string(300000, 'y') + "\nSubject: number 7\n\n"); // beyond what is searched
    maildir.put("new/27.x", "Subject: number 7");
    Maildrop drop{maildir.scan()};
    maildir.rename("new/7.x", "cur/7.x:2,S");
    maildir.remove("new/17.x");
    drop.mark_deleted(MessageNumber{27});
    std::vector<std::uint32_t> all;
    const auto criteria = std::get<SearchCriteria>(SearchCriteria::parse("SUBJECT 7 LARGER 20"));
    std::size_t asked = 0;
    for (MessageNumber after{0}; drop.next_live(after);) {
        const auto slice = SearchRequest::slice(drop, maildir.path(), "SUBJECT 7 LARGER 20", criteria, after, 10);
        asked += slice.items.size();
        const auto found = search(slice);
        REQUIRE(found.ok());
        all.insert(all.end(), found.value().begin(), found.value().end());
    }
    CHECK(all == std::vector<std::uint32_t>{7});
    CHECK(asked == 26);
    const auto large = std::get<SearchCriteria>(SearchCriteria::parse("LARGER 1000"));
    MessageNumber after{0};
    CHECK(SearchRequest::slice(drop, maildir.path(), "LARGER 1000", large, after, 10).items.size() ==
          1); // all looked at
    CHECK(after == MessageNumber{26});
    CHECK(search({maildir.path(), "BAD", {}}).error().value() == EINVAL);
}
