// manage/prometheus.h - the metrics in Prometheus' text format, version 0.0.4. Contains no user names.
#pragma once

#include <string>
#include <string_view>

#include "buzon/state/metrics.h"

namespace buzon::manage {

inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

// The whole page. Times are in seconds and sizes in bytes, by the format's conventions.
[[nodiscard]] std::string prometheus_page(const state::Metrics& metrics);

} // namespace buzon::manage
