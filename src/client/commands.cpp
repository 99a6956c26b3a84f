#include "commands.h"

#include <algorithm>
#include <optional>

#include "buzon/line/command_line.h"
#include "text.h"

namespace buzon::client {
namespace {

using Words = std::vector<std::string_view>;

// `bare` is the reply's shape without an argument. If an argument changes it, `special` is that first argument ("*" of
// METR and INFO) and `with_special` the shape; any other argument gives `with_argument`.
struct Row {
    std::string_view verb;
    Shape bare;
    Shape with_argument;
    std::string_view special = {};
    Shape with_special = Shape::line;
    std::string_view first_words = {}; // for Tab; "<metric>" and "<setting>" mean the server's names
    std::string_view second_words = {};
};

constexpr Row rows[] = {
    {"AUTH", Shape::line, Shape::line},
    {"CONF", Shape::list, Shape::line, "?", Shape::list, "<setting> ?"},
    {"DIRR", Shape::line, Shape::line},
    {"DRAIN", Shape::line, Shape::line},
    {"EVNT",
     Shape::live,
     Shape::live,
     {},
     {},
     "auth-fail config connect dele filter-fail kick log login logout manager refused retr server top uidl undelete"},
    {"FREE", Shape::line, Shape::line},
    {"HELP", Shape::list, Shape::list, {}, {}, "<verb>"},
    {"HIST", Shape::list, Shape::list, {}, {}, "<metric>", "day hour minute week"},
    {"HOST", Shape::line, Shape::line},
    {"INFO", Shape::line, Shape::line, "*", Shape::list, "*"},
    {"IPV6", Shape::line, Shape::line},
    {"KICK", Shape::line, Shape::line},
    {"LOGG", Shape::list, Shape::list, "FOLLOW", Shape::live, "FOLLOW"},
    {"METR", Shape::line, Shape::line, "*", Shape::list, "* <metric>"},
    {"NOOP", Shape::line, Shape::line},
    {"PORT", Shape::line, Shape::line},
    {"QUIT", Shape::line, Shape::line},
    {"SAVE", Shape::line, Shape::line},
    {"SESS", Shape::list, Shape::list},
    {"TRAN", Shape::line, Shape::line, {}, {}, "0 1 FOR"},
    {"UNDL", Shape::line, Shape::line},
    {"USER", Shape::line, Shape::line, "LIST", Shape::list, "ADD DEL LIST PASS"},
    {"WHYY", Shape::list, Shape::list},
    // The client's own commands, which are not sent to the server.
    {"plot", Shape::list, Shape::list, {}, {}, "<metric>", "day hour minute week"},
    {"top", Shape::line, Shape::line},
};

const Row* find_row(std::string_view verb) {
    const auto row = std::find_if(std::begin(rows), std::end(rows), [verb](const Row& candidate) {
        return line::equals_ignoring_case(candidate.verb, verb);
    });
    return row == std::end(rows) ? nullptr : row;
}

// How many words precede the password; nothing if the command takes none.
std::optional<std::size_t> words_before_secret(const Words& words) {
    if (words.empty()) return std::nullopt;
    if (line::equals_ignoring_case(words[0], "AUTH")) return 2;
    const bool of_user = words.size() >= 2 && line::equals_ignoring_case(words[0], "USER");
    if (of_user && (line::equals_ignoring_case(words[1], "ADD") || line::equals_ignoring_case(words[1], "PASS")))
        return 3;
    return std::nullopt;
}

void add_candidates(std::string_view pattern, const Vocabulary& known, Completion& completion,
                    std::vector<std::string>& all) {
    for (const std::string_view word : words_of(pattern)) {
        if (word == "<metric>") {
            completion.needs = Needs::metrics;
            all.insert(all.end(), known.metrics.begin(), known.metrics.end());
        } else if (word == "<setting>") {
            completion.needs = Needs::settings;
            all.insert(all.end(), known.settings.begin(), known.settings.end());
        } else if (word == "<verb>") {
            for (const Row& row : rows) all.emplace_back(row.verb);
        } else {
            all.emplace_back(word);
        }
    }
}

} // namespace

Shape shape_of(std::string_view command_line) {
    const Words words = words_of(command_line);
    const Row* row = words.empty() ? nullptr : find_row(words[0]);
    if (!row) return Shape::unknown;
    if (words.size() == 1) return row->bare;
    return !row->special.empty() && line::equals_ignoring_case(words[1], row->special) ? row->with_special
                                                                                       : row->with_argument;
}

bool has_verb(std::string_view command_line, std::string_view verb) {
    const Words words = words_of(command_line);
    return !words.empty() && line::equals_ignoring_case(words[0], verb);
}

bool holds_secret(std::string_view command_line) {
    const Words words = words_of(command_line);
    const auto before = words_before_secret(words);
    return before && words.size() > *before;
}

bool lacks_secret(std::string_view command_line) {
    const Words words = words_of(command_line);
    const auto before = words_before_secret(words);
    return before && words.size() == *before;
}

Completion complete(std::string_view before_cursor, const Vocabulary& known) {
    Completion completion;
    const std::size_t blank = before_cursor.find_last_of(' ');
    completion.from = blank == std::string_view::npos ? 0 : blank + 1;
    const std::string_view begun = before_cursor.substr(completion.from);
    const Words earlier = words_of(before_cursor.substr(0, completion.from));

    std::vector<std::string> all;
    if (earlier.empty()) {
        add_candidates("<verb>", known, completion, all);
    } else if (const Row* row = find_row(earlier[0])) {
        const bool types = line::equals_ignoring_case(row->verb, "EVNT"); // any number of them
        if (earlier.size() == 1 || types) add_candidates(row->first_words, known, completion, all);
        if (earlier.size() == 2 && !types) add_candidates(row->second_words, known, completion, all);
    }
    for (std::string& word : all) {
        const std::string_view beginning = std::string_view{word}.substr(0, begun.size());
        if (line::equals_ignoring_case(beginning, begun)) completion.words.push_back(std::move(word));
    }
    std::sort(completion.words.begin(), completion.words.end());
    completion.words.erase(std::unique(completion.words.begin(), completion.words.end()), completion.words.end());
    return completion;
}

} // namespace buzon::client
