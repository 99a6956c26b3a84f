// state/log.cpp - writes events of sufficient level as lines.
#include "buzon/state/log.h"

#include <utility>

namespace buzon::state {

Log::Log(LogSink* sink, LogOrigin origin) : sink_{sink}, origin_{std::move(origin)} {}

void Log::write(const Event& event, std::string_view text) {
    if (!takes(event.level)) return;
    lines_.append(0, text);
    if (sink_ == nullptr) return;
    line_.clear();
    if (format_ == LogFormat::text)
        line_ = text;
    else
        format_event(event, format_, origin_, line_);
    line_ += '\n';
    sink_->write(line_);
}

} // namespace buzon::state
