#include "upkeep.h"

#include <cstdio>
#include <utility>

#include "buzon/posix/io.h"

namespace buzon::server {
namespace {

constexpr std::size_t longest_list_of_delays = 32u << 20;
constexpr int names_aside = 10; // history.damaged, history.damaged.1, ...

// Returns the new name, or "" if the file could not be moved. Replaces older damaged files, but nothing else.
std::string put_aside(const std::string& path) {
    for (int number = 0; number < names_aside; ++number) {
        std::string aside = path + ".damaged" + (number == 0 ? "" : '.' + std::to_string(number));
        if (std::rename(path.c_str(), aside.c_str()) == 0) return aside;
    }
    return {};
}

bool is_missing(const posix::Result<std::string>& file) {
    return !file && file.error() == std::errc::no_such_file_or_directory;
}

} // namespace

void Upkeep::begin(Logging& logging) {
    if (history.file().kept()) restore_history(logging);
    history.begin();
    delays.begin();
    if (delays.wanted()) restore_delays(logging);
    lag.begin();
}

void Upkeep::restore_history(Logging& logging) {
    const std::string& path = history.file().path();
    const auto file = posix::read_regular_file(path.c_str(), state::History::max_file_octets);
    if (is_missing(file)) return;
    const auto wrong = file ? history.restore(file.value()) : file.error().message();
    if (!wrong) return;
    const std::string aside = put_aside(path);
    logging.warn(path + ": " + *wrong + "; starting a new history" +
                 (aside.empty() ? "" : ", the old file is now " + aside));
}

void Upkeep::restore_delays(Logging& logging) {
    const std::string& path = delays.file().path();
    const auto file = posix::read_regular_file(path.c_str(), longest_list_of_delays);
    if (is_missing(file)) return;
    if (!file)
        logging.warn(path + ": " + file.error().message() + "; starting without login delays");
    else if (!delays.restore(file.value()))
        logging.warn(path + ": not a list of logins; starting without login delays");
}

void Upkeep::finish(std::function<void()> then) {
    when_finished_ = std::move(then);
    unfinished_ = 3;
    const auto done = [this] {
        if (--unfinished_ == 0) std::exchange(when_finished_, nullptr)();
    };
    reports.finish(done);
    history.finish(done);
    delays.finish(done);
}

} // namespace buzon::server
