// buzon-rename [-b EXT,EXT...] [-e EXT] - renames dangerous attachments of the mail that the server hands over.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>

#include "../rename.h"
#include "../talk.h"
#include "../usage.h"

namespace {

constexpr const char* usage =
    "usage: buzon-rename [-b EXT,EXT...] [-e EXT]\n"
    "Renames dangerous attachments: bill.exe becomes bill_exe.bad (-T process:.../buzon-rename).\n"
    "  -b EXT,EXT...  dangerous extensions, instead of the built-in list\n"
    "  -e EXT         the extension to use instead (bad)\n";

} // namespace

int main(int argc, char** argv) {
    using namespace buzon::programs;
    if (const auto told = tell_about(argc, argv, "buzon-rename", usage)) return *told;
    RenameRules rules;
    ::opterr = 0;
    for (int option = 0; (option = ::getopt(argc, argv, "b:e:")) != -1;) {
        const std::string value = ::optarg ? ::optarg : "";
        if (option == '?' || value.empty()) return refuse(usage);
        if (option == 'e') {
            rules.extension = value;
            continue;
        }
        rules.bad.clear();
        std::istringstream words{value};
        for (std::string word; std::getline(words, word, ',');) rules.bad.push_back(word);
    }
    if (::optind != argc) return refuse(usage);
    std::signal(SIGPIPE, SIG_IGN);
    Talk talk{Talk::Results::stable};
    while (const auto letter = talk.next()) {
        const std::string result = renamed(letter->octets, rules);
        if (result == letter->octets)
            talk.same();
        else
            talk.message(result);
    }
}
