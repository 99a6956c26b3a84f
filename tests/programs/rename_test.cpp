// programs/rename_test.cpp - which attachments buzon-rename takes for dangerous, however their names are written, and
// that it changes nothing else.
#include "rename.h"

#include "support/catch.h"

using namespace buzon::programs;

namespace {

const RenameRules rules;

std::string part(const std::string& fields, const std::string& line_end = "\n") {
    std::string text =
        "From: a\nSubject: report.exe\nContent-Type: multipart/mixed; boundary=\"=b\"\n\nbill.exe\n--=b\n" + fields +
        "\n\nname=\"bill.exe\"\n--=b--\nfilename=bill.exe\n";
    std::string result;
    for (const char c : text) result += c == '\n' ? line_end : std::string(1, c);
    return result;
}

// What becomes of the fields of a part.
std::string fields_after(const std::string& fields) {
    const std::string after = renamed(part(fields), rules);
    const std::string before = part("");
    const std::size_t at = before.find("--=b\n") + 5;
    REQUIRE(after.substr(0, at) == before.substr(0, at));
    const std::string behind = before.substr(at);
    REQUIRE(after.ends_with(behind));
    return after.substr(at, after.size() - at - behind.size());
}

} // namespace

TEST_CASE("a dangerous name is changed in both fields, and the part's type becomes unknown") {
    CHECK(fields_after("Content-Type: application/x-msdownload; name=\"bill.exe\"\n"
                       "Content-Transfer-Encoding: base64\n"
                       "Content-Disposition: attachment;\n\tfilename=\"bill.exe\"; size=7") ==
          "Content-Type: application/unknown; name=\"bill_exe.bad\"\n"
          "Content-Transfer-Encoding: base64\n"
          "Content-Disposition: attachment;\n\tfilename=\"bill_exe.bad\"; size=7");
}

TEST_CASE("if a name or a piece of it occurs twice, the dangerous one is renamed whichever a reader uses") {
    CHECK(fields_after("Content-Disposition: attachment; filename*0=\"good.txt\"; filename*0=\"bill.exe\"") ==
          "Content-Disposition: attachment; filename*0=\"good.txt\"; filename=\"bill_exe.bad\"");
    CHECK(fields_after(
              "Content-Disposition: attachment; filename*0=bill; filename*1=.exe; filename*0=a; filename*1=.exe") ==
          "Content-Disposition: attachment; filename=\"bill_exe.bad\"; filename=\"a_exe.bad\"");
    CHECK(fields_after("Content-Disposition: attachment; filename=good.txt; filename=bill.exe") ==
          "Content-Disposition: attachment; filename=good.txt; filename=\"bill_exe.bad\"");
}

TEST_CASE("a name is found however it is written") {
    struct Row {
        std::string before, after;
    };
    const Row row = GENERATE(values<Row>({
        {"filename=bill.exe", "filename=\"bill_exe.bad\""},
        {"FileName = \"Bill.EXE\"", "filename=\"Bill_EXE.bad\""},
        {"filename=my bill.exe", "filename=\"my bill_exe.bad\""},
        {"filename=\"bill.pdf.exe\"", "filename=\"bill.pdf_exe.bad\""},
        {"filename=\"bill.exe.\"", "filename=\"bill_exe.bad\""},
        {"filename=\"bill.exe . \"", "filename=\"bill_exe.bad\""},
        {"filename=\"bi\\ll\\\".exe\"", "filename*=utf-8''bill%22_exe.bad"},
        {"filename=\"=?utf-8?B?YmlsbC5leGU=?=\"", "filename=\"bill_exe.bad\""},
        {"filename==?iso-8859-1?Q?f=FCr=5Fdich.exe?=", "filename*=iso-8859-1''f%FCr_dich_exe.bad"},
        {"filename=\"=?utf-8?Q?bill?= =?utf-8?Q?.exe?=\"", "filename=\"bill_exe.bad\""},
        {"filename=\"=?utf-8?Q?bill?= =?utf-8?Q?.exe\"", "filename=\"bill=?utf-8?Q?_exe.bad\""},
        {"filename*=UTF-8''bill%2Eexe", "filename=\"bill_exe.bad\""},
        {"filename*=utf-8'de'%C3%BCber.vbs", "filename*=utf-8''%C3%BCber_vbs.bad"},
        {"filename*=utf-16''b%00i%00l%00.%00e%00x%00e%00", "filename=\"filename.bad\""},
        {"filename*0=\"bill.e\"; filename*1=xe; size=7", "filename=\"bill_exe.bad\"; size=7"},
        {"filename*1*=%78e;\n filename*0*=utf-8''b%C3%BC.e", "filename*=utf-8''b%C3%BC_exe.bad"},
        {"filename=good.txt; filename=bad.exe", "filename=good.txt; filename=\"bad_exe.bad\""},
        {"filename=good.txt; filename*=utf-8''bad.exe", "filename=good.txt; filename=\"bad_exe.bad\""},
        {"(a comment; filename=x) filename=(\\)) bill.exe", "filename=\"bill_exe.bad\""},
    }));
    CAPTURE(row.before);
    const std::string after = fields_after("Content-Disposition: attachment; " + row.before);
    if (row.before.front() == '(')
        CHECK(after.find(row.after) != std::string::npos);
    else if (row.before.starts_with("filename*1*"))
        CHECK(after.find(row.after) != std::string::npos);
    else
        CHECK(after == "Content-Disposition: attachment; " + row.after);
}

TEST_CASE("a name in an unterminated comment is renamed, and a field that hides a name in a comment is replaced") {
    CHECK(fields_after("Content-Disposition: attachment; filename=\"a.txt\" (; filename=\"bill.exe\"") ==
          "Content-Disposition: attachment; filename=\"a.txt\" (; filename=\"bill_exe.bad\"");
    CHECK(fields_after("Content-Type: a/b; name=\"\xff.exe\"(x; name=\"\xff.exe\")") ==
          "Content-Type: application/unknown; name=\"filename.bad\"");
    CHECK(fields_after("Content-Type: a/b" + std::string(200000, '(')).size() < 200100); // without delay
}

TEST_CASE("harmless fields are left unchanged") {
    for (const char* fields :
         {"Content-Disposition: attachment; filename=\"bill.pdf\"", "Content-Disposition: attachment; filename=exe",
          "Content-Disposition: attachment; filename=\"bill.exe.pdf\"", "Content-Type: text/plain; title=bill.exe",
          "X-Name: filename=bill.exe", "Content-Description: bill.exe", "Content-Type: text/html; charset=utf-8",
          "Content-Disposition: attachment; filename=\"\"", "Content-Disposition", ": ;=;;=\"", "Content-Type:",
          "Content-Type: text/plain; name=\"unclosed", "Content-Disposition: attachment; filename*9999999999=x.exe"}) {
        CAPTURE(fields);
        CHECK(renamed(part(fields), rules) == part(fields));
    }
}

TEST_CASE("a name of 2 MB is read without delay, however many encoded words begin in it") {
    struct Row {
        std::string word, end;
    };
    for (const Row& row : {Row{"=?x?q? ", ""}, Row{"=?x?z? ", "?="}, Row{"=?utf-8?q?a?= ", ""}}) {
        CAPTURE(row.word);
        std::string name;
        while (name.size() < 2'000'000) name += row.word;
        const std::string message = part("Content-Disposition: attachment; filename=\"" + name + row.end + "\"");
        CHECK((renamed(message, rules) == message));
    }
}

TEST_CASE("line ends are preserved") {
    const std::string fields = "Content-Disposition: attachment;\n filename=bill.exe;\n size=7";
    const std::string after = renamed(part(fields, "\r\n"), rules);
    const std::string wanted = part("Content-Disposition: attachment;\n filename=\"bill_exe.bad\";\n size=7", "\r\n");
    CHECK(after == wanted);
}

TEST_CASE("nested parts and nested messages are examined") {
    const std::string inner =
        "Content-Type: multipart/alternative; boundary=in\n\n--in\nContent-Type: text/plain\n\nx\n"
        "--in\nContent-Type: a/b; name=in.exe\n\ny\n--in--\n";
    const std::string message = "Content-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: message/rfc822\n\n"
                                "Subject: inner\n" +
                                inner +
                                "--out\nContent-Type: a/b; name=out.exe\n\nz\n--out--\n--out\nContent-Type: a/b; "
                                "name=behind.exe\n\n";
    const std::string after = renamed(message, rules);
    CHECK(after.find("application/unknown; name=\"in_exe.bad\"\n\ny\n--in--\n--out\n") != std::string::npos);
    CHECK(after.find("application/unknown; name=\"out_exe.bad\"") != std::string::npos);
    CHECK(after.find("name=behind.exe") != std::string::npos); // the epilogue belongs to no part
}

TEST_CASE("the message itself can be the attachment") {
    CHECK(renamed("Content-Type: application/octet-stream; name=a.scr\n\nx", rules) ==
          "Content-Type: application/unknown; name=\"a_scr.bad\"\n\nx");
    CHECK(renamed("Content-Type: message/rfc822; name=a.eml\n\nSubject: x\nContent-Type: a/b; name=c.js\n\n", rules) ==
          "Content-Type: message/rfc822; name=\"a_eml.bad\"\n\nSubject: x\n"
          "Content-Type: application/unknown; name=\"c_js.bad\"\n\n");
}

TEST_CASE("a message may be truncated anywhere, or nested deeply") {
    const std::string message = part("Content-Disposition: attachment;\n filename*0=\"bill.e\"; filename*1=xe");
    for (std::size_t end = 0; end <= message.size(); ++end) (void)renamed(message.substr(0, end), rules);
    std::string deep;
    for (int i = 0; i < 5000; ++i) deep += "Content-Type: message/rfc822\n\n";
    CHECK(renamed(deep, rules) == deep);
}

TEST_CASE("the rules can be changed") {
    RenameRules own;
    own.bad = {"PDF"};
    own.extension = "x";
    CHECK(new_name("a.pdf", "", own) == "a_pdf.x");
    CHECK(new_name("a.exe", "", own).empty());
}
