// serve/kept_results.h - keeps what programs have made of messages, for further commands of the same session (a RETR
// after a TOP). Only for programs that say that their results depend on nothing but the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace buzon::serve {

class KeptResults {
public:
    struct Result {
        std::uint64_t session = 0;
        std::uint32_t index = 0; // of the message
        std::string spec;
        bool same = false; // the message is sent unchanged
        std::string octets;
    };

    // How many octets to keep in all; the least recently used results are dropped first. 0: none are kept.
    void set_limit(std::size_t octets);
    // Valid until the next call; null if there is none.
    [[nodiscard]] const Result* find(std::uint64_t session, std::uint32_t index, std::string_view spec);
    void keep(Result result);
    // The session has ended.
    void forget(std::uint64_t session);
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    static std::size_t cost_of(const Result& result) noexcept {
        return sizeof result + result.spec.size() + result.octets.size();
    }
    using Results = std::list<Result>;
    using Places = std::map<std::pair<std::uint64_t, std::uint32_t>, Results::iterator>;

    void make_room();
    Places::iterator drop(Places::iterator place);

    Results results_; // most recently used first
    Places places_;   // by session and message
    std::size_t octets_ = 0;
    std::size_t limit_ = 0;
};

} // namespace buzon::serve
