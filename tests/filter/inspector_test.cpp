#include "buzon/filter/inspector.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "filter_support.h"
#include "support/catch.h"
#include "support/process.h"

using namespace buzon::filter;

namespace {

std::optional<Objection> objection(const std::string& spec, const RunAs* who = nullptr) {
    return Inspector{who}.check(FilterSpec::parse(spec).spec);
}

std::string why(const std::string& spec, const RunAs* who = nullptr) {
    const auto found = objection(spec, who);
    return found ? found->text : "";
}

} // namespace

TEST_CASE("an unusable program is reported with the reason") {
    const TemporaryDirectory directory;

    CHECK_FALSE(objection("/bin/cat"));
    REQUIRE(objection(directory.path("none")));
    CHECK(objection(directory.path("none"))->kind == Unfit::missing);
    CHECK(objection(directory.path("none"))->text == directory.path("none") + ": No such file or directory");
    CHECK(objection("/bin/cat/x")->kind == Unfit::missing);
    CHECK(objection("/tmp")->kind == Unfit::wrong_kind);
    CHECK(objection("/dev/null")->kind == Unfit::wrong_kind);
    const std::string plain = directory.file("plain", "text");
    CHECK(objection(plain)->kind == Unfit::not_executable);
    CHECK(objection("/bin/cat | " + plain)->text.find(plain) == 0);
}

TEST_CASE("a program is not refused for what only running it can reveal") {
    const TemporaryDirectory directory;
    CHECK(why(directory.file("script", "#!/no/sh -x\ncat\n", 0755)).empty());
    CHECK(why(directory.file("script", "neither a binary nor a script", 0755)).empty());
    CHECK(why(directory.file("binary", contents("/bin/cat"), 0711)).empty()); // it need not be readable
}

TEST_CASE("a program is checked as the user that it will run as") {
    const TemporaryDirectory directory;
    const std::string everybodys = directory.script("everybodys", "cat");
    if (::geteuid() != 0) {
        const RunAs somebody{"somebody", 12345, 12345, {}};
        CHECK(why(everybodys, &somebody).find("cannot become user somebody: Operation not permitted") == 0);
        return;
    }
    // Two that this user may run: by the file's group, and by the group of a directory on the way.
    const RunAs who{"somebody", 12345, 12346, {12347}};
    const std::string ours = directory.file("ours", "#!/bin/sh\n", 0700);
    const std::string his = directory.file("his", "#!/bin/sh\n", 0750);
    REQUIRE(::chown(his.c_str(), 0, 12347) == 0);
    const std::string forbidden = directory.path("forbidden");
    REQUIRE(::mkdir(forbidden.c_str(), 0710) == 0);
    const std::string inside = directory.file("forbidden/program", "#!/bin/sh\n", 0755);

    Inspector inspector{&who}; // one process for all questions
    const auto says = [&](const std::string& spec) {
        const auto found = inspector.check(FilterSpec::parse(spec).spec);
        return found ? found->text : "";
    };
    CHECK(says(everybodys + " | /bin/cat | " + his).empty());
    CHECK(says(ours) == ours + ": is not executable for user somebody");
    CHECK(inspector.check(FilterSpec::parse(ours).spec)->kind == Unfit::not_executable);
    CHECK(says("/bin/cat | " + inside) == inside + ": Permission denied for user somebody");
    REQUIRE(::chown(forbidden.c_str(), 0, 12346) == 0);
    CHECK(says(inside).empty());
    CHECK(says(directory.path("none")) == directory.path("none") + ": No such file or directory");
    CHECK(says("/" + std::string(10'000, 'x')).find("File name too long") != std::string::npos);
    // We are still root.
    CHECK(::geteuid() == 0);
    CHECK(why(ours + " | " + inside).empty());
    ::unlink(inside.c_str());
    ::rmdir(forbidden.c_str());
}

TEST_CASE("the process that checks programs as another user has no power of root's and cannot regain it") {
    if (::geteuid() != 0) return;
    const RunAs nobody{"nobody", 65534, 65534, {65534}};
    Inspector inspector{&nobody};
    REQUIRE_FALSE(inspector.check(FilterSpec::parse("/bin/cat").spec));
    const std::vector<pid_t> children = buzon::test::children_of(::getpid());
    REQUIRE(children.size() == 1);
    const std::string status = buzon::test::proc_text(children.front(), "status");
    for (const char* line : {"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
                             "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "Groups:\t65534 \n",
                             "Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n"}) {
        CAPTURE(line);
        CHECK(status.find(line) != std::string::npos);
    }
}

TEST_CASE("an inspector leaves no process behind") {
    if (::geteuid() != 0) return;
    const RunAs who{"somebody", 12345, 12345, {}};
    { const Inspector unused{&who}; }
    CHECK(why("/bin/cat", &who).empty());
    errno = 0;
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}
