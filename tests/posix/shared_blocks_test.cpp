#include "buzon/posix/shared_blocks.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>
#include <cstring>
#include <new>
#include <string>

#include "buzon/posix/file_view.h"
#include "support/catch.h"

using namespace buzon::posix;

namespace {

constexpr std::size_t size = 64 * 1024;

std::string receive(int socket, std::size_t octets) {
    std::string all(octets, '\0');
    std::size_t got = 0;
    while (got < octets) {
        const ssize_t n = ::recv(socket, all.data() + got, octets - got, 0);
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    all.resize(got);
    return all;
}

} // namespace

TEST_CASE("blocks are memory, and in the file at their offsets as far as they were copied") {
    SharedBlocks blocks{size, 2};
    const SharedBlocks::Block first = blocks.take();
    const SharedBlocks::Block second = blocks.take();
    CHECK_THROWS_AS(blocks.take(), std::bad_alloc);
    CHECK(std::string{second.data, size} == std::string(size, '\0'));
    std::memset(first.data, 'a', size);
    std::memset(second.data, 'b', size);
    const auto in_file = [&](SharedBlocks::Block block) {
        std::string read(size, '\0');
        const ssize_t n = ::pread(blocks.file(), read.data(), size, static_cast<off_t>(block.offset));
        CHECK(n == static_cast<ssize_t>(size));
        return read;
    };
    CHECK(in_file(first) == std::string(size, '\0'));
    for (const auto& [from, to] :
         {std::pair<std::size_t, std::size_t>{0, 0}, {0, 1}, {1, 4095}, {4095, 4097}, {4097, size}}) {
        REQUIRE(blocks.copy(second, from, to));
        CHECK(in_file(second) == std::string(to, 'b') + std::string(size - to, '\0'));
    }
    CHECK(in_file(first) == std::string(size, '\0'));

    blocks.give_back(first);
    blocks.give_back(second);
    CHECK(blocks.take().data != blocks.take().data);
    CHECK_THROWS_AS(blocks.take(), std::bad_alloc);
}

TEST_CASE("a peer gets what was sent to it, though its block was renewed and written before it read") {
    SharedBlocks blocks{size, 2};
    const SharedBlocks::Block block = blocks.take();
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd ours{ends[0]}, peer{ends[1]};
    std::string expected;
    for (const char octet : {'a', 'b', 'c'}) {
        std::memset(block.data, octet, size);
        REQUIRE(blocks.renew(block));
        REQUIRE(blocks.copy(block, 0, size));
        const Transfer sent = send_file(ours.get(), blocks.file(), block.offset + 7, 20'000);
        REQUIRE(sent.what == Moved::some);
        expected += std::string(sent.bytes, octet);
    }
    CHECK(receive(peer.get(), expected.size()) == expected);
}

TEST_CASE("without a descriptor, or where no such file is allowed, blocks are memory alone") {
    std::signal(SIGXFSZ, SIG_IGN); // as the server does
    for (const auto what : {RLIMIT_NOFILE, RLIMIT_FSIZE}) {
        rlimit limit{};
        REQUIRE(::getrlimit(what, &limit) == 0);
        const rlimit none{0, limit.rlim_max};
        REQUIRE(::setrlimit(what, &none) == 0);
        SharedBlocks blocks{size, 2};
        REQUIRE(::setrlimit(what, &limit) == 0);
        CHECK(blocks.file() < 0);
        const SharedBlocks::Block block = blocks.take();
        std::memset(block.data, 'x', size);
        CHECK_FALSE(blocks.renew(block));
        CHECK_FALSE(blocks.copy(block, 0, size));
        CHECK(block.data[size - 1] == 'x');
    }
    std::signal(SIGXFSZ, SIG_DFL);
}
