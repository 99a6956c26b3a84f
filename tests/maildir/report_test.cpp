#include "buzon/maildir/report.h"

#include "maildir_fixture.h"

using namespace buzon::message;
using namespace buzon::maildir;

namespace {

SessionRecord session(std::int64_t ended, std::uint32_t retrieved = 1) {
    return {SessionRecord::Kind::session, true, ended - 5, ended, retrieved, 2, 1ull << 40, "192.0.2.1"};
}

std::error_code record_session(const std::string& maildir, const SessionRecord& record) {
    return record_sessions(maildir, {&record, 1});
}

SessionRecord idle(std::int64_t ended, std::string from = "192.0.2.1") {
    return {SessionRecord::Kind::idle, true, ended - 1, ended, 1, 0, 50, std::move(from)};
}

SessionRecord refused(std::int64_t when, std::string from = "192.0.2.9") {
    return {SessionRecord::Kind::refused_login, false, when, when, 1, 0, 0, std::move(from)};
}

} // namespace

TEST_CASE("a report returns what was recorded, oldest first") {
    const TestMaildir maildir;
    CHECK(read_report(maildir.path(), 0).value().empty());
    CHECK_FALSE(record_session(maildir.path(), session(100)));
    CHECK_FALSE(record_session(maildir.path(), session(200)));
    CHECK(read_report(maildir.path(), 0).value() == std::vector{session(100), session(200)});
    CHECK(read_report(maildir.path(), 150).value() == std::vector{session(200)});
    CHECK(read_report(maildir.path() + "/no", 0).error().value() == ENOENT);
}

TEST_CASE("however many sessions there are, the report keeps the newest and its file does not grow") {
    const TestMaildir maildir;
    for (std::uint32_t i = 1; i <= 1000; ++i) CHECK_FALSE(record_session(maildir.path(), session(i, i)));
    const auto records = read_report(maildir.path(), 0).value();
    REQUIRE(records.size() == 400);
    CHECK(records.front().retrieved == 601);
    CHECK(records.back().retrieved == 1000);
    CHECK(maildir.content(report_file_name).size() <= 64000);
}

TEST_CASE("password guessing displaces no session, and guesses from one address share a line") {
    const TestMaildir maildir;
    CHECK_FALSE(record_session(maildir.path(), session(1)));
    for (int i = 0; i < 50; ++i) CHECK_FALSE(record_session(maildir.path(), refused(100 + i)));
    auto records = read_report(maildir.path(), 0).value();
    REQUIRE(records.size() == 2);
    CHECK(records[1].retrieved == 50);
    CHECK(records[1].began == 100);
    CHECK(records[1].ended == 149);
    CHECK_FALSE(record_session(maildir.path(), refused(149 + 3600)));
    CHECK(read_report(maildir.path(), 0).value().size() == 3);
    for (int i = 0; i < 500; ++i)
        CHECK_FALSE(record_session(maildir.path(), refused(9000, "198.51.100." + std::to_string(i))));
    records = read_report(maildir.path(), 0).value();
    CHECK(records.size() == 101);
    CHECK(records.front() == session(1));
}

TEST_CASE("polling for mail all day takes one line a day and displaces nothing") {
    const TestMaildir maildir;
    CHECK_FALSE(record_session(maildir.path(), session(10)));
    std::vector<SessionRecord> polls;
    for (int i = 0; i < 600; ++i) polls.push_back(idle(1000 + i * 300));
    CHECK_FALSE(record_sessions(maildir.path(), polls));
    auto records = read_report(maildir.path(), 0).value();
    REQUIRE(records.size() == 4); // 50 hours
    CHECK(records[0] == session(10));
    CHECK(records[1].retrieved == 288);
    CHECK(records[1].octets_sent == 288 * 50);
    CHECK(records[1].began == 999);
    CHECK(records[2].retrieved == 288);
    CHECK(records[3].retrieved == 24);
    // Another address, a session that did something, an hour of silence: each starts a new line.
    CHECK_FALSE(record_sessions(maildir.path(), std::vector{idle(200000), idle(200001, "192.0.2.2"), session(200002),
                                                            idle(200003, "192.0.2.2"), idle(204000, "192.0.2.2")}));
    CHECK(read_report(maildir.path(), 200000).value().size() == 5);
}

TEST_CASE("a report is shown as one line per record") {
    const std::vector<SessionRecord> records{session(1764287405), idle(1764287406), refused(1764287407)};
    CHECK(report_lines(records) ==
          "2025-11-27T23:50:00Z session from=192.0.2.1 seconds=5 retr=1 dele=2 bytes=1099511627776 end=quit\r\n"
          "2025-11-27T23:50:05Z idle from=192.0.2.1 times=1 until=2025-11-27T23:50:06Z\r\n"
          "2025-11-27T23:50:07Z refused from=192.0.2.9 times=1 until=2025-11-27T23:50:07Z\r\n");
    CHECK(report_lines({}).empty());
}

TEST_CASE("a damaged record counts as empty, and its slot is used again") {
    const TestMaildir maildir;
    for (int i = 1; i <= 3; ++i) CHECK_FALSE(record_session(maildir.path(), session(i)));
    std::string content = maildir.content(report_file_name);
    content[128 + 20] ^= 1;
    maildir.put(report_file_name, content.substr(0, 3 * 128 - 1));
    CHECK(read_report(maildir.path(), 0).value() == std::vector{session(1)});
    CHECK_FALSE(record_session(maildir.path(), session(9)));
    CHECK(read_report(maildir.path(), 0).value() == std::vector{session(1), session(9)});
    maildir.put(report_file_name, std::string(100000, '\xff'));
    CHECK(read_report(maildir.path(), 0).value().empty());
}

TEST_CASE("an overlong address is truncated") {
    const TestMaildir maildir;
    SessionRecord record = session(1);
    record.from = std::string(100, 'f');
    CHECK_FALSE(record_session(maildir.path(), record));
    CHECK(read_report(maildir.path(), 0).value().front().from == std::string(45, 'f'));
}

TEST_CASE("a report file that is a symbolic link is an error, and its target is not written") {
    const TestMaildir maildir;
    maildir.put("target", "kept");
    std::filesystem::create_symlink(maildir.file("target"), maildir.file(report_file_name));
    CHECK(record_session(maildir.path(), session(1)).value() != 0);
    CHECK(maildir.content("target") == "kept");
}
