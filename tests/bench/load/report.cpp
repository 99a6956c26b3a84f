// bench/load/report.cpp - see the header.
#include "load/report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>

#include "common/process_cost.h"
#include "load/connection.h"

namespace bench {

void Samples::add(std::uint64_t nanoseconds) {
    if (times_.size() == limit) return;
    times_.push_back(static_cast<std::uint32_t>(
        std::min<std::uint64_t>(nanoseconds / 10, std::numeric_limits<std::uint32_t>::max())));
}

double Samples::percentile(double part) {
    if (times_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(
        std::min(part * static_cast<double>(times_.size()), static_cast<double>(times_.size() - 1)));
    std::nth_element(times_.begin(), times_.begin() + at, times_.end());
    return times_[static_cast<std::size_t>(at)] / 100.0;
}

void Errors::add(const std::string& what) {
    if (++count_ <= shown) std::cerr << "error: " << what << '\n';
}

void Meter::begin() {
    server_began_ = processor_time(server_);
    alone_began_ = processor_time(server_, Count::without_programs);
    began_ = Loop::now();
}

void Meter::end() {
    seconds_ = static_cast<double>(Loop::now() - began_) / 1e9;
    if (settle_ > 0) usleep(static_cast<useconds_t>(settle_ * 1e6));
    const std::uint64_t now = processor_time(server_);
    const std::uint64_t alone = processor_time(server_, Count::without_programs);
    server_seconds_ = now > server_began_ ? static_cast<double>(now - server_began_) / 1e9 : 0;
    alone_seconds_ = alone > alone_began_ ? static_cast<double>(alone - alone_began_) / 1e9 : 0;
}

void Report::number(const std::string& name, double value) {
    char text[64];
    const bool whole = std::abs(value - std::round(value)) < 1e-9 && std::abs(value) < 1e15;
    std::snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", value);
    lines_.emplace_back(name, text);
}

void Report::print() const {
    std::string human = "#";
    for (const auto& [name, value] : lines_) {
        std::cout << name << ' ' << value << '\n';
        human += " " + name + "=" + value;
    }
    std::cout << human << '\n';
}

} // namespace bench
