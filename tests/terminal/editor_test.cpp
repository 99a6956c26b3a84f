#include "buzon/terminal/editor.h"

#include "client/screen.h"
#include "support/catch.h"

using namespace buzon::client;
using Code = Key::Code;
using Wants = Editor::Wants;

namespace {

struct EditorBench {
    History history;
    Editor editor{"$ ", history};

    Wants type(std::string_view bytes) {
        KeyReader reader;
        Wants last = Wants::nothing;
        for (const Key& key : reader.feed(bytes)) last = editor.press(key);
        return last;
    }
    // What the row looks like, with "|" at the cursor.
    std::string row(std::size_t columns) {
        Screen screen{1, columns};
        screen.write(editor.drawing(columns));
        return screen.row_with_cursor();
    }
};

} // namespace

TEST_CASE("keys edit the line at the cursor") {
    EditorBench bench;
    bench.type("METR *");
    CHECK(bench.row(40) == "$ METR *|");
    bench.type("\x1b[D\x1b[Dx");
    CHECK(bench.row(40) == "$ METRx| *");
    bench.type("\x7f\x01<\x05>");
    CHECK(bench.editor.line() == "<METR *>");
    bench.type("\x1b[H\x1b[3~");
    CHECK(bench.row(40) == "$ |METR *>");
}

TEST_CASE("Ctrl-K, Ctrl-U and Ctrl-W cut text, and Ctrl-Y pastes it") {
    EditorBench bench;
    bench.type("USER ADD  name\x17");
    CHECK(bench.editor.line() == "USER ADD  ");
    bench.type("\x19");
    CHECK(bench.editor.line() == "USER ADD  name");
    bench.type("\x01\x1b"
               "f\x0b");
    CHECK(bench.editor.line() == "USER");
    bench.type("\x15");
    CHECK(bench.editor.line().empty());
    bench.type("\x19\x19");
    CHECK(bench.editor.line() == "USERUSER");
}

TEST_CASE("accented and wide characters are edited as one character each") {
    EditorBench bench;
    bench.type("se\xC3\xB1"
               "or\xE6\x97\xA5");
    CHECK(bench.row(40) == "$ se\xC3\xB1or\xE6\x97\xA5|");
    bench.type("\x1b[D");
    CHECK(bench.row(40) == "$ se\xC3\xB1or|\xE6\x97\xA5");
    bench.type("\x7f\x7f\x7f");
    CHECK(bench.editor.line() == "se\xE6\x97\xA5");
}

TEST_CASE("the row never grows wider than the screen, wherever the cursor is") {
    for (const std::size_t columns : {1U, 2U, 5U, 12U, 13U, 20U, 21U, 80U}) {
        EditorBench bench;
        std::string line;
        for (int i = 0; i < 120; ++i)
            line += i % 7 == 3   ? "\xE6\x97\xA5"
                    : i % 5 == 2 ? "\xC3\xB1"
                                 : std::string(1, static_cast<char>('a' + i % 26));
        bench.type(line);
        const auto check = [&] {
            Screen screen{1, columns};
            screen.write(bench.editor.drawing(columns));
            CHECK_FALSE(screen.overflowed());
        };
        for (int i = 0; i < 125; ++i) {
            check();
            bench.type("\x1b[D");
        }
        CHECK(bench.editor.before_cursor().empty());
        for (int i = 0; i < 125; ++i) {
            check();
            bench.type("\x1b[C");
        }
    }
}

TEST_CASE("a long line scrolls, with < and > where it continues") {
    EditorBench bench;
    bench.type("0123456789abcdefghijklmnopqrstuvwxyz");
    const std::string at_end = bench.row(20);
    CHECK(at_end.substr(0, 3) == "$ <");
    CHECK(at_end.substr(at_end.size() - 2) == "z|");
    bench.type("\x01");
    CHECK(bench.row(20) == "$ |0123456789abcdef>");
}

TEST_CASE("a prompt that leaves no room is shortened") {
    History history;
    Editor editor{"a very long name of a server> ", history};
    for (const char c : std::string{"METR"}) editor.press({Code::text, std::string(1, c)});
    Screen screen{1, 20};
    screen.write(editor.drawing(20));
    CHECK(screen.row_with_cursor() == "> METR|");
}

TEST_CASE("the history gives back old lines and the one being typed") {
    EditorBench bench;
    bench.history.add("one");
    bench.history.add("two");
    bench.history.add("two");
    bench.history.add("   ");
    CHECK(bench.history.lines().size() == 2);
    bench.editor.begin();
    bench.type("new\x1b[A");
    CHECK(bench.editor.line() == "two");
    bench.type("\x10");
    CHECK(bench.editor.line() == "one");
    CHECK(bench.type("\x1b[A") == Wants::bell);
    bench.type("\x1b[B\x0e");
    CHECK(bench.editor.line() == "new");
    CHECK(bench.type("\x1b[B") == Wants::bell);
}

TEST_CASE("the history is bounded") {
    History history;
    for (int i = 0; i < 10'000; ++i) history.add(std::to_string(i));
    CHECK(history.lines().size() == 500);
    CHECK(history.lines().back() == "9999");
}

TEST_CASE("Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-L, Enter and Tab are left to the caller") {
    EditorBench bench;
    CHECK(bench.type("\x04") == Wants::leave);
    bench.type("ab\x1b[D");
    CHECK(bench.type("\x04") == Wants::redraw); // in a line it deletes the character under the cursor
    CHECK(bench.editor.line() == "a");
    CHECK(bench.type("\x04") == Wants::bell);
    CHECK(bench.type("\x03") == Wants::cancel);
    CHECK(bench.type("\x1a") == Wants::suspend);
    CHECK(bench.type("\x0c") == Wants::clear_screen);
    CHECK(bench.type("\t") == Wants::complete);
    CHECK(bench.type("\r") == Wants::run);
}

TEST_CASE("a line has a maximum length") {
    EditorBench bench;
    const std::string much(100'000, 'x');
    CHECK(bench.type(much) == Wants::bell);
    CHECK(bench.editor.line().size() == 4094);
}
