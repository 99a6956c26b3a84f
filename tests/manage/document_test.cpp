#include <set>

#include "buzon/manage/forms.h"
#include "buzon/manage/session.h"
#include "buzon/posix/io.h"
#include "buzon/state/event.h"
#include "buzon/state/history.h"
#include "support/catch.h"
#include "support/programs.h"

using namespace buzon;

namespace {

const std::string& document() {
    static const std::string text =
        posix::read_file((test::source_directory() + "/docs/management-protocol.md").c_str(), 1 << 20).value();
    return text;
}

bool says(const std::string& text) {
    return document().find(text) != std::string::npos;
}

// The keywords that have a section of their own.
std::set<std::string> sections() {
    std::set<std::string> keywords;
    for (std::size_t at = document().find("\n### "); at != std::string::npos; at = document().find("\n### ", at + 1)) {
        const std::size_t begin = at + 5;
        keywords.insert(document().substr(begin, document().find_first_of(" \n", begin) - begin));
    }
    return keywords;
}

} // namespace

TEST_CASE("the document's table of commands is the server's") {
    std::string rows;
    for (const manage::Form& form : manage::forms()) {
        std::string words{form.keyword};
        if (!form.arguments.empty()) words.append(" ").append(form.arguments);
        for (std::size_t at = words.find('|'); at != std::string::npos; at = words.find('|', at + 2))
            words.insert(at, 1, '\\');
        rows.append("| `").append(words).append("` | ").append(name_of(form.access)).append(" | ");
        rows.append(name_of(form.reply)).append(" | ").append(form.meaning).append(" | ");
        rows.append(form.errors.empty() ? "-" : form.errors).append(" |\n");
    }
    const std::string heading =
        "| command | who may | reply | what it does | errors |\n| --- | --- | --- | --- | --- |\n";
    const std::size_t begin = document().find(heading);
    REQUIRE(begin != std::string::npos);
    CHECK(document().substr(begin + heading.size(), rows.size() + 1) == rows + "\n");
}

TEST_CASE("the document describes every command of the table, and no other") {
    std::set<std::string> table;
    for (std::size_t i = 0; i < manage::command_count(); ++i) {
        const manage::CommandHelp row = manage::command_help(i);
        CAPTURE(std::string{row.keyword});
        CHECK(table.insert(std::string{row.keyword}).second);
        CHECK(says("\n### " + std::string{row.keyword} + "\n"));
        CHECK(says("= \"" + std::string{row.keyword} + "\"")); // the grammar
        CHECK(row.meaning.size() > 5);
    }
    CHECK(sections() == table);
}

TEST_CASE("the document names every event type and log level, and says what the history keeps") {
    for (const std::string_view type : state::event_type_names) CHECK(says("\n| `" + std::string{type} + "` | "));
    for (const std::string_view reason : state::refused_names)
        if (reason != "wrong-secret" && reason != "unknown-user" && reason != "locked-account" && reason != "nologin" &&
            reason != "allow-nets") // these appear as an auth-fail event, with a phrase
            CHECK(says("`" + std::string{reason} + "`"));
    for (const std::string_view level : state::level_names) CHECK(says("`" + std::string{level} + "`"));
    CHECK(says("Kept are 1440 minutes, 744 hours, 731 days and 522 weeks."));
    CHECK(state::History::capacity == std::array<std::size_t, 4>{1440, 744, 731, 522});
    CHECK(says(std::to_string(manage::max_line) + " octets without its end"));
}
