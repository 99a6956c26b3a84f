#include "buzon/posix/secret_text.h"

#include <array>
#include <cstring>
#include <new>

#include "support/catch.h"

using namespace buzon::posix;

TEST_CASE("moving a SecretText moves its memory, and a copy has its own") {
    SecretText text{"geheim"};
    const char* const where = text.view().data();
    SecretText moved{std::move(text)};
    CHECK(moved.view().data() == where);
    CHECK(moved == "geheim");
    SecretText copy{moved};
    CHECK(copy == "geheim");
    CHECK(copy.view().data() != where);
    copy = SecretText{"other"};
    CHECK(copy == "other");
    CHECK(SecretText{}.empty());
    CHECK(SecretText{""} == "");
    CHECK_FALSE(SecretText{"a"} == "b");
}

TEST_CASE("a short WipedString leaves nothing behind when it is destroyed") {
    alignas(WipedString) std::array<char, sizeof(WipedString)> place{};
    auto* const text = new (place.data()) WipedString{"geheim"}; // within the object itself
    CHECK(*text == "geheim");
    text->~WipedString();
    CHECK(std::string_view{place.data(), place.size()}.find("geheim") == std::string_view::npos);
}

TEST_CASE("wipe() clears a string's whole capacity, or exactly the given view") {
    std::string text = "a long text that is on the heap, not in the object";
    text.resize(3); // the rest is still there
    const char* const octets = text.data();
    wipe(text);
    CHECK(text.empty());
    CHECK(text.capacity() > 40);
    CHECK(std::string_view{octets, 50}.find_first_not_of('\0') == std::string_view::npos);
    std::string line = "USER ana\r\nPASS geheim\r\n";
    wipe(std::string_view{line}.substr(10, 11)); // as a connection does
    CHECK(line.substr(0, 10) == "USER ana\r\n");
    CHECK(line.substr(10) == std::string(11, '\0') + "\r\n");
    wipe(std::string_view{});
}
