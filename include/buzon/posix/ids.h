// posix/ids.h - a user and a group of the system, by number.
#pragma once

#include <cstdint>

namespace buzon::posix {

struct Ids {
    static constexpr std::uint32_t unsaid = 0xffffffff; // not given; nobody has this id: (uid_t)-1

    std::uint32_t uid = unsaid;
    std::uint32_t gid = unsaid;

    friend bool operator==(const Ids&, const Ids&) = default;
    static void fields(auto& self, auto&& each) { each(self.uid, self.gid); }
};

} // namespace buzon::posix
