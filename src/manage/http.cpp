// manage/http.cpp - handles one request at a time.
#include "buzon/manage/http.h"
#include "buzon/line/command_line.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "buzon/manage/prometheus.h"
#include "words.h"

namespace buzon::manage {
namespace {

// RFC 9110 section 5.6.2: the characters of method and field names.
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (line::ascii_upper(c) >= 'A' && line::ascii_upper(c) <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    });
}

// Takes a line off the front, without its CRLF or bare LF (RFC 9112 section 2.2).
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

// The position after the empty line that ends the fields; nothing if that line has not arrived.
std::optional<std::size_t> end_of_request(std::string_view text) {
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
        const std::string_view next = text.substr(end + 1);
        if (next.starts_with("\n")) return end + 2;
        if (next.starts_with("\r\n")) return end + 3;
    }
    return std::nullopt;
}

struct RequestLine {
    std::string_view method, path;
    bool old; // HTTP/1.0; every later 1.x is answered as 1.1 (RFC 9110 section 2.5)
};

// origin-form or absolute-form (RFC 9112 section 3.2); the query is ignored.
std::optional<std::string_view> path_of(std::string_view target) {
    constexpr std::string_view scheme = "HTTP://";
    if (target.size() > scheme.size() && line::equals_ignoring_case(target.substr(0, scheme.size()), scheme)) {
        const std::size_t slash = target.find('/', scheme.size());
        target = slash == std::string_view::npos ? std::string_view{"/"} : target.substr(slash);
    }
    if (target != "*" && !target.starts_with('/')) return std::nullopt;
    return target.substr(0, target.find('?'));
}

std::optional<RequestLine> parse_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return std::nullopt;
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    const auto path = path_of(target);
    const bool printable = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7F; });
    const bool ours = version.size() == 8 && version.starts_with("HTTP/1.") && version[7] >= '0' && version[7] <= '9';
    if (!is_token(method) || !path || !printable || !ours) return std::nullopt;
    return RequestLine{method, *path, version[7] == '0'};
}

// The fields that matter to us; the others are only checked for syntax.
struct Fields {
    unsigned hosts = 0;
    bool content = false;
    bool close = false;
    bool keep_alive = false;
};

void read_connection(std::string_view value, Fields& fields) {
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const std::string_view option = trim_blanks(value.substr(0, comma));
        fields.close |= line::equals_ignoring_case(option, "CLOSE");
        fields.keep_alive |= line::equals_ignoring_case(option, "KEEP-ALIVE");
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
}

std::optional<Fields> parse_fields(std::string_view text) {
    Fields fields;
    for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return std::nullopt; // or it is folded
        const std::string_view name = line.substr(0, colon), value = trim_blanks(line.substr(colon + 1));
        const auto bad = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
        if (std::any_of(value.begin(), value.end(), bad)) return std::nullopt;
        if (line::equals_ignoring_case(name, "HOST"))
            ++fields.hosts;
        else if (line::equals_ignoring_case(name, "CONNECTION"))
            read_connection(value, fields);
        else if (line::equals_ignoring_case(name, "TRANSFER-ENCODING"))
            fields.content = true;
        else if (line::equals_ignoring_case(name, "CONTENT-LENGTH"))
            fields.content |= value != "0";
    }
    return fields;
}

void append_response(std::string_view status, std::string_view fields, std::string_view type, std::string_view content,
                     bool with_content, bool keep, std::string& out) {
    out.append("HTTP/1.1 ").append(status).append("\r\n").append(fields);
    out.append("Content-Type: ").append(type).append("\r\n");
    out.append("Content-Length: ").append(std::to_string(content.size())).append("\r\n");
    out.append("Cache-Control: no-store\r\nConnection: ").append(keep ? "keep-alive" : "close").append("\r\n\r\n");
    if (with_content) out += content;
}

constexpr std::string_view plain = "text/plain; charset=utf-8";

} // namespace

std::size_t HttpSession::feed(std::string_view received, std::string& out) {
    if (closing_) return 0;
    std::size_t skipped = 0;
    if (request_.empty()) { // skip empty lines before a request (RFC 9112 section 2.2)
        while (skipped < received.size() && (received[skipped] == '\r' || received[skipped] == '\n')) ++skipped;
        received.remove_prefix(skipped);
    }
    const std::size_t before = request_.size();
    request_.append(received.substr(0, max_request + 1 - std::min(before, max_request + 1)));
    const auto end = end_of_request(request_);
    if (!end || *end > max_request) {
        if (request_.size() > max_request) refuse("431 Request Header Fields Too Large", out);
        return skipped + received.size(); // consume all of a refused request
    }
    const std::string request = std::exchange(request_, {}).substr(0, *end);
    answer(request, out);
    return skipped + *end - before;
}

void HttpSession::answer(std::string_view request, std::string& out) {
    const auto line = parse_request_line(take_line(request));
    if (!line) return refuse("400 Bad Request", out);
    const auto fields = parse_fields(request);
    // Exactly one Host in HTTP/1.1 (RFC 9112 section 3.2).
    if (!fields || fields->hosts > 1 || (!line->old && fields->hosts == 0)) return refuse("400 Bad Request", out);
    const bool wish = line->old ? fields->keep_alive && !fields->close : !fields->close;
    const bool keep = wish && !fields->content; // we never read content, so we would not find the next request
    closing_ = !keep;
    const bool head = line->method == "HEAD";
    if (line->path != "/metrics") {
        append_response("404 Not Found", "", plain, "Only /metrics is here.\n", !head, keep, out);
    } else if (head || line->method == "GET") {
        append_response("200 OK", "", prometheus_content_type, page_(), !head, keep, out);
    } else {
        append_response("405 Method Not Allowed", "Allow: GET, HEAD\r\n", plain, "GET and HEAD only.\n", true, keep,
                        out);
    }
}

void HttpSession::refuse(std::string_view status, std::string& out) {
    closing_ = true;
    request_.clear();
    append_response(status, "", plain, std::string{status} + "\n", true, false, out);
}

} // namespace buzon::manage
