#include "rule_book.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace buzon::keeping {
namespace {

bool nobody_can_change(int memory) noexcept {
    const int seals = ::fcntl(memory, F_GET_SEALS);
    constexpr int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    return seals >= 0 && (seals & all) == all;
}

// Whether both hold the same octets. If so, the previous rules stay, too.
bool alike(int one, int other) noexcept {
    struct stat first {
    }, second{};
    if (::fstat(one, &first) != 0 || ::fstat(other, &second) != 0 || first.st_size != second.st_size) return false;
    const auto size = static_cast<std::size_t>(first.st_size);
    if (size == 0) return true;
    void* const a = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, one, 0);
    void* const b = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, other, 0);
    const bool same = a != MAP_FAILED && b != MAP_FAILED && std::memcmp(a, b, size) == 0;
    if (a != MAP_FAILED) ::munmap(a, size);
    if (b != MAP_FAILED) ::munmap(b, size);
    return same;
}

} // namespace

void RuleBook::take(const keeper::Rules& record, posix::UniqueFd memory, bool from_reactor) {
    if (static_cast<std::size_t>(record.subject) >= keeper::subjects || record.groups > keeper::max_groups) return;
    if (!memory || !nobody_can_change(memory.get())) return;
    Page& page = pages_[static_cast<std::size_t>(record.subject)];
    if (from_reactor) {
        page.said = record;
        page.before.reset(); // left by the previous reactor
    } else if (alike(memory.get(), page.now.get())) {
        return;
    } else {
        page.before = std::move(page.now);
    }
    page.now = std::move(memory);
}

std::array<int, keeper::rules_of_a_host> RuleBook::of_programs() const noexcept {
    const Page& general = page(keeper::Subject::programs);
    const Page& users = page(keeper::Subject::user_programs);
    return {general.now.get(), general.before.get(), users.now.get(), users.before.get()};
}

posix::Ids RuleBook::whose(keeper::Subject subject) const noexcept {
    return page(subject).said.as;
}

std::span<const gid_t> RuleBook::groups(keeper::Subject subject) const noexcept {
    const keeper::Rules& said = page(subject).said;
    return {said.group.data(), said.groups};
}

} // namespace buzon::keeping
