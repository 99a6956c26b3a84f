// client/json.h - writes JSON (RFC 8259): just what a reply needs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace buzon::client {

// In quotes; wrong UTF-8 becomes U+FFFD, so that the document is always UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);
// A number without quotes where the text is one exactly, or else a string.
[[nodiscard]] std::string json_number(std::string_view text);

// An object, its names in the order they came. A name given twice holds an array of its values: JSON readers keep only
// one of two equal names.
class JsonObject {
public:
    JsonObject& add(std::string_view name, std::string json);
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::pair<std::string, std::vector<std::string>>> members_;
};

[[nodiscard]] std::string json_array(const std::vector<std::string>& items);

} // namespace buzon::client
