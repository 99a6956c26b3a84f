#include "update.h"

#include "buzon/jobs/jobs.h"
#include "buzon/upkeep/trash_keeper.h"

namespace buzon::serve {

Update::Update(UpdateNeeds& needs, login::Visit& visit, login::TaskOwner& owner)
    : needs_{needs}, visit_{visit}, owner_{owner} {
    const message::Maildrop& maildrop = *visit.session.maildrop();
    if (maildrop.wants_update()) order_.emplace(needs, maildrop, visit, [this] { owner_.task_wakes(); });
}

login::Step Update::go_on(net::Stream& stream) {
    if (job_.waiting() || freed_.waiting()) return login::Step::waits_for_worker;
    if (updated_) return finish(stream.out());
    if (answer_) return updated(*answer_, stream.out());
    if (order_) return order_on(stream.out());
    return finish(stream.out());
}

login::Step Update::order_on(std::string& out) {
    switch (order_->go_on()) {
    case UpdateOrder::Step::more: return login::Step::next_turn;
    case UpdateOrder::Step::wait: return login::Step::waits_for_worker;
    case UpdateOrder::Step::failed: return updated({worker::Fate::refused, {}, {}}, out);
    case UpdateOrder::Step::ready: break;
    }
    job_ = needs_.disk.submit(order_->job(), [this](worker::Answer answer) {
        answer_ = std::move(answer);
        owner_.task_wakes();
    });
    order_.reset();
    return login::Step::waits_for_worker;
}

login::Step Update::updated(const worker::Answer& answer, std::string& out) {
    // If two workers died, they may have removed some or all messages. The reply claims none.
    left_ = visit_.session.maildrop()->deleted_count();
    const auto said = jobs::read<jobs::Update>(answer);
    if (!said.why) {
        left_ = said.answer.failed;
        // Messages that another session had already removed are counted by that session.
        visit_.removed = said.answer.removed;
    }
    needs_.metrics.deletions += visit_.removed;
    needs_.metrics.deletions_failed += left_;
    if (visit_.removed > 0) visit_.publish(needs_.events, state::EventType::dele, {{"messages", visit_.removed}});
    if (left_ > 0) {
        needs_.events.log(state::Level::error, std::chrono::system_clock::now(),
                          "could not remove deleted messages: " + std::to_string(left_), visit_.id,
                          visit_.session.user());
    }
    return finish(out);
}

login::Step Update::finish(std::string& out) {
    updated_ = true;
    // Before the reply, because the client may log in again as soon as it has read it.
    if (!visit_.lock.release(&freed_)) return login::Step::waits_for_worker;
    visit_.session.updated(left_, out);
    if (visit_.removed > 0) needs_.trash.deleted_in(visit_.maildir, visit_.owner);
    return login::Step::done;
}

} // namespace buzon::serve
