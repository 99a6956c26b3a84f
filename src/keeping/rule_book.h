// keeping/rule_book.h - what the configuration says about programs. The keeper passes it on without reading it.
#pragma once

#include <array>
#include <span>

#include "buzon/keeper/message.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::keeping {

class RuleBook {
public:
    // Ignores memory that somebody could still change. from_reactor: the record also says which user programs run as.
    void take(const keeper::Rules& record, posix::UniqueFd memory, bool from_reactor);

    // Borrowed; -1: none. A host obeys the previous rules, too: sessions go on while the files are read again.
    [[nodiscard]] std::array<int, keeper::rules_of_a_host> of_programs() const noexcept;
    [[nodiscard]] int of_tls() const noexcept {
        return pages_[static_cast<std::size_t>(keeper::Subject::tls)].now.get();
    }
    // The user that programs run as; unsaid: no particular one.
    [[nodiscard]] posix::Ids whose(keeper::Subject subject) const noexcept;
    [[nodiscard]] std::span<const gid_t> groups(keeper::Subject subject) const noexcept;

private:
    struct Page {
        posix::UniqueFd now, before;
        keeper::Rules said{}; // by the reactor, before it began to serve
    };
    [[nodiscard]] const Page& page(keeper::Subject subject) const noexcept {
        return pages_[static_cast<std::size_t>(subject)];
    }
    std::array<Page, keeper::subjects> pages_;
};

} // namespace buzon::keeping
