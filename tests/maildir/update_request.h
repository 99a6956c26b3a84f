// An update in one piece, where UpdateSlices makes several.
#pragma once

#include <string>
#include <vector>

#include "buzon/maildir/update.h"
#include "buzon/message/bytes.h"

namespace buzon::maildir {

using namespace message;

struct UpdateRequest {
    struct Item {
        std::string file_name;
        bool in_new = false;
        UpdateAction action = UpdateAction::remove;
        std::uint64_t inode = 0;
    };

    std::string maildir;
    std::vector<Item> items;
    std::int64_t keep_since = 0;

    static UpdateRequest of(const Maildrop& maildrop, std::string maildir) {
        UpdateRequest request{std::move(maildir), {}, 0};
        const Snapshot& all = maildrop.snapshot();
        for (auto at = maildrop.next_marked({}); at; at = maildrop.next_marked(*at)) {
            const std::uint32_t i = Maildrop::index(*at);
            const bool deleted = maildrop.deleted(*at);
            if (!deleted && !all.in_new(i)) continue;
            request.items.push_back({std::string{all.file_name(i)}, all.in_new(i),
                                     deleted ? UpdateAction::remove : UpdateAction::mark_seen, all.telling_inode(i)});
        }
        return request;
    }

    std::string to_bytes() const {
        BytesOut out;
        out.put_text(maildir).put_text({}).put(keep_since).put(static_cast<std::uint32_t>(items.size()));
        for (const Item& item : items) out.put_text(item.file_name).put(item.in_new).put(item.action).put(item.inode);
        return out.take();
    }
};

inline UpdateOutcome update(const UpdateRequest& request, const UpdateOptions& options = {}) {
    const std::string bytes = request.to_bytes();
    return update(PackedUpdate::from_bytes(bytes).value(), options);
}

} // namespace buzon::maildir
