// bench/load/canned.cpp - replies for the floor, made from a Maildir (canned.h).
#include "load/canned.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace bench {

void write_canned(const Maildrop& maildrop, const std::string& folder) {
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw std::runtime_error{folder + ": " + std::strerror(errno)};
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream file{folder + "/" + name, std::ios::binary | std::ios::trunc};
        if (!(file << text).flush()) throw std::runtime_error{folder + "/" + name + ": cannot write"};
    };
    std::string uidl = "+OK\r\n";
    for (std::size_t i = 0; i < maildrop.paths.size(); ++i) {
        const std::string& path = maildrop.paths[i];
        const std::string name = path.substr(path.rfind('/') + 1);
        uidl += std::to_string(i + 1) + " " + name.substr(0, name.find(':')) + "\r\n";
    }
    write("stat", maildrop.stat_reply());
    write("list-one", maildrop.paths.empty() ? "-ERR\r\n" : maildrop.list_reply(1));
    write("list", "+OK\r\n" + maildrop.list_body());
    write("uidl", uidl + ".\r\n");
    write("retr", maildrop.paths.empty() ? "-ERR\r\n"
                                         : "+OK " + std::to_string(maildrop.octets[0]) + " octets\r\n" +
                                               wire_form(read_whole(maildrop.paths[0])));
}

} // namespace bench
