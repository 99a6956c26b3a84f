#include "system/living_programs.h"

#include <algorithm>

#include "support/process.h"
#include "support/programs.h"

namespace buzon::test {

std::string living(const TempDirectory& directory, const std::string& name, const std::string& lines,
                   const std::string& before) {
    std::string body;
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        body += "    " + lines.substr(at, end - at) + "\n";
        at = end + 1;
    }
    const std::string program = "#!/usr/bin/python3\n"
                                "import os, signal, sys, time\n"
                                "inp, out = sys.stdin.buffer, sys.stdout.buffer\n"
                                "def say(text):\n"
                                "    out.write(text if isinstance(text, bytes) else text.encode())\n"
                                "    out.flush()\n" +
                                before +
                                "for line in inp:\n"
                                "    words = line.decode().split()\n"
                                "    text = inp.read(int(words[1]))\n" +
                                body;
    return "process:" + directory.file(name, program, 0755);
}

std::vector<pid_t> running_from(const std::filesystem::path& directory) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path() / "exe", gone) == server_program()) continue;
        const pid_t pid = std::stoi(name);
        if (proc_text(pid, "cmdline").find(directory.string() + "/") != std::string::npos) found.push_back(pid);
    }
    return found;
}

} // namespace buzon::test
