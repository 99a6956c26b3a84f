#include "buzon/posix/zeroed_table.h"

#include <algorithm>
#include <cstdint>

#include "support/catch.h"

using buzon::posix::ZeroedTable;

namespace {

struct Slot {
    std::uint64_t tag = 0;
    std::uint32_t count = 0;
};

} // namespace

TEST_CASE("a table begins with zeros, keeps what is written, and may be empty") {
    ZeroedTable<Slot> table{100'000};
    REQUIRE(table.size() == 100'000);
    CHECK(std::all_of(table.begin(), table.end(), [](const Slot& slot) { return slot.tag == 0 && slot.count == 0; }));
    table.data()[99'999] = Slot{7, 8};
    const ZeroedTable<Slot> moved = std::move(table);
    CHECK(moved.data()[99'999].count == 8);
    CHECK(moved.end() - moved.begin() == 100'000);
    const ZeroedTable<Slot> none{0};
    CHECK(none.empty());
    CHECK(none.begin() == none.end());
}
