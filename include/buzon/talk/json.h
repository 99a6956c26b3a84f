// talk/json.h - writes JSON (RFC 8259), as far as replies need it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace buzon::client {

// The text in quotes. Invalid UTF-8 becomes U+FFFD, so that the document is always valid UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);
// A number if the text is exactly one, otherwise a string.
[[nodiscard]] std::string json_number(std::string_view text);

// An object whose names stay in the order of addition. A name added twice gets an array of its values, since JSON
// readers keep only one of two equal names.
class JsonObject {
public:
    JsonObject& add(std::string_view name, std::string json);
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::pair<std::string, std::vector<std::string>>> members_;
};

[[nodiscard]] std::string json_array(const std::vector<std::string>& items);

} // namespace buzon::client
