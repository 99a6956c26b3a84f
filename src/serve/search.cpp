#include "search.h"

#include <vector>

#include "buzon/jobs/jobs.h"

namespace buzon::serve {
namespace {

// Headers read per job: few enough that jobs behind it in the queue do not wait long.
constexpr std::uint32_t messages_of_one_job = 256;

} // namespace

Search::Search(worker::Pool& disk, login::Visit& visit, login::TaskOwner& owner, pop3::Search wanted)
    : disk_{disk}, visit_{visit}, owner_{owner}, wanted_{std::move(wanted)} {}

login::Step Search::go_on(net::Stream& stream) {
    if (job_.waiting()) return login::Step::waits_for_worker;
    if (answer_) return answered(*std::exchange(answer_, std::nullopt), stream.out());
    if (stream.slow()) return login::Step::waits_for_client;
    return next_slice(stream);
}

login::Step Search::next_slice(net::Stream& stream) {
    const message::Maildrop& maildrop = *visit_.session.maildrop();
    if (!maildrop.next_live(after_)) {
        found({}, stream.out());
        visit_.session.search_ended(stream.out());
        return login::Step::done;
    }
    const message::SearchRequest slice = message::SearchRequest::slice(maildrop, visit_.maildir, wanted_.text,
                                                                       wanted_.criteria, after_, messages_of_one_job);
    if (slice.items.empty() || !wanted_.criteria.needs_header()) {
        std::vector<std::uint32_t> numbers;
        for (const message::SearchRequest::Item& item : slice.items) numbers.push_back(item.number);
        found(numbers, stream.out());
        return login::Step::next_turn;
    }
    job_ = disk_.submit(jobs::order_for(visit_.owner, jobs::Search{slice}), [this](worker::Answer answer) {
        answer_ = std::move(answer);
        owner_.task_wakes();
    });
    return login::Step::waits_for_worker;
}

login::Step Search::answered(const worker::Answer& answer, std::string& out) {
    const auto said = jobs::read<jobs::Search>(answer);
    if (!said.why) {
        found(said.answer.numbers, out);
        return login::Step::again;
    }
    if (begun_) return login::Step::cut; // a truncated list must not look complete
    visit_.session.search_failed(out);
    return login::Step::done;
}

void Search::found(std::span<const std::uint32_t> numbers, std::string& out) {
    if (!std::exchange(begun_, true)) visit_.session.search_begins(out);
    visit_.session.search_found(numbers, out);
}

} // namespace buzon::serve
