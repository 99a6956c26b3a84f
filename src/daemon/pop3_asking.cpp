// What a session asks for, performed: SEARCH and REPORT, and what REPORT will tell of this session.
#include <ctime>

#include "buzon/daemon/jobs.h"
#include "buzon/daemon/pop3_connection.h"
#include "buzon/daemon/users.h"

namespace buzon::daemon {
namespace {

// Headers read by one job: few enough that those behind it in the workers' queue do not wait long.
constexpr std::uint32_t messages_of_one_job = 256;

std::int64_t seconds_of(event::Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

} // namespace

void Pop3Connection::search(pop3::Search wanted) {
    busy_->search = std::make_unique<Searching>(Searching{std::move(wanted)});
    doing_ = Doing::searching;
}

// True: the search is over. False: a worker reads headers, or the others have their turn first.
bool Pop3Connection::search_on(std::string& out) {
    if (busy_->job.waiting()) return false;
    Searching& search = *busy_->search;
    const mail::Maildrop& maildrop = *session_.maildrop();
    if (!maildrop.next_live(search.after)) {
        found({}, out);
        session_.search_ended(out);
        busy_->search.reset();
        doing_ = Doing::nothing;
        return true;
    }
    const mail::SearchRequest slice = mail::SearchRequest::slice(
        maildrop, maildir(), search.wanted.text, search.wanted.criteria, search.after, messages_of_one_job);
    if (slice.items.empty() || !search.wanted.criteria.needs_header()) {
        std::vector<std::uint32_t> numbers;
        for (const mail::SearchRequest::Item& item : slice.items) numbers.push_back(item.number);
        found(numbers, out);
        context_.loop.next_turn(*busy_);
        return false;
    }
    busy_->job = context_.disk.submit(search_job(slice), [this](worker::Answer answer) {
        busy_->in = busy_->input;
        turn([&](std::string& later) { searched(answer, later); });
    });
    return false;
}

void Pop3Connection::searched(const worker::Answer& answer, std::string& out) {
    const Answered said = read_answer(answer);
    const auto numbers = mail::numbers_from_bytes(said.rest);
    if (!said.why && numbers) return found(numbers.value(), out);
    // A list that ends early must not pass as whole.
    if (busy_->search->begun) return close(Ending::cut);
    session_.search_failed(out);
    busy_->search.reset();
    doing_ = Doing::nothing;
}

void Pop3Connection::found(std::span<const std::uint32_t> numbers, std::string& out) {
    const std::size_t at = out.size();
    if (!std::exchange(busy_->search->begun, true)) session_.search_begins(out);
    session_.search_found(numbers, out);
    count_reply(out, at);
}

void Pop3Connection::report(std::uint32_t days) {
    doing_ = Doing::reporting;
    const std::int64_t since = std::time(nullptr) - std::int64_t{days} * 24 * 3600;
    // Sessions that ended before this command are in its reply.
    busy_->report_waiter = std::make_unique<Reports::Waiter>(maildir(), [this, since] { read_report(since); });
    if (context_.reports.all_down(*busy_->report_waiter)) read_report(since);
}

void Pop3Connection::read_report(std::int64_t since) {
    busy_->report_waiter.reset();
    busy_->job = context_.disk.submit(report_job(maildir(), since), [this](worker::Answer answer) {
        busy_->in = busy_->input;
        turn([&](std::string& later) {
            doing_ = Doing::nothing;
            const Answered said = read_answer(answer);
            if (said.why) return session_.report_failed(later);
            session_.report_follows(said.rest, later);
        });
    });
}

void Pop3Connection::record_refused_login(std::string_view user) {
    const std::string maildir = context_.users.maildir_of(user);
    if (maildir.empty()) return;
    mail::SessionRecord record;
    record.kind = mail::SessionRecord::Kind::refused_login;
    record.began = record.ended = std::time(nullptr);
    record.retrieved = 1;
    record.from = client_.address.ip.text();
    context_.reports.note(maildir, record);
}

void Pop3Connection::record_session(Ending why) {
    mail::SessionRecord record;
    const bool idle = retrieved_ == 0 && removed_ == 0;
    record.kind = idle ? mail::SessionRecord::Kind::idle : mail::SessionRecord::Kind::session;
    record.updated = why == Ending::quit;
    record.ended = std::time(nullptr);
    record.began = record.ended - seconds_of(context_.loop.now() - began_);
    record.retrieved = idle ? 1 : retrieved_;
    record.deleted = removed_;
    record.octets_sent = sent_;
    record.from = client_.address.ip.text();
    context_.reports.note(maildir(), record);
}

} // namespace buzon::daemon
