// The house rules that can be counted: the maximum length of files, functions and folders, and the maximum number of
// members of a class. The code is formatted, so a scanner that knows little C++ is enough.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"
#include "support/mail.h"
#include "support/programs.h"

namespace {

constexpr int max_members = 20;
constexpr int max_lines_of_function = 60;
constexpr int max_lines_of_file = 400;
constexpr int max_lines_of_folder = 4600; // in src and include together

struct Sizes {
    std::map<std::string, int> members;   // by class: names that end in '_'
    std::map<std::string, int> functions; // "name, line N" to lines
};

// The end of the comment, literal or directive that begins at `at`; `at` itself if none does.
std::size_t end_of_blank(const std::string& text, std::size_t at) {
    const auto behind = [&](std::string_view closing, std::size_t from) {
        const std::size_t end = text.find(closing, from);
        return end == text.npos ? text.size() : end + closing.size();
    };
    const std::string_view rest = std::string_view{text}.substr(at);
    if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
    if (rest.starts_with("/*")) return behind("*/", at + 2);
    if (rest.starts_with("R\"")) {
        const std::size_t open = text.find('(', at);
        return behind(')' + text.substr(at + 2, open - at - 2) + '"', open);
    }
    std::size_t end = at;
    if (rest.starts_with('#')) {
        while ((end = text.find('\n', end)) != text.npos && text[end - 1] == '\\') ++end;
        return std::min(end, text.size());
    }
    const char quote = rest.front();
    const bool in_number = quote == '\'' && at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1])) != 0;
    if ((quote != '"' && quote != '\'') || in_number) return at;
    for (++end; end < text.size() && text[end] != quote; ++end)
        if (text[end] == '\\') ++end;
    return end + 1;
}

// The text with all of these blanked out, so that every remaining brace is code. Line breaks stay.
std::string code_of(const std::string& text) {
    std::string code = text;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = end_of_blank(text, at);
        if (end == at) ++at;
        for (; at < end; ++at)
            if (code[at] != '\n') code[at] = ' ';
    }
    return code;
}

std::string without_angles(std::string statement) {
    static const std::regex angles{"<[^<>;]*>"};
    static const std::regex operators{R"(operator\s*[^\s\w(]+)"};
    statement = std::regex_replace(statement, operators, "operator");
    for (std::string before; before != statement;) {
        before = statement;
        statement = std::regex_replace(before, angles, "");
    }
    return statement;
}

class Scanner {
public:
    explicit Scanner(const std::string& text) : code_{code_of(text)} { scope({}); }
    [[nodiscard]] const Sizes& sizes() const noexcept { return sizes_; }

private:
    enum class Block { names, class_body, function, value };

    [[nodiscard]] static Block kind_of(const std::string& statement) {
        static const std::regex names{R"(^\s*(inline\s+)?namespace\b|^\s*extern\s*$)"};
        static const std::regex enumeration{R"(\benum\b)"};
        static const std::regex class_head{R"(\b(class|struct|union)\s[^=()]*$)"};
        static const std::regex initialisers{R"(\)[\w\s]*[^:]:[^:])"};
        if (std::regex_search(statement, names)) return Block::names;
        const std::string plain = without_angles(statement);
        if (std::regex_search(plain, enumeration)) return Block::value;
        if (std::regex_search(plain, class_head)) return Block::class_body;
        if (plain.find('(') == plain.npos || plain.find('=') < plain.find('(')) return Block::value;
        const char last = plain[plain.find_last_not_of(" \n")];
        if (std::regex_search(plain, initialisers) && last != ')' && last != '}') return Block::value;
        return Block::function;
    }

    // at_ never goes back, so lines are counted once.
    [[nodiscard]] int line() {
        for (; counted_ < at_; ++counted_) line_ += code_[counted_] == '\n' ? 1 : 0;
        return line_;
    }

    // Moves at_ past the bracket that closes the one at at_.
    void skip(char open, char close) {
        int depth = 0;
        for (; at_ < code_.size(); ++at_) {
            depth += code_[at_] == open ? 1 : code_[at_] == close ? -1 : 0;
            if (depth == 0) return void(++at_);
        }
    }

    // From after its '{' to after its '}', or the whole file. `name`: of the class, otherwise empty.
    void scope(const std::string& name) {
        std::string statement;
        int begin = 0;
        while (at_ < code_.size() && code_[at_] != '}') {
            const char c = code_[at_];
            if (statement.empty() && (c == ' ' || c == '\n')) {
                ++at_;
            } else if (c == '(') {
                skip('(', ')');
                statement += "()";
            } else if (c == '{') {
                if (block(statement, name, begin)) statement.clear();
            } else if (c == ';') {
                if (!name.empty()) count_members(statement, name);
                statement.clear();
                ++at_;
            } else {
                if (statement.empty()) begin = line();
                statement += c;
                ++at_;
                if (statement == "public:" || statement == "private:" || statement == "protected:") statement.clear();
            }
        }
        ++at_;
    }

    // True if the block ends the statement before it.
    bool block(std::string& statement, const std::string& scope_name, int begin) {
        const Block kind = kind_of(statement);
        static const std::regex last_name{R"((\w+)(\s*final)?\s*(:[^:][^=]*)?$)"};
        static const std::regex function_name{R"(([~\w:]+)\s*\()"};
        const std::string plain = without_angles(statement);
        std::smatch found;
        if (kind == Block::names || kind == Block::class_body) {
            const bool named = kind == Block::class_body && std::regex_search(plain, found, last_name);
            const std::string inner = named ? scope_name + (scope_name.empty() ? "" : "::") + found[1].str() : "";
            ++at_;
            scope(kind == Block::class_body && inner.empty() ? "a struct without a name" : inner);
            return true;
        }
        skip('{', '}');
        if (kind == Block::value) {
            statement += "{}";
            return false;
        }
        const std::string function = std::regex_search(plain, found, function_name) ? found[1].str() : plain;
        sizes_.functions[function + ", line " + std::to_string(begin)] = line() - begin + 1;
        return true;
    }

    void count_members(const std::string& statement, const std::string& name) {
        static const std::regex values{R"(=[^,;]*)"};
        static const std::regex member{R"(\b[a-z]\w*_\b)"};
        const std::string plain = std::regex_replace(without_angles(statement), values, "");
        if (plain.find('(') != plain.npos) return; // a function
        sizes_.members[name] += static_cast<int>(
            std::distance(std::sregex_iterator{plain.begin(), plain.end(), member}, std::sregex_iterator{}));
    }

    std::string code_;
    std::size_t at_ = 0;
    std::size_t counted_ = 0; // line_ is the number of the line there
    int line_ = 1;
    Sizes sizes_;
};

// The files of src and include, by path.
std::map<std::string, std::string> files_of_the_program() {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> files;
    const fs::path root = buzon::test::source_directory();
    for (const char* const part : {"src", "include/buzon"})
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator{root / part})
            if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
                files[fs::relative(entry.path(), root)] = buzon::test::read_whole(entry.path());
    REQUIRE(files.size() > 500);
    return files;
}

// "what: N" for each size above the bound.
std::vector<std::string> beyond(const std::map<std::string, int>& sizes, int bound) {
    std::vector<std::string> found;
    for (const auto& [what, size] : sizes)
        if (size > bound) found.push_back(what + ": " + std::to_string(size));
    return found;
}

} // namespace

TEST_CASE("no class has more than 20 data members, and no function more than 60 lines") {
    for (const auto& [path, text] : files_of_the_program()) {
        INFO(path);
        const Sizes sizes = Scanner{text}.sizes();
        CHECK(beyond(sizes.members, max_members) == std::vector<std::string>{});
        CHECK(beyond(sizes.functions, max_lines_of_function) == std::vector<std::string>{});
    }
}

TEST_CASE("no file of the program has more than 400 lines, and no folder more than 4,600") {
    std::map<std::string, int> files, folders;
    for (const auto& [path, text] : files_of_the_program()) {
        const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
        files[path] = lines;
        folders[std::filesystem::path{path}.parent_path().filename()] += lines;
    }
    CHECK(beyond(files, max_lines_of_file) == std::vector<std::string>{});
    CHECK(beyond(folders, max_lines_of_folder) == std::vector<std::string>{});
}

TEST_CASE("the scanner for the house rules counts members and lines as a reader does") {
    const Sizes sizes = Scanner{R"--(// class Commented { int no_; };
#define MACRO { \
    {
namespace one { inline namespace two {
enum class Colour : int { red, green };
template <class T> class Big final : private Base<T>, public Other {
public:
    explicit Big(int a) : a_{a}, b_{T{}} { c_ = a_ < 3; }
    Big& operator=(const Big&) = delete;
    bool operator<(const Big& o) const {
        return a_ < o.a_;
    }
    std::function<void(int)> f_;
    struct Inner {
        int x_ = "}"[0];
        void g() {}
    };
private:
    int a_ = 0, b_ = next(a_, 1'000); // c_
    std::map<int, std::vector<T>> c_{make(a_)};
    Turns turns_{c_, [this](int d_) { f_(d_); }};
    char text_[3];
    static constexpr int names[] = {1, 2};
};
const int table[] = {
    1,
    2,
};
int Big::long_one(int x)
    try {

    if (x == '{') return 1;
} catch (...) {
}
}}
)--"}
                            .sizes();
    CHECK(sizes.members == std::map<std::string, int>{{"Big", 6}, {"Big::Inner", 1}});
    CHECK(sizes.functions.at("Big, line 8") == 1);
    CHECK(sizes.functions.at("operator, line 10") == 3);
    CHECK(sizes.functions.at("Big::long_one, line 29") == 5);
    CHECK(sizes.functions.size() == 5);
}
