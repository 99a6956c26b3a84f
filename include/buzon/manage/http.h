// manage/http.h - just enough HTTP/1.0 and 1.1 (RFC 9112) to serve one page. Knows no descriptors, no clock.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace buzon::manage {

// One client of the metrics listener: GET and HEAD of /metrics, 404 and 405 for everything else, 400 and the end of
// the connection for an invalid request. Requests are bounded and have no content.
class HttpSession {
public:
    static constexpr std::size_t max_request = 8192; // octets of a request line and header fields

    // `page` produces the content of /metrics and is called once per request.
    explicit HttpSession(std::function<std::string()> page) : page_{std::move(page)} {}

    // Consumes octets up to the end of the first request that they complete, and appends its response. Returns how many
    // were consumed. Pass in the rest again once the response has been sent, so that a client that sends requests
    // without reading costs one response. Consumes nothing once closing().
    [[nodiscard]] std::size_t feed(std::string_view received, std::string& out);

    // Send the output, then close.
    [[nodiscard]] bool closing() const noexcept { return closing_; }
    // No part of a request has arrived: an idle connection may be closed without a response.
    [[nodiscard]] bool idle() const noexcept { return request_.empty(); }

private:
    void answer(std::string_view request, std::string& out);
    void refuse(std::string_view status, std::string& out);

    std::function<std::string()> page_;
    std::string request_; // the part received so far
    bool closing_ = false;
};

} // namespace buzon::manage
