// worker/places.h - remembers a limited number of paths; the least recently used is dropped first.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace buzon::worker::detail {

class Places {
public:
    explicit Places(std::size_t size) noexcept : size_{size} {}

    void add(const std::string& place) {
        if (contains(place)) return;
        if (by_path_.size() >= size_) {
            by_path_.erase(all_.back());
            all_.pop_back();
        }
        all_.push_front(place);
        by_path_.emplace(all_.front(), all_.begin());
    }

    [[nodiscard]] bool contains(std::string_view place) {
        const auto found = by_path_.find(place);
        if (found == by_path_.end()) return false;
        all_.splice(all_.begin(), all_, found->second);
        return true;
    }

private:
    std::size_t size_;
    std::list<std::string> all_;                                                     // most recently used first
    std::unordered_map<std::string_view, std::list<std::string>::iterator> by_path_; // keys live in the list
};

} // namespace buzon::worker::detail
