// buzon-each PROGRAM ARG… - turns a plain program into a long-running one by starting it for each message.
#include <csignal>
#include <string>
#include <vector>

#include "../each.h"
#include "../usage.h"

namespace {

constexpr const char* usage =
    "usage: buzon-each /PROGRAM [ARG...]\n"
    "Runs the program for each message that the server hands over (-T 'process:.../buzon-each ...').\n";

} // namespace

int main(int argc, char** argv) {
    using namespace buzon::programs;
    if (const auto told = tell_about(argc, argv, "buzon-each", usage)) return *told;
    if (argc < 2 || argv[1][0] != '/') return refuse(usage);
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> program(argv + 1, argv + argc);
    Talk talk{Talk::Results::may_differ};
    while (const auto letter = talk.next()) {
        const Made made = run_program(program, *letter);
        if (!made.problem.empty())
            talk.fail(made.problem);
        else if (made.octets == letter->octets)
            talk.same();
        else
            talk.message(made.octets);
    }
}
