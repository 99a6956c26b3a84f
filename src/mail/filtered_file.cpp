// `buzon-filtered`: a checked header, then for each transformation, the one used last at the end, its key and its
// messages.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "buzon/mail/filtered_octets.h"
#include "buzon/mail/filtered_stamp.h"
#include "buzon/posix/io.h"
#include "bytes.h"
#include "checksum.h"
#include "directory.h"
#include "index_file.h"

namespace buzon::mail {
namespace {

using posix::Result;
using posix::UniqueFd;

// "BUZONF" and a version, in the machine's order: a file from another kind of machine is odd.
constexpr std::uint64_t magic = 0x00'01'46'4E'4F'5A'55'42;
constexpr std::size_t message_size = 32;
constexpr std::size_t largest_key = 255;
constexpr std::size_t largest_file = 4 << 20; // ours are half of that at most

struct Section {
    std::string key;
    FilteredMessages messages; // those seen last at the end
};
using Sections = std::vector<Section>;

void put(BytesOut& out, const FilteredMessages& messages) {
    out.put(static_cast<std::uint32_t>(messages.size()));
    for (const FilteredMessage& message : messages)
        out.put(message.inode).put(message.stored_size).put(message.mtime_ns).put(message.octets);
}

// False: not as it should be.
bool take(BytesIn& in, FilteredMessages& messages) {
    const auto count = in.get<std::uint32_t>();
    if (count > in.left() / message_size) return false;
    messages.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        FilteredMessage& message = messages.emplace_back();
        message.inode = in.get<std::uint64_t>();
        message.stored_size = in.get<std::uint64_t>();
        message.mtime_ns = in.get<std::int64_t>();
        message.octets = in.get<std::uint64_t>();
    }
    return true;
}

std::string file_of(const Sections& sections) {
    BytesOut body;
    body.put(static_cast<std::uint32_t>(sections.size()));
    for (const Section& section : sections) {
        body.put_text(section.key);
        put(body, section.messages);
    }
    const std::string rest = body.take();
    BytesOut head;
    head.put(magic).put(checksum(rest));
    return head.take() + rest;
}

Sections sections_of(std::string_view file) {
    constexpr std::size_t head_size = 16;
    if (file.size() < head_size) return {};
    BytesIn head{file.substr(0, head_size)};
    const std::string_view rest = file.substr(head_size);
    if (head.get<std::uint64_t>() != magic || head.get<std::uint64_t>() != checksum(rest)) return {};
    BytesIn in{rest};
    Sections sections;
    for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
        Section& section = sections.emplace_back();
        section.key = in.get_text();
        if (section.key.empty() || section.key.size() > largest_key || !take(in, section.messages)) return {};
    }
    return in.good() ? sections : Sections{};
}

// Empty when there is none, or none of ours.
std::string read_file(int maildir) {
    struct stat about {};
    const Result<UniqueFd> file = open_regular(maildir, filtered_file_name, about);
    if (!file || about.st_size <= 0 || static_cast<std::uint64_t>(about.st_size) > largest_file) return {};
    std::string content(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const posix::Transfer got = posix::read_some(file.value().get(), std::span{content}.subspan(done));
        if (got.what != posix::Moved::some) return {};
        done += got.bytes;
    }
    return content;
}

Section& section_for(Sections& sections, const std::string& key) {
    const auto found = std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.key == key; });
    if (found == sections.end()) return sections.emplace_back(Section{key, {}});
    std::rotate(found, found + 1, sections.end());
    return sections.back();
}

// What is new goes behind the rest, which loses what it said about the same messages.
void merge(FilteredMessages& known, const FilteredMessages& fresh) {
    known.insert(known.end(), fresh.begin(), fresh.end());
    std::unordered_set<std::uint64_t> seen;
    const auto is_older = [&](const FilteredMessage& message) { return !seen.insert(message.inode).second; };
    known.erase(known.begin(), std::remove_if(known.rbegin(), known.rend(), is_older).base());
}

// Without an index nothing is known to be gone.
void drop_gone(FilteredMessages& messages, const Snapshot* index) {
    if (!index) return;
    std::unordered_set<std::uint64_t> there;
    for (const FilteredMessage& message : messages) there.insert(message.inode);
    std::unordered_set<std::uint64_t> found;
    for (std::uint32_t i = 0; i < index->count(); ++i)
        if (there.contains(index->inode(i))) found.insert(index->inode(i));
    std::erase_if(messages, [&](const FilteredMessage& message) { return !found.contains(message.inode); });
}

void cut(Sections& sections, const FilteredLimits& limits) {
    std::erase_if(sections, [](const Section& section) { return section.messages.empty(); });
    if (sections.size() > limits.transformations)
        sections.erase(sections.begin(), sections.end() - static_cast<std::ptrdiff_t>(limits.transformations));
    std::size_t left = limits.messages;
    for (auto section = sections.rbegin(); section != sections.rend(); ++section) {
        FilteredMessages& messages = section->messages;
        if (messages.size() > left)
            messages.erase(messages.begin(), messages.end() - static_cast<std::ptrdiff_t>(left));
        left -= messages.size();
    }
    std::erase_if(sections, [](const Section& section) { return section.messages.empty(); });
}

} // namespace

FilteredStamp filtered_stamp(const std::string& maildir) {
    struct stat about {};
    if (::lstat((maildir + '/' + filtered_file_name).c_str(), &about) != 0) return {};
    return {about.st_ino, static_cast<std::uint64_t>(about.st_size), nanoseconds(about.st_mtim)};
}

FilteredMessages read_filtered(const std::string& maildir, std::string_view key) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, maildir.c_str());
    if (!root) return {};
    for (Section& section : sections_of(read_file(root.value().get())))
        if (section.key == key) return std::move(section.messages);
    return {};
}

std::error_code add_filtered(const std::string& maildir, const FilteredBatch& batch, const FilteredLimits& limits) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, maildir.c_str());
    if (!root) return root.error();
    const std::string before = read_file(root.value().get());
    Sections sections = sections_of(before);
    for (const auto& [key, messages] : batch)
        if (!key.empty() && key.size() <= largest_key) merge(section_for(sections, key).messages, messages);
    const std::shared_ptr<const Snapshot> index = read_index(root.value().get());
    for (Section& section : sections) drop_gone(section.messages, index.get());
    cut(sections, limits);
    const std::string after = file_of(sections);
    if (after == before) return {};
    // No fsync: a torn file is known by its checksum.
    return write_and_rename(root.value().get(), "tmp/" + unique_name(filtered_file_name), filtered_file_name, after,
                            false);
}

std::string FilteredRequest::to_bytes() const {
    BytesOut out;
    out.put_text(maildir).put(static_cast<std::uint32_t>(batch.size()));
    for (const auto& [key, messages] : batch) {
        out.put_text(key);
        put(out, messages);
    }
    return out.take();
}

Result<FilteredRequest> FilteredRequest::from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    FilteredRequest request;
    request.maildir = in.get_text();
    for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
        FilteredMessages& messages = request.batch[in.get_text()];
        if (!take(in, messages)) return bad_bytes();
    }
    if (!in.good()) return bad_bytes();
    return request;
}

std::string to_bytes(const FilteredMessages& messages) {
    BytesOut out;
    put(out, messages);
    return out.take();
}

std::optional<FilteredMessages> filtered_from_bytes(std::string_view bytes) {
    BytesIn in{bytes};
    FilteredMessages messages;
    if (!take(in, messages) || !in.good()) return std::nullopt;
    return messages;
}

} // namespace buzon::mail
