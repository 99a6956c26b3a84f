// client/shell_completion.cpp - what Tab offers in a shell: the completion files of bash, zsh and fish call
// "client --complete WORD...", with the words typed so far, the last one being completed.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/talk/commands.h"
#include "buzon/terminal/text.h"
#include "modes.h"

namespace buzon::client {
namespace {

using Words = std::span<const std::string_view>;
using Offers = std::vector<std::string>;

constexpr std::string_view options[] = {"--raw", "--json", "--auth", "--server", "--timeout", "--help", "--version"};
constexpr std::string_view schemes[] = {"SCRAM-SHA-256", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "CRYPT", "PLAIN"};

bool takes_value(std::string_view option) {
    return option == "--auth" || option == "--server" || option == "--timeout";
}

bool is_number(std::string_view word) {
    return line::parse_whole<std::uint64_t>(word, 0, UINT64_MAX).has_value();
}

// The names that this version knows. The server is not asked.
const Vocabulary& own_names() {
    static const Vocabulary all = [] {
        Vocabulary names;
        for (const auto& one : state::metric_series()) names[manage::Names::metrics].push_back(one.name);
        for (const auto& one : state::setting_fields()) names[manage::Names::settings].emplace_back(one.name);
        return names;
    }();
    return all;
}

// Adds what may follow the words of a command, in lower case if the word begins in lower case.
void add_command(Words words, std::string_view begun, Offers& offers) {
    std::string before;
    for (const std::string_view word : words) before.append(word) += ' ';
    const bool small = !begun.empty() && begun.front() >= 'a' && begun.front() <= 'z';
    for (std::string& word : complete(before + std::string{begun}, own_names()).words) {
        if (word == "?") continue; // a shell would expand it as a file name pattern
        if (small)
            for (char& c : word)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        offers.push_back(std::move(word));
    }
}

void add_words(std::span<const std::string_view> words, Offers& offers) {
    offers.insert(offers.end(), words.begin(), words.end());
}

Offers offers_for(Words words, std::string_view begun) {
    Offers offers;
    bool named = std::getenv("BUZON_SERVER") != nullptr;
    while (!words.empty() && words.front().starts_with('-')) {
        const bool two = takes_value(words.front());
        named = named || words.front().starts_with("--server");
        if (two && words.size() == 1) return offers; // the option's value
        words = words.subspan(two ? 2 : 1);
    }
    if (words.empty() && begun.starts_with('-')) {
        add_words(options, offers);
        return offers;
    }
    if (words.empty()) {
        static constexpr std::string_view places[] = {"127.0.0.1", "localhost", "hash"};
        add_words(places, offers);
        if (named) add_command({}, begun, offers);
        return offers;
    }
    if (words.front() == "hash") {
        if (words.size() == 1) add_words(schemes, offers);
        return offers;
    }
    const std::string_view first = words.front();
    const bool address = !named || first.find_first_of(".:") != std::string_view::npos || first == "localhost";
    if (address) {
        words = words.subspan(1);
        const bool local = first.starts_with("unix:");
        if (!local && !words.empty() && is_number(words.front()))
            words = words.subspan(1);
        else if (!local && words.empty())
            offers.emplace_back("1111");
    }
    add_command(words, begun, offers);
    return offers;
}

} // namespace

int run_completion(std::span<const std::string_view> words) {
    const std::string_view begun = words.empty() ? std::string_view{} : words.back();
    Output out{STDOUT_FILENO};
    for (const std::string& word : offers_for(words.first(words.empty() ? 0 : words.size() - 1), begun))
        if (line::equals_ignoring_case(std::string_view{word}.substr(0, begun.size()), begun)) out.put(word + '\n');
    return exit_ok;
}

} // namespace buzon::client
