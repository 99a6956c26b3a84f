#include <tuple>

#include "buzon/jobs/jobs.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::jobs;

namespace {

template <class T>
T travelled(const T& value) {
    T back;
    const std::string bytes = encode(value);
    REQUIRE(decode(bytes, back));
    return back;
}

// Neither a part of the octets nor more of them can be decoded.
template <class T>
void check_that_damage_is_refused(const T& value) {
    const std::string bytes = encode(value);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        T back;
        CHECK_FALSE(decode(std::string_view{bytes}.substr(0, size), back));
    }
    T back;
    CHECK_FALSE(decode(bytes + 'x', back));
}

template <class... Jobs>
void check_all(const std::tuple<Jobs...>*) {
    (check_that_damage_is_refused(Jobs{}), ...);
    (check_that_damage_is_refused(Answered<Jobs>{{ENOENT, std::system_category()}, {}}), ...);
}

} // namespace

TEST_CASE("every job and every answer is refused if an octet is missing or one is too many") {
    check_all(static_cast<const All*>(nullptr));
}

TEST_CASE("a truncated answer is an error") {
    const auto fine = encode(Answered<Read>{{}, {"octets"}});
    CHECK(read<Read>({worker::Fate::answered, fine, {}}).answer.octets == "octets");
    for (std::size_t size = 0; size < fine.size(); ++size)
        CHECK(read<Read>({worker::Fate::answered, fine.substr(0, size), {}}).why == std::errc::bad_message);
}

TEST_CASE("a job whose worker died, was late or was never asked fails with an error of its own") {
    using worker::Fate;
    CHECK(read<Scan>({Fate::crashed, {}, {}}).why == std::errc::state_not_recoverable);
    CHECK(read<Scan>({Fate::too_late, {}, {}}).why == std::errc::timed_out);
    CHECK(read<Scan>({Fate::refused, {}, {}}).why == std::errc::device_or_resource_busy);
    CHECK(read<Scan>({Fate::no_descriptor, {}, {}}).why == std::errc::too_many_files_open);
    // These appear in the log.
    CHECK(read<Scan>({Fate::crashed, {}, {}}).why.message() == "a worker process died");
    CHECK(read<Scan>({Fate::refused, {}, {}}).why.message() == "too many jobs are waiting for worker processes");
}

TEST_CASE("a huge length that is not followed by octets is refused, and nothing is stored") {
    const std::string endless = "\xff\xff\xff\xff";
    Search::Answer numbers;
    CHECK_FALSE(decode(endless, numbers));
    CHECK(numbers.numbers.empty());
    Record records;
    CHECK_FALSE(decode(endless, records));
}

TEST_CASE("a number that is not an enumerator is refused") {
    std::string bytes = encode(message::HeldLock{7, message::LockKind::shared});
    message::HeldLock back;
    REQUIRE(decode(bytes, back));
    bytes.back() = 2;
    CHECK_FALSE(decode(bytes, back));
}

TEST_CASE("file names are passed on octet for octet") {
    const std::string name{"a\xff b\n:2,S"};
    const std::string bytes = encode(Open{"/m", name, true, 77});
    Open back;
    REQUIRE(decode(bytes, back));
    CHECK(back.file_name == name);
    CHECK(back.in_new);
    CHECK(back.inode == 77);
}

TEST_CASE("the answer to a scan is passed on unchanged, even if the scan failed") {
    Answered<Scan> said{{EIO, std::system_category()}, {9, true, false, {{5, 3}, "a path", {"one", "", "two\n"}}}};
    const Answered<Scan> back = travelled(said);
    CHECK(back.why.value() == EIO);
    CHECK(back.answer.where == 9);
    CHECK(back.answer.maildir_is_local);
    CHECK_FALSE(back.answer.root_is_local);
    CHECK(back.answer.findings.change.known == 5);
    CHECK(back.answer.findings.change.changed == 3);
    CHECK(back.answer.findings.trouble == "a path");
    CHECK(back.answer.findings.warnings == std::vector<std::string>{"one", "", "two\n"});
}

TEST_CASE("maps and records are passed on unchanged") {
    message::SessionRecord record;
    record.kind = message::SessionRecord::Kind::refused_login;
    record.from = std::string(100, 'f');
    record.octets_sent = UINT64_MAX;
    const Record back = travelled(Record{{{"/m/ana", {record, {}}}, {"/m/bo", {}}}});
    REQUIRE(back.records.size() == 2);
    CHECK(back.records.at("/m/ana") == std::vector{record, message::SessionRecord{}});
    CHECK(back.records.at("/m/bo").empty());
    const Edit edit = travelled(Edit{Edited::users, "/f", {{"ana", {}}, {"bo", {"{PLAIN}x", ""}}}});
    CHECK(edit.what == Edited::users);
    CHECK(edit.edits == Edits{{"ana", {}}, {"bo", {"{PLAIN}x", ""}}});
}

TEST_CASE("the outcome of an update is passed on unchanged") {
    const message::UpdateOutcome back = travelled(message::UpdateOutcome{4, 3, 2, 1, {EACCES, std::system_category()}});
    CHECK(back.removed == 4);
    CHECK(back.gone == 3);
    CHECK(back.failed == 2);
    CHECK(back.moved == 1);
    CHECK(back.first_error.value() == EACCES);
}

TEST_CASE("only a job that changes nothing is abandonable, and only one that may be done twice is repeatable") {
    CHECK(order(Scan{}).repeatable);
    CHECK(order(Scan{}).abandonable);
    CHECK_FALSE(order(ReleaseUidls{}).repeatable);
    CHECK_FALSE(order(ReleaseUidls{}).abandonable);
    CHECK(order(Update{}).repeatable);
    CHECK_FALSE(order(Update{}).abandonable);
}
