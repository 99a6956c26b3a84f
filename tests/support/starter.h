// support/starter.h - starts children for a test: a keeping service that runs this program again under another argv[0]
// (second_life.h).
#pragma once

#include <string>

#include "buzon/keeper/client.h"
#include "buzon/keeping/service.h"

namespace buzon::test {

class Starting {
public:
    explicit Starting(event::EventLoop& loop, const std::string& name, const std::string& program = "/proc/self/exe")
        : process_{settings(name, program)}, client_{loop, process_.channel(), {}} {}
    [[nodiscard]] keeper::Starter& starter() noexcept { return client_; }

private:
    static keeping::Settings settings(const std::string& name, const std::string& program) {
        keeping::Settings settings;
        settings.program = program;
        settings.names.fill(name);
        return settings;
    }

    keeping::Starter process_;
    keeper::Client client_;
};

} // namespace buzon::test
