// LANG and UTF8 (RFC 6856), and the words that client programs look for.
#include <array>
#include <bit>

#include "../../src/pop3/catalogue.h"
#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;

namespace {

// A Catalogue consists only of texts, so they can be iterated.
std::vector<std::string> all_texts(std::string_view tag) {
    constexpr std::size_t count = sizeof(Catalogue) / sizeof(std::string_view);
    for (const Catalogue* catalogue : catalogues()) {
        if (catalogue->tag != tag) continue;
        const auto views = std::bit_cast<std::array<std::string_view, count>>(*catalogue);
        return {views.begin(), views.end()};
    }
    return {};
}

std::size_t places(const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = text.find("{}"); at != std::string::npos; at = text.find("{}", at + 2)) ++found;
    return found;
}

} // namespace

TEST_CASE("LANG lists the languages, switches between them, and refuses others in the current language") {
    Conversation{}.replay(R"(
        S: +OK POP3 server ready
        C: LANG
        S: +OK Language listing follows:
        S: en English
        S: es Español
        S: i-default International default
        S: .
        C: LANG MUL
        S: -ERR Unknown language
        C: LANG es
        S: +OK es Idioma cambiado
        C: LANG uga
        S: -ERR Idioma desconocido
        C: USER karen
        S: +OK Usuario aceptado, falta la contraseña
        C: PASS x
        S: -ERR [AUTH] Contraseña incorrecta
        C: USER user1
        S: +OK Usuario aceptado, falta la contraseña
        C: PASS pass1
        S: +OK Contraseña aceptada
        C: LIST 1
        S: +OK 1 120
        C: LIST
        S: +OK 2 mensajes (320 octetos)
        S: 1 120
        S: 2 200
        S: .
        C: LANG I-Default
        S: +OK i-default Language changed
        C: LANG *
        S: +OK en Language changed
        C: QUIT
        S: +OK Goodbye
    )");
}

TEST_CASE("a language range such as es-MX selects its language") {
    Conversation conversation;
    conversation.send("");
    CHECK(conversation.command("LANG es-MX") == "+OK es Idioma cambiado\r\n");
    CHECK(conversation.command("LANG EN-gb-oed") == "+OK en Language changed\r\n");
    for (const char* unknown : {"e", "esp", "es_MX", "i", "default", "-", "-es", "**", "*-es", "i-defaul"}) {
        CHECK(conversation.command(std::string{"LANG "} + unknown) == "-ERR Unknown language\r\n");
    }
}

TEST_CASE("UTF8 can be enabled any number of times before login, and not after it") {
    Conversation conversation;
    conversation.send("");
    CHECK_FALSE(conversation.session.utf8());
    CHECK(conversation.command("UTF8") == "+OK UTF-8 enabled\r\n");
    CHECK(conversation.command("utf8") == "+OK UTF-8 enabled\r\n");
    CHECK(conversation.session.utf8());
    conversation.log_in();
    CHECK(conversation.command("UTF8") == "-ERR Only before login\r\n");
}

TEST_CASE("every language has all texts, with the same places for numbers, and i-default is printable ASCII") {
    const auto first = all_texts("en");
    REQUIRE(first.size() > 40);
    for (const char* tag : {"es", "i-default"}) {
        const auto texts = all_texts(tag);
        REQUIRE(texts.size() == first.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            CHECK_FALSE(texts[i].empty());
            CHECK(texts[i].size() < 200);
            CHECK(texts[i].find_first_of("\r\n") == std::string::npos);
            CHECK(places(texts[i]) == places(first[i]));
        }
    }
    for (const std::string& text : all_texts("i-default")) {
        for (const char c : text) CHECK((c >= 0x20 && c < 0x7F));
    }
}

TEST_CASE("fetchmail can tell refused logins apart by their words in every language") {
    struct Case {
        Refusal why;
        std::string code;
        std::vector<std::string> words;
    };
    const std::vector<Case> cases{
        {Refusal::wrong, "-ERR [AUTH] ", {}},
        {Refusal::not_permitted, "-ERR [AUTH] ", {}},
        {Refusal::temporary, "-ERR [SYS/TEMP] ", {"service", "unavailable"}},
        {Refusal::in_use, "-ERR [IN-USE] ", {"lock"}},
        {Refusal::too_soon, "-ERR [LOGIN-DELAY] ", {"wait"}},
        {Refusal::maildrop_unavailable, "-ERR [SYS/TEMP] ", {"service", "unavailable"}},
        {Refusal::maildrop_broken, "-ERR [SYS/PERM] ", {"service", "unavailable"}},
        {Refusal::too_many_sessions, "-ERR [SYS/TEMP] ", {"service", "unavailable"}},
    };
    for (const char* tag : {"en", "es", "i-default"}) {
        for (const Case& given : cases) {
            for (const bool timed : {false, true}) {
                World world;
                world.refusal = given.why;
                if (timed) world.refusal_seconds = 4711;
                Conversation conversation{world};
                conversation.send("");
                conversation.command(std::string{"LANG "} + tag);
                conversation.command("USER user1");
                const std::string reply = conversation.command("PASS pass1");
                CHECK(reply.find(given.code) == 0);
                CHECK(reply.ends_with("\r\n"));
                CHECK(reply.size() <= 512);
                for (const std::string& word : given.words) CHECK(reply.find(word) != std::string::npos);
                const bool counted = given.why == Refusal::too_soon;
                CHECK((reply.find("4711") != std::string::npos) == (timed && counted));
                if (given.code == "-ERR [AUTH] ") {
                    for (const char* misleading : {"lock", "Lock", "LOCK", "wait", "unavailable", "IN-USE", "DELAY"}) {
                        CHECK(reply.find(misleading) == std::string::npos);
                    }
                }
                CHECK(conversation.session.maildrop() == nullptr);
            }
        }
    }
}
