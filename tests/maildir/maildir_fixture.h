// A Maildir in a temporary directory, for one test.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "buzon/maildir/scan.h"
#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/mail.h"

namespace buzon::maildir {

using namespace message;

using NameSet = std::set<std::string>;

class TestMaildir {
public:
    TestMaildir() {
        std::string place = (std::filesystem::temp_directory_path() / "buzon-mail-XXXXXX").string();
        REQUIRE(::mkdtemp(place.data()) != nullptr);
        root_ = place;
        path_ = place + "/user";
        REQUIRE_FALSE(create_maildir(path_));
    }
    ~TestMaildir() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    TestMaildir(const TestMaildir&) = delete;
    TestMaildir& operator=(const TestMaildir&) = delete;

    const std::string& path() const { return path_; }
    std::string file(std::string_view name) const { return path_ + "/" + std::string{name}; }

    // `name` includes the folder: "new/1.a".
    void put(std::string_view name, std::string_view content = "x\n") const {
        std::ofstream out(file(name), std::ios::binary);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
        REQUIRE(out.good());
    }
    std::string content(std::string_view name) const {
        std::ifstream in(file(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    bool has(std::string_view name) const {
        return std::filesystem::exists(std::filesystem::symlink_status(file(name)));
    }
    void rename(std::string_view from, std::string_view to) const { std::filesystem::rename(file(from), file(to)); }
    void remove(std::string_view name) const { REQUIRE(std::filesystem::remove(file(name))); }
    NameSet names(std::string_view folder) const {
        NameSet all;
        for (const auto& entry : std::filesystem::directory_iterator(file(folder))) all.insert(entry.path().filename());
        return all;
    }
    // How many deleted messages are in the trash.
    std::uint32_t kept() const {
        std::uint32_t count = 0;
        std::error_code none;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(file("buzon-trash"), none))
            if (entry.is_regular_file()) ++count;
        return count;
    }
    std::uint64_t inode(std::string_view name) const {
        struct stat about {};
        REQUIRE(::lstat(file(name).c_str(), &about) == 0);
        return about.st_ino;
    }
    void set_mtime(std::string_view name, std::int64_t seconds, long nanoseconds = 0) const {
        const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
        REQUIRE(::utimensat(AT_FDCWD, file(name).c_str(), times, 0) == 0);
    }

    void rest() const { test::Maildir{path_}.rest(); }

    std::shared_ptr<const Snapshot> scan(const ScanOptions& options = {}) const {
        posix::Result<posix::UniqueFd> made = maildir::scan(path_, options);
        REQUIRE(made.error() == std::error_code{});
        auto snapshot = Snapshot::from_fd(std::move(made).value());
        REQUIRE(snapshot.error() == std::error_code{});
        return snapshot.value();
    }

private:
    std::string root_;
    std::string path_;
};

} // namespace buzon::maildir
