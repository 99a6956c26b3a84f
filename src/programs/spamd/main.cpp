// buzon-spamd [-U SOCKET | -d HOST -p PORT] [-s OCTETS] [-t SECONDS] - marks spam, as spamc -f does. If spamd cannot be
// asked, the message goes out unchanged.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "../spamd.h"
#include "../talk.h"
#include "../usage.h"
#include "buzon/line/number.h"

namespace {

constexpr const char* usage =
    "usage: buzon-spamd [-U SOCKET | -d HOST -p PORT] [-s OCTETS] [-t SECONDS]\n"
    "Passes mail through SpamAssassin's spamd (-T process:.../buzon-spamd). If spamd cannot be asked, the\n"
    "mail goes out unchanged, and standard error says why.\n"
    "  -U SOCKET   spamd's unix socket\n"
    "  -d HOST     spamd's host (localhost)\n"
    "  -p PORT     its port (783)\n"
    "  -s OCTETS   larger messages are not checked (512000)\n"
    "  -t SECONDS  time limit for one message (45)\n";

} // namespace

int main(int argc, char** argv) {
    using namespace buzon::programs;
    if (const auto told = tell_about(argc, argv, "buzon-spamd", usage)) return *told;
    Spamd spamd;
    ::opterr = 0;
    for (int option = 0; (option = ::getopt(argc, argv, "U:d:p:s:t:")) != -1;) {
        const std::string value = ::optarg ? ::optarg : "";
        const auto number = buzon::line::parse_whole<std::uint32_t>(value, 1);
        if (option == '?' || value.empty() || ((option == 's' || option == 't') && !number)) return refuse(usage);
        if (option == 'U') spamd.socket = value;
        if (option == 'd') spamd.host = value;
        if (option == 'p') spamd.port = value;
        if (option == 's') spamd.max_size = *number;
        if (option == 't') spamd.timeout = std::chrono::seconds{*number};
    }
    if (::optind != argc) return refuse(usage);
    std::signal(SIGPIPE, SIG_IGN);
    Talk talk{Talk::Results::may_differ};
    while (const auto letter = talk.next()) {
        if (letter->octets.empty() || letter->octets.size() > spamd.max_size) { // as spamc does
            talk.same();
            continue;
        }
        const Scanned scanned = ask_spamd(spamd, letter->octets, letter->user);
        if (!scanned.problem.empty())
            std::fprintf(stderr, "%s; passed on unchanged: %s\n", letter->uidl.c_str(), scanned.problem.c_str());
        if (!scanned.problem.empty() || scanned.octets == letter->octets)
            talk.same();
        else
            talk.message(scanned.octets);
    }
}
