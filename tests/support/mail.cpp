// support/mail.cpp
#include "support/mail.h"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "support/process.h"

namespace buzon::test {
namespace {

// The lines of a stored message without their ends. A CR right before the LF is part of the end, any other of the line.
std::vector<std::string> lines_of(std::string_view stored) {
    std::vector<std::string> lines;
    while (!stored.empty()) {
        const std::size_t end = stored.find('\n');
        if (end == std::string_view::npos) {
            lines.emplace_back(stored);
            break;
        }
        const bool crlf = end > 0 && stored[end - 1] == '\r';
        lines.emplace_back(stored.substr(0, crlf ? end - 1 : end));
        stored.remove_prefix(end + 1);
    }
    return lines;
}

std::string join(const std::vector<std::string>& lines, bool stuffed) {
    std::string whole;
    for (const std::string& line : lines) {
        if (stuffed && line.starts_with('.')) whole += '.';
        whole += line + "\r\n";
    }
    return whole;
}

std::string base_name(const std::string& file) {
    return file.substr(0, file.find(":2,"));
}

} // namespace

std::string as_received(std::string_view stored) {
    return join(lines_of(stored), false);
}

std::string octets_reply(std::string_view stored) {
    return "+OK " + std::to_string(as_received(stored).size()) + " octets";
}

std::string as_sent(std::string_view stored) {
    return join(lines_of(stored), true) + ".\r\n";
}

std::string top_of(std::string_view stored, std::size_t lines) {
    std::vector<std::string> all = lines_of(stored);
    const auto blank = std::find(all.begin(), all.end(), "");
    if (blank != all.end()) {
        const auto keep = static_cast<std::size_t>(blank - all.begin()) + 1;
        all.resize(std::min(all.size(), keep + lines));
    }
    return join(all, false);
}

namespace {

// A few octets around a position, in printable form.
std::string around(const std::string& text, std::size_t at) {
    std::string shown = at > 20 ? "..." : "";
    for (const char c : text.substr(at > 20 ? at - 20 : 0, 60)) {
        if (c == '\r')
            shown += "\\r";
        else if (c == '\n')
            shown += "\\n";
        else if (c < ' ')
            shown += '?';
        else
            shown += c;
    }
    return "'" + shown + "'";
}

} // namespace

std::string difference(const std::string& got, const std::string& wanted) {
    if (got == wanted) return {};
    const auto part = std::mismatch(got.begin(), got.end(), wanted.begin(), wanted.end());
    const auto at = static_cast<std::size_t>(part.first - got.begin());
    return std::to_string(got.size()) + " octets in place of " + std::to_string(wanted.size()) + ", from " +
           std::to_string(at) + " on: " + around(got, at) + " in place of " + around(wanted, at);
}

std::string difference(const std::vector<std::string>& got, const std::vector<std::string>& wanted) {
    if (got.size() != wanted.size())
        return std::to_string(got.size()) + " in place of " + std::to_string(wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        if (got[i] != wanted[i]) return "at " + std::to_string(i) + ": " + difference(got[i], wanted[i]);
    return {};
}

std::string read_whole(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in) throw std::runtime_error("cannot read " + file.string());
    return {std::istreambuf_iterator<char>{in}, {}};
}

Maildir::Maildir(std::filesystem::path directory) : path_{std::move(directory)} {
    for (const char* folder : {"cur", "new", "tmp"}) std::filesystem::create_directories(path_ / folder);
}

std::filesystem::path Maildir::deliver(const std::string& name, std::string_view octets) const {
    const std::filesystem::path draft = path_ / "tmp" / name, place = path_ / "new" / name;
    std::ofstream{draft, std::ios::binary} << octets;
    std::filesystem::rename(draft, place);
    return place;
}

std::filesystem::path Maildir::put_in_cur(const std::string& name, std::string_view octets) const {
    const std::filesystem::path draft = path_ / "tmp" / name, place = path_ / "cur" / name;
    std::ofstream{draft, std::ios::binary} << octets;
    std::filesystem::rename(draft, place);
    return place;
}

void Maildir::flag(const std::string& base, const std::string& flags) const {
    std::filesystem::rename(find(base), path_ / "cur" / (base + ":2," + flags));
}

void Maildir::remove(const std::string& base) const {
    std::filesystem::remove(find(base));
}

void Maildir::rest() const {
    const auto seconds = [](const timespec& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    };
    double last = 0, coarseness = 0.15;
    for (const char* folder : {"new", "cur"}) {
        struct stat about {};
        if (::lstat((path_ / folder).c_str(), &about) != 0) throw std::runtime_error("no " + (path_ / folder).string());
        last = std::max(last, seconds(about.st_ctim));
        if (about.st_ctim.tv_nsec == 0 || about.st_mtim.tv_nsec == 0) coarseness = 3.6; // only whole seconds
    }
    const bool rested = eventually([&] {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
        return seconds(now) - last > coarseness;
    });
    if (!rested) throw std::runtime_error("the clock stands still");
}

std::filesystem::path Maildir::find(const std::string& base) const {
    for (const char* folder : {"new", "cur"})
        for (const auto& entry : std::filesystem::directory_iterator{path_ / folder})
            if (base_name(entry.path().filename().string()) == base) return entry.path();
    return {};
}

std::vector<std::string> Maildir::messages() const {
    std::vector<std::string> names;
    for (const std::string folder : {"new", "cur"})
        for (const auto& entry : std::filesystem::directory_iterator{path_ / folder}) {
            const std::string name = entry.path().filename().string();
            if (entry.is_regular_file() && !name.starts_with('.')) names.push_back(folder + "/" + name);
        }
    std::sort(names.begin(), names.end());
    return names;
}

std::map<std::string, std::string> snapshot(const std::filesystem::path& directory) {
    std::map<std::string, std::string> seen;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) != 0) throw std::runtime_error("lstat " + entry.path().string());
        std::string what = std::to_string(status.st_mode) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
                           std::to_string(status.st_mtim.tv_nsec);
        if (S_ISREG(status.st_mode)) what += "\n" + read_whole(entry.path());
        seen[std::filesystem::relative(entry.path(), directory).string()] = what;
    }
    return seen;
}

} // namespace buzon::test
