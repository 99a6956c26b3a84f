#include "buzon/daemon/shared_text.h"

#include <string>
#include <unordered_map>

#include "support/catch.h"

using buzon::daemon::SharedText;

TEST_CASE("a shared text is one piece of memory for all who keep it") {
    SharedText kept;
    CHECK(kept.view().empty());
    CHECK(SharedText{""}.view().empty());
    {
        const SharedText first{std::string(300, 'x') + '\0'};
        kept = first;
        CHECK(kept.view().data() == first.view().data());
    }
    CHECK(kept.view() == std::string(300, 'x') + '\0');
    SharedText& same = kept;
    kept = same;
    CHECK(kept.view().size() == 301);
    const SharedText moved = std::move(kept);
    CHECK(moved.view().size() == 301);
    kept = SharedText{"other"};
    CHECK(kept.view() == "other");
}

TEST_CASE("a shared text as a key is found by any text") {
    std::unordered_map<SharedText, int, SharedText::Hash, SharedText::Equal> table;
    table.try_emplace(SharedText{"/srv/mail/ana"}, 1);
    table.try_emplace(SharedText{"/srv/mail/eva"}, 2);
    CHECK(table.find(std::string_view{"/srv/mail/eva"})->second == 2);
    CHECK(table.find(SharedText{"/srv/mail/ana"})->second == 1);
    CHECK(table.find(std::string_view{"/srv/mail/an"}) == table.end());
}
