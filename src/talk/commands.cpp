#include "buzon/talk/commands.h"

#include <algorithm>

#include "buzon/line/command_line.h"
#include "buzon/state/event.h"
#include "buzon/state/settings.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

using manage::Names;

// "on" and "off", or the words of "one of …".
std::vector<std::string> values_of(const state::SettingField& field) {
    if (field.is_flag()) return {"off", "on"};
    std::vector<std::string> values;
    if (field.type != state::SettingType::choice) return values;
    const std::string allowed = field.allowed(field);
    for (std::string_view word : words_of(std::string_view{allowed}.substr(std::string_view{"one of "}.size())))
        values.emplace_back(word.substr(0, word.find(',')));
    return values;
}

void add_names(Names names, std::string_view before, const Vocabulary& known, Completion& completion,
               std::vector<std::string>& all) {
    if (names == Names::event_types) {
        all.insert(all.end(), state::event_type_names.begin(), state::event_type_names.end());
    } else if (names == Names::commands) {
        for (const manage::Form& form : manage::forms()) all.emplace_back(form.keyword);
    } else if (names == Names::setting_values) {
        const auto words = words_of(before);
        const state::SettingField* const field = words.size() > 1 ? state::find_setting(words[1]) : nullptr;
        if (field == nullptr) return;
        for (std::string& value : values_of(*field)) all.push_back(std::move(value));
    } else {
        if (std::find(completion.needs.begin(), completion.needs.end(), names) == completion.needs.end())
            completion.needs.push_back(names);
        if (const auto found = known.find(names); found != known.end())
            all.insert(all.end(), found->second.begin(), found->second.end());
    }
}

} // namespace

bool is_live(std::string_view command_line) {
    const manage::Form* const form = manage::form_of(command_line);
    return form != nullptr && form->reply == manage::ReplyForm::live;
}

bool has_verb(std::string_view command_line, std::string_view verb) {
    const auto words = words_of(command_line);
    return !words.empty() && line::equals_ignoring_case(words[0], verb);
}

std::span<const OwnCommand> own_commands() noexcept {
    static constexpr OwnCommand all[] = {{"plot", "HIST"}, {"top", ""}};
    return all;
}

Completion complete(std::string_view before_cursor, const Vocabulary& known) {
    Completion completion;
    const std::size_t blank = before_cursor.find_last_of(" \t");
    completion.from = blank == std::string_view::npos ? 0 : blank + 1;
    const std::string_view begun = before_cursor.substr(completion.from);
    std::string before{before_cursor.substr(0, completion.from)};

    std::vector<std::string> all;
    if (words_of(before).empty()) {
        add_names(Names::commands, before, known, completion, all);
        for (const OwnCommand& own : own_commands()) all.emplace_back(own.verb);
    }
    for (const OwnCommand& own : own_commands())
        if (has_verb(before, own.verb))
            before.replace(before.find_first_not_of(" \t"), own.verb.size(), own.takes_those_of);
    const manage::Choices choices = manage::choices_after(before);
    for (const std::string_view word : choices.literals)
        if (word != "*") all.emplace_back(word); // ALL means the same, and a shell does not expand it
    for (const Names names : choices.names) add_names(names, before, known, completion, all);

    for (std::string& word : all) {
        const std::string_view beginning = std::string_view{word}.substr(0, begun.size());
        if (line::equals_ignoring_case(beginning, begun)) completion.words.push_back(std::move(word));
    }
    std::sort(completion.words.begin(), completion.words.end());
    completion.words.erase(std::unique(completion.words.begin(), completion.words.end()), completion.words.end());
    return completion;
}

} // namespace buzon::client
