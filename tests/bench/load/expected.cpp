// bench/load/expected.cpp - see the header.
#include "load/expected.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <tuple>

#include "buzon/posix/io.h"

namespace bench {
namespace {

constexpr std::size_t mail_limit = std::size_t{1} << 30U;

struct Found {
    std::uint64_t seconds;
    std::string name;
    std::string path;
};

void collect(const std::string& folder, std::vector<Found>& found) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory{opendir(folder.c_str()), closedir};
    if (!directory) throw std::system_error{errno, std::system_category(), folder};
    while (const dirent* entry = readdir(directory.get())) {
        const std::string name = entry->d_name;
        if (name.front() == '.') continue;
        found.push_back({std::strtoull(name.c_str(), nullptr, 10), name, folder + "/" + name});
    }
}

} // namespace

std::string wire_form(std::string_view stored) {
    std::string wire;
    wire.reserve(stored.size() + stored.size() / 32 + 8);
    while (!stored.empty()) {
        const std::size_t end = stored.find('\n');
        std::string_view line = stored.substr(0, end);
        stored.remove_prefix(end == stored.npos ? stored.size() : end + 1);
        // A CR before the LF is part of the line end; one at the end of the file is data, and a CRLF follows it.
        if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
        if (line.starts_with('.')) wire += '.';
        (wire += line) += "\r\n";
    }
    return wire += ".\r\n";
}

std::uint64_t octets_received(std::string_view stored) {
    std::uint64_t octets = stored.size();
    for (std::size_t i = 0; i < stored.size(); ++i) octets += stored[i] == '\n' && (i == 0 || stored[i - 1] != '\r');
    return octets + (stored.empty() || stored.ends_with('\n') ? 0 : 2);
}

std::string Maildrop::stat_reply() const {
    return "+OK " + std::to_string(messages) + " " + std::to_string(total) + "\r\n";
}

std::string Maildrop::list_reply(std::size_t number) const {
    return "+OK " + std::to_string(number) + " " + std::to_string(octets.at(number - 1)) + "\r\n";
}

std::string Maildrop::list_body() const {
    std::string body;
    for (std::size_t i = 0; i < octets.size(); ++i) {
        body += std::to_string(i + 1) + " " + std::to_string(octets[i]) + "\r\n";
    }
    return body += ".\r\n";
}

Maildrop read_maildrop(const std::string& maildir) {
    std::vector<Found> found;
    collect(maildir + "/cur", found);
    collect(maildir + "/new", found);
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return std::tie(a.seconds, a.name) < std::tie(b.seconds, b.name); });
    Maildrop maildrop;
    maildrop.messages = found.size();
    for (Found& mail : found) {
        maildrop.octets.push_back(octets_received(read_whole(mail.path)));
        maildrop.total += maildrop.octets.back();
        maildrop.paths.push_back(std::move(mail.path));
    }
    return maildrop;
}

std::string read_whole(const std::string& path) {
    auto text = buzon::posix::read_file(path.c_str(), mail_limit);
    if (!text) throw std::system_error{text.error(), path};
    return std::move(text).value();
}

std::string filtered(const std::string& command, const std::string& path) {
    const std::unique_ptr<FILE, int (*)(FILE*)> program{popen((command + " < '" + path + "'").c_str(), "re"), pclose};
    if (!program) throw std::system_error{errno, std::system_category(), command};
    std::string output;
    char piece[65536];
    while (const std::size_t n = fread(piece, 1, sizeof piece, program.get())) output.append(piece, n);
    if (output.empty()) throw std::runtime_error{command + ": wrote nothing"};
    return output;
}

} // namespace bench
