#include "frozen_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "buzon/message/checksum.h"
#include "buzon/message/file_name.h"
#include "buzon/posix/io.h"
#include "directory.h"
#include "own_file.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::string_view first_words = "buzon-uidl 1 ";

constexpr struct {
    message::UidlSource source;
    std::string_view name;
} sources[] = {
    {message::UidlSource::base_name, "base"},
    {message::UidlSource::dovecot, "dovecot"},
    {message::UidlSource::courier, "courier"},
};

std::string with_checksum(std::string line) {
    std::uint64_t sum = message::checksum(line);
    line += ' ';
    for (int digit = 0; digit < 8; ++digit, sum >>= 4) line += "0123456789abcdef"[sum & 0xF];
    return line += '\n';
}

// The line without its checksum; empty if the checksum is wrong.
std::string_view checked(std::string_view line) {
    constexpr std::size_t sum_size = 9;
    if (line.size() <= sum_size) return {};
    const std::string_view content = line.substr(0, line.size() - sum_size);
    const std::string whole = with_checksum(std::string{content});
    return std::string_view{whole}.substr(0, whole.size() - 1) == line ? content : std::string_view{};
}

std::string escaped(std::string_view base) {
    std::string text;
    for (const char c : base) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x21 && octet <= 0x7E && c != '%') {
            text += c;
        } else {
            text += '%';
            text += "0123456789ABCDEF"[octet >> 4];
            text += "0123456789ABCDEF"[octet & 0xF];
        }
    }
    return text;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string base;
    while (!text.empty()) {
        if (text.front() != '%') {
            base += text.front();
            text.remove_prefix(1);
            continue;
        }
        unsigned octet = 0;
        if (text.size() < 3 || std::from_chars(text.data() + 1, text.data() + 3, octet, 16).ptr != text.data() + 3)
            return std::nullopt;
        base += static_cast<char>(octet);
        text.remove_prefix(3);
    }
    return base;
}

std::string_view take_until(std::string_view& rest, char end) noexcept {
    const std::string_view part = rest.substr(0, rest.find(end));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

template <class Number>
bool as_number(std::string_view text, Number& number) noexcept {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && stop == text.data() + text.size();
}

std::optional<FrozenUidl> parse_entry(std::string_view line) {
    FrozenUidl entry;
    entry.uidl = take_until(line, ' ');
    std::string_view identity = take_until(line, ' ');
    std::optional<std::string> base = unescaped(line);
    if (!base) return std::nullopt;
    entry.base = std::move(*base);
    if (!message::may_be_uidl(entry.uidl, entry.base)) return std::nullopt;
    if (!entry.base.empty() && !message::is_message_name(entry.base)) return std::nullopt;
    if (identity == "-") return entry;
    FileIdentity file;
    const bool read = as_number(take_until(identity, '.'), file.inode) &&
                      as_number(take_until(identity, '.'), file.size) && as_number(identity, file.mtime_ns);
    if (!read) return std::nullopt;
    entry.identity = file;
    return entry;
}

} // namespace

std::string frozen_header(message::UidlSource source) {
    for (const auto& known : sources)
        if (known.source == source) return with_checksum(std::string{first_words}.append(known.name));
    return {};
}

std::string frozen_line(const FrozenUidl& entry) {
    std::string line = entry.uidl + ' ';
    if (entry.identity)
        line += std::to_string(entry.identity->inode) + '.' + std::to_string(entry.identity->size) + '.' +
                std::to_string(entry.identity->mtime_ns);
    else
        line += '-';
    return with_checksum(line + ' ' + escaped(entry.base));
}

FrozenUidls parse_frozen_list(std::string_view content) {
    FrozenUidls list;
    bool has_header = false;
    while (!content.empty()) {
        const std::string_view line = checked(take_until(content, '\n'));
        if (line.empty()) continue;
        list.exists = true;
        if (line.substr(0, first_words.size()) == first_words) {
            for (const auto& known : sources)
                if (!has_header && line.substr(first_words.size()) == known.name) {
                    list.source = known.source;
                    has_header = true;
                }
        } else if (std::optional<FrozenUidl> entry = parse_entry(line)) {
            list.entries.push_back(std::move(*entry));
        }
    }
    // A list without its first line is still useful: the entries of a base-name list all have an identity.
    if (!has_header)
        for (const FrozenUidl& entry : list.entries)
            if (!entry.identity) list.source = message::UidlSource::dovecot;
    return list;
}

Result<FrozenFile> FrozenFile::open(int maildir) {
    struct stat about {};
    Result<UniqueFd> file = open_own(maildir, frozen_list_name, O_RDONLY, about);
    if (!file && file.error().value() != ENOENT) return file.error();
    return FrozenFile{maildir, file ? std::move(file).value() : UniqueFd{}};
}

std::optional<FrozenFile> FrozenFile::open_locked(int maildir) {
    for (int tries = 0; tries != 5; ++tries) { // the owner could replace the file for ever
        struct stat ours {
        }, there{};
        Result<UniqueFd> opened = open_own(maildir, frozen_list_name, O_RDWR | O_CREAT | O_APPEND, ours);
        if (!opened) return std::nullopt;
        UniqueFd file = std::move(opened).value();
        if (lock_own(file.get()) || ::fstat(file.get(), &ours) != 0) return std::nullopt;
        if (::fstatat(maildir, frozen_list_name, &there, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
            return std::nullopt;
        // While we waited, another process may have replaced the file.
        if (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev) continue;
        FrozenFile locked{maildir, std::move(file)};
        locked.fresh_ = ours.st_size == 0;
        return locked;
    }
    return std::nullopt;
}

Result<FrozenUidls> FrozenFile::read() {
    if (!file_) return FrozenUidls{};
    const Result<std::string> content = read_all(file_.get());
    if (!content) return content.error();
    torn_ = !content.value().empty() && content.value().back() != '\n';
    return parse_frozen_list(content.value());
}

std::error_code FrozenFile::append(std::string_view lines, bool sync) {
    const std::string all = (torn_ ? "\n" : "") + std::string{lines};
    if (const std::error_code why = posix::write_all(file_.get(), all)) return why;
    if (!sync) return {};
    if (::fsync(file_.get()) != 0) return last_error();
    return fresh_ ? sync_directory(maildir_) : std::error_code{};
}

std::error_code FrozenFile::replace(std::string_view content) {
    const Result<UniqueFd> tmp = open_folder(maildir_, "tmp");
    if (!tmp) return tmp.error();
    const FileAt temporary{tmp.value().get(), unique_name(frozen_list_name)};
    const std::error_code why = write_and_rename(temporary, {maildir_, frozen_list_name}, content, true);
    return why ? why : sync_directory(maildir_);
}

} // namespace buzon::maildir
