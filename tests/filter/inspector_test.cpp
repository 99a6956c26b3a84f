#include "buzon/filter/inspector.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "filter_support.h"
#include "support/catch.h"

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

TEST_CASE("a program that cannot serve is named with the reason") {
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

TEST_CASE("a program needs an interpreter or a loader that is there") {
    const TemporaryDirectory directory;
    const auto script = [&](const std::string& first_line) { return directory.file("script", first_line, 0755); };
    const std::string path = directory.path("script");

    CHECK(why(script("#!/bin/sh\ncat\n")).empty());
    CHECK(why(script("#! \t/bin/sh -e\ncat\n")).empty());
    CHECK(why(script("#!bin/sh")).empty()); // the directory of programs is "/"
    CHECK(why(script("#!/no/sh -x\ncat\n")) == path + ": it needs /no/sh: No such file or directory");
    CHECK(objection(path)->kind == Unfit::missing);
    CHECK(why(script("#!/bin/sh\r\ncat\r\n")) ==
          path + ": it needs /bin/sh?: No such file or directory (a first line must not end with CR)");
    CHECK(why(script("#!/etc\n")) == path + ": it needs /etc: is a directory, not a program");
    CHECK(why(script("#!/etc/passwd\n")) == path + ": it needs /etc/passwd: is not executable for this server");
    CHECK(why(script("#! \ncat\n")) == path + ": its first line names no interpreter");
    CHECK(why(script("#!")) == path + ": its first line names no interpreter");
    CHECK(why(script("#!" + path + "\n")) == path + ": too many scripts need each other");
    const std::string second = directory.file("second", "#!/no/sh\n", 0755);
    CHECK(why(script("#!" + second + "\n")) == path + ": it needs /no/sh: No such file or directory");

    // A binary that lies in the dark, one whose loader is missing, and a damaged one.
    std::string binary = contents("/bin/cat");
    REQUIRE(why(directory.file("binary", binary, 0711)).empty());
    if (const std::size_t loader = binary.find("/lib64/ld-linux"); loader != std::string::npos) {
        binary.replace(loader, 6, "/lib99");
        CHECK(why(directory.file("binary", binary, 0755)).find(": it needs /lib99/ld-linux") != std::string::npos);
    }
    for (const std::size_t size : {std::size_t{4}, std::size_t{16}, std::size_t{64}, std::size_t{100}}) {
        (void)objection(directory.file("binary", binary.substr(0, size), 0755)); // ends, whatever it says
    }
}

TEST_CASE("a program is looked at by the user that it will run as") {
    const TemporaryDirectory directory;
    const std::string everybodys = directory.script("everybodys", "cat");
    if (::geteuid() != 0) {
        const RunAs somebody{"somebody", 12345, 12345, {}};
        CHECK(why(everybodys, &somebody).find("cannot become user somebody: Operation not permitted") == 0);
        return;
    }
    // Two of his: by the file's group, and by the group of a directory on the way.
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
    CHECK(says(directory.file("script", "#!" + ours + "\n", 0755)) ==
          directory.path("script") + ": it needs " + ours + ": is not executable for user somebody");
    // We are who we were.
    CHECK(::geteuid() == 0);
    CHECK(why(ours + " | " + inside).empty());
    ::unlink(inside.c_str());
    ::rmdir(forbidden.c_str());
}

TEST_CASE("an inspector leaves no process behind, and tells when its own is gone") {
    if (::geteuid() != 0) return;
    const RunAs who{"somebody", 12345, 12345, {}};
    { const Inspector unused{&who}; }
    CHECK(why("/bin/cat", &who).empty());
    errno = 0;
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}
