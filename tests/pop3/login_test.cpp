// USER, PASS and APOP: names, passwords, refusals (RFC 1939, 3206).
#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;

TEST_CASE("a password may begin with, end with and contain spaces") {
    World world;
    world.users["user1"] = "  two  words ";
    Conversation conversation{world};
    conversation.send("");
    conversation.command("USER user1");
    CHECK(conversation.command("PASS two words") == "-ERR [AUTH] Password incorrect\r\n");
    conversation.command("USER user1");
    CHECK(conversation.command("PASS   two  words ") == "+OK Password accepted\r\n");
    CHECK(conversation.asked.back() == "password user1   two  words  PASS");
}

TEST_CASE("a single space is a password, but an empty password is a missing argument") {
    World world;
    world.users["user1"] = " ";
    Conversation conversation{world};
    conversation.send("");
    conversation.command("USER user1");
    CHECK(conversation.command("PASS") == "-ERR Wrong number of arguments\r\n");
    CHECK(conversation.command("PASS ") == "-ERR Wrong number of arguments\r\n");
    CHECK(conversation.command("PASS  ") == "+OK Password accepted\r\n");
}

TEST_CASE("an unknown user gets the same replies as a wrong password") {
    Conversation conversation;
    conversation.send("");
    CHECK(conversation.command("USER nobody") == "+OK User accepted, password needed\r\n");
    CHECK(conversation.command("PASS pass1") == "-ERR [AUTH] Password incorrect\r\n");
    CHECK(conversation.command("USER user1") == "+OK User accepted, password needed\r\n");
    CHECK(conversation.command("PASS nonsense") == "-ERR [AUTH] Password incorrect\r\n");
}

TEST_CASE("PASS needs a USER before it, and another one after every failure") {
    Conversation conversation;
    conversation.send("");
    CHECK(conversation.command("PASS pass1") == "-ERR Give the user name first\r\n");
    conversation.command("USER user1");
    conversation.command("PASS wrong");
    CHECK(conversation.command("PASS pass1") == "-ERR Give the user name first\r\n");
    conversation.command("USER user1");
    conversation.command("APOP user1 x");
    CHECK(conversation.command("PASS pass1") == "-ERR Give the user name first\r\n");
    conversation.command("USER user1");
    conversation.command("AUTH");
    CHECK(conversation.command("PASS pass1") == "-ERR Give the user name first\r\n");
    CHECK(conversation.asked.size() == 1);
}

TEST_CASE("an unknown command does not disturb a login, and the last USER counts") {
    Conversation conversation;
    conversation.send("");
    conversation.command("USER mrose");
    conversation.command("USER user1");
    CHECK(conversation.session.user() == "user1");
    conversation.command("NOSUCH");
    conversation.command(std::string(300, 'x'));
    CHECK(conversation.command("PASS pass1") == "+OK Password accepted\r\n");
}

TEST_CASE("user names are compared as a whole") {
    World world;
    world.users = {{"alice", "secret"}, {"al ice", "secret"}};
    Conversation conversation{world};
    conversation.send("");
    conversation.command("USER a");
    CHECK(conversation.command("PASS secret") == "-ERR [AUTH] Password incorrect\r\n");
    conversation.command("USER  alice ");
    CHECK(conversation.command("PASS secret") == "+OK Password accepted\r\n");
    CHECK(conversation.asked.back() == "password alice secret PASS");
}

TEST_CASE("UTF-8 names and passwords are accepted, and invalid UTF-8 is refused") {
    World world;
    world.users["josé"] = "contraseña €";
    Conversation conversation{world};
    conversation.send("");
    CHECK(conversation.command("USER jos\xE9") == "-ERR Not valid UTF-8\r\n");
    CHECK(conversation.command("PASS x") == "-ERR Give the user name first\r\n");
    conversation.command("USER josé");
    CHECK(conversation.command("PASS contrase\xF1"
                               "a") == "-ERR Not valid UTF-8\r\n");
    CHECK(conversation.asked.empty());
    conversation.command("USER josé");
    CHECK(conversation.command("PASS contraseña €") == "+OK Password accepted\r\n");
    CHECK(conversation.session.user() == "josé");
}

TEST_CASE("APOP refuses names that are not UTF-8") {
    World world;
    world.settings.plain_secrets_known = true;
    Conversation conversation{world};
    conversation.send("");
    CHECK(conversation.command("APOP jos\xE9 c4c9334bac560ecc979e58001b3e22fb") == "-ERR Not valid UTF-8\r\n");
    CHECK(conversation.asked.empty());
}

TEST_CASE("after a refused login the session is in the same state, and the next try may succeed") {
    World world;
    world.refusal = Refusal::in_use;
    Conversation conversation{world};
    conversation.send("");
    conversation.command("USER user1");
    CHECK(conversation.command("PASS pass1") == "-ERR [IN-USE] Maildrop is locked by another session\r\n");
    CHECK(conversation.session.state() == Session::State::authorization);
    CHECK(conversation.session.user().empty());
    conversation.world.refusal.reset();
    conversation.log_in();
    CHECK(conversation.session.state() == Session::State::transaction);
}

TEST_CASE("a wrong password is refused as such even if the maildrop is in use") {
    World world;
    world.refusal = Refusal::in_use;
    Conversation conversation{world};
    conversation.send("");
    conversation.command("USER user1");
    CHECK(conversation.command("PASS wrong") == "-ERR [AUTH] Password incorrect\r\n");
}
