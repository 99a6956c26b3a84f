#include "messages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "buzon/maildir/open_message.h"
#include "buzon/posix/bundle.h"

namespace buzon::workers {

using namespace jobs;

namespace {

posix::Result<posix::UniqueFd> open_message(const Open& job) {
    return maildir::open_message(job.maildir, job.file_name, job.in_new, job.inode);
}

std::error_code read_at(int file, std::uint64_t offset, std::uint32_t octets, std::string& data) {
    data.resize(octets);
    ssize_t n = 0;
    do {
        n = ::pread(file, data.data(), data.size(), static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return posix::last_error();
    // The following octets will be wanted next: start reading them into memory.
    ::posix_fadvise(file, static_cast<off_t>(offset) + n, 1 << 20, POSIX_FADV_WILLNEED);
    data.resize(static_cast<std::size_t>(n));
    return {};
}

// A file without a name. If it is not large, or no other folder than that of mail can be reached, it is in memory.
posix::UniqueFd nameless_file(bool large) {
    const auto in_memory = [] { return posix::UniqueFd{::memfd_create("buzon-message", MFD_CLOEXEC)}; };
    if (!large) return in_memory();
    std::string path = std::filesystem::temp_directory_path() / "buzon-XXXXXX";
    posix::UniqueFd file{::mkostemp(path.data(), O_CLOEXEC)};
    if (!file) return in_memory();
    ::unlink(path.c_str());
    return file;
}

// Reopened, so that it is read from its beginning whatever offset the other descriptor has.
posix::Result<posix::UniqueFd> opened_again(int file) {
    posix::UniqueFd again{::open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!again) return posix::last_error();
    return again;
}

} // namespace

Done<Open> work_on(const Open& job, int) {
    auto file = open_message(job);
    if (!file) return {file.error(), {}, {}};
    return {{}, {}, std::move(file).value()};
}

Done<OpenAhead> work_on(const OpenAhead& job, int) {
    if (job.messages.empty() || job.messages.size() > OpenAhead::max_messages)
        return {std::make_error_code(std::errc::invalid_argument), {}, {}};
    const auto opener = maildir::MessageOpener::of(job.maildir);
    if (!opener) return {opener.error(), {}, {}};
    std::vector<posix::UniqueFd> files;
    std::vector<int> numbers;
    Done<OpenAhead> done;
    for (std::uint32_t place = 0; place < job.messages.size(); ++place) {
        const OpenAhead::Message& one = job.messages[place];
        auto file = place == 0 ? opener.value().open(one.file_name, one.in_new, one.inode)
                               : opener.value().open_listed(one.file_name, one.in_new, one.inode);
        if (!file && place == 0) return {file.error(), {}, {}};
        if (!file) continue;
        files.push_back(std::move(file).value());
        numbers.push_back(files.back().get());
        done.answer.opened.push_back(place);
    }
    auto bundle = posix::bundle(numbers);
    if (!bundle) return {bundle.error(), {}, {}};
    done.fd = std::move(bundle).value();
    return done;
}

Done<Read> work_on(const Read& job, int file) {
    Done<Read> done;
    done.why = read_at(file, job.offset, job.octets, done.answer.octets);
    return done;
}

Done<ReadMessage> work_on(const ReadMessage& job, int) {
    const auto file = open_message(job.message);
    if (!file) return {file.error(), {}, {}};
    struct stat about {};
    if (::fstat(file.value().get(), &about) != 0) return {posix::last_error(), {}, {}};
    Done<ReadMessage> done;
    done.answer.inode = about.st_ino;
    done.answer.mtime_ns = about.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about.st_mtim.tv_nsec;
    done.answer.size = static_cast<std::uint64_t>(about.st_size);
    done.why = read_at(file.value().get(), job.offset, job.octets, done.answer.octets);
    return done;
}

Done<CopyMessage> work_on(const CopyMessage& job, int) {
    constexpr off_t max_in_memory = 8 * 1024 * 1024;
    const auto file = open_message(job.message);
    if (!file) return {file.error(), {}, {}};
    struct stat about {};
    if (::fstat(file.value().get(), &about) != 0) return {posix::last_error(), {}, {}};
    const posix::UniqueFd copy = nameless_file(about.st_size > max_in_memory);
    if (!copy) return {posix::last_error(), {}, {}};
    for (std::size_t left = static_cast<std::size_t>(about.st_size); left > 0;) {
        const ssize_t n = ::sendfile(copy.get(), file.value().get(), nullptr, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {posix::last_error(), {}, {}};
        if (n == 0) break; // the file has been truncated
        left -= static_cast<std::size_t>(n);
    }
    auto again = opened_again(copy.get());
    if (!again) return {again.error(), {}, {}};
    return {{}, {}, std::move(again).value()};
}

} // namespace buzon::workers
