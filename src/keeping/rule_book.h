// keeping/rule_book.h - what the configuration says of programs, as the keeper passes it on: it does not read it
// itself.
#pragma once

#include <array>
#include <span>

#include "buzon/keeper/message.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::keeping {

class RuleBook {
public:
    // Memory that somebody could still change is none. from_reactor: it also says as whom programs run.
    void take(const keeper::Rules& record, posix::UniqueFd memory, bool from_reactor);

    // Borrowed; -1: none. A host obeys those of before, too: sessions go on while the files are read again.
    [[nodiscard]] std::array<int, keeper::rules_of_a_host> of_programs() const noexcept;
    [[nodiscard]] int of_tls() const noexcept {
        return pages_[static_cast<std::size_t>(keeper::Subject::tls)].now.get();
    }
    // Unsaid: as nobody in particular.
    [[nodiscard]] posix::Ids whose(keeper::Subject subject) const noexcept;
    [[nodiscard]] std::span<const gid_t> groups(keeper::Subject subject) const noexcept;

private:
    struct Page {
        posix::UniqueFd now, before;
        keeper::Rules said{}; // by the reactor, before it served
    };
    [[nodiscard]] const Page& page(keeper::Subject subject) const noexcept {
        return pages_[static_cast<std::size_t>(subject)];
    }
    std::array<Page, keeper::subjects> pages_;
};

} // namespace buzon::keeping
