#include "buzon/posix/datagram.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "support/catch.h"

using namespace buzon::posix;

namespace {

struct Pair {
    Pair() {
        int both[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both) == 0);
        near.reset(both[0]);
        far.reset(both[1]);
    }
    Transfer send(std::string_view text, std::span<const int> descriptors) const {
        const iovec part{const_cast<char*>(text.data()), text.size()};
        return send_datagram(near.get(), {&part, 1}, descriptors);
    }
    UniqueFd near, far;
};

int next_free() {
    return UniqueFd{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)}.get();
}

} // namespace

TEST_CASE("a datagram's descriptors that do not fit are closed") {
    const Pair pair;
    const std::vector<int> sent(5, STDIN_FILENO);
    for (std::size_t room = 0; room <= 6; ++room) {
        INFO(room);
        REQUIRE(pair.send("x", sent).what == Moved::some);
        std::vector<UniqueFd> into(room);
        const int before = next_free();
        char octet = 0;
        const iovec part{&octet, 1};
        const Datagram got = receive_datagram(pair.far.get(), {&part, 1}, into);
        CHECK(got.transfer.what == Moved::some);
        CHECK(got.descriptors == std::min(room, sent.size()));
        CHECK(got.cut == (room < sent.size()));
        for (std::size_t i = 0; i < got.descriptors; ++i) CHECK((::fcntl(into[i].get(), F_GETFD) & FD_CLOEXEC) != 0);
        into.clear();
        CHECK(next_free() == before);
    }
}

TEST_CASE("a datagram's full length is reported even if it does not fit") {
    const Pair pair;
    REQUIRE(pair.send("0123456789", {}).bytes == 10);
    std::array<char, 3> head{}, rest{};
    const std::array parts{iovec{head.data(), head.size()}, iovec{rest.data(), rest.size()}};
    const Datagram got = receive_datagram(pair.far.get(), parts, {});
    CHECK(got.transfer.bytes == 10);
    CHECK(std::string_view{head.data(), 3} == "012");
    CHECK(std::string_view{rest.data(), 3} == "345");
}

TEST_CASE("sending and receiving a datagram report would_block, errors and the end") {
    Pair pair;
    char octet = 0;
    const iovec part{&octet, 1};
    CHECK(receive_datagram(pair.far.get(), {&part, 1}, {}).transfer.what == Moved::would_block);
    CHECK(pair.send("x", std::vector<int>(max_descriptors_sent + 1, STDIN_FILENO)).why.value() == EINVAL);
    CHECK(pair.send("x", std::vector<int>{-1}).why.value() == EBADF);
    while (pair.send("x", {}).what == Moved::some) {
    }
    CHECK(pair.send("x", {}).what == Moved::would_block);
    while (receive_datagram(pair.far.get(), {&part, 1}, {}).transfer.what == Moved::some) {
    }
    pair.far.reset();
    CHECK(pair.send("x", {}).why.value() == EPIPE);
    CHECK(receive_datagram(pair.near.get(), {&part, 1}, {}).transfer.what == Moved::end);
}
