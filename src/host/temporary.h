// host/temporary.h - a program's own folder for temporary files, emptied when the program has ended.
#pragma once

#include <sys/types.h>

#include <string>

namespace buzon::host {

class Temporary {
public:
    Temporary() = default;
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { remove(); }

    // Makes the folder, or keeps the existing one if it is still the same. Returns an errno, or 0.
    [[nodiscard]] int prepare();
    [[nodiscard]] const std::string& path() const noexcept { return path_; } // empty: there is none
    void empty() noexcept;
    void remove() noexcept;

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t number_ = 0;
};

} // namespace buzon::host
