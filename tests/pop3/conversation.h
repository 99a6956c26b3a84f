// tests/pop3/conversation.h - a miniature connection: reads lines, performs Actions on a world of strings, and replays
// transcripts in the notation of the RFCs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/line/line_reader.h"
#include "buzon/pop3/session.h"

namespace buzon::pop3 {

struct Message {
    std::uint64_t octets;
    std::string uidl;
    std::string text = "Subject: x\r\n\r\nbody\r\n"; // as sent, already dot-stuffed
};

struct World {
    Settings settings;
    Channel channel = Channel::open;
    std::string certificate_hash; // that the client's TLS connection used
    auth::ScramCredentials scram; // of every user
    bool scram_genuine = true;
    FreshText fresh_text = +[] { return std::string{"1896.697170952"}; };
    std::map<std::string, std::string> users{{"mrose", "secret"}, {"user1", "pass1"}};
    std::map<std::string, std::string> tokens;  // token to user
    std::map<std::string, std::string> digests; // what APOP and CRAM-MD5 expect
    std::vector<Message> messages{{120, "whqtswO00WBw418f9t5JxYwZ"}, {200, "QhdPYR:00WBw1Ph7x7"}};
    // Answers that differ from the usual ones.
    std::optional<Refusal> refusal;
    std::optional<std::uint32_t> refusal_seconds;
    std::optional<DeliveryRefusal> delivery_refusal;
    bool octets_known = true;
    std::uint32_t not_removed = 0;
    std::optional<std::vector<std::uint32_t>> found = std::vector<std::uint32_t>{}; // by SEARCH; nullopt: it fails
    std::optional<std::string> report = std::string{};                              // its lines; nullopt: it fails
    std::size_t room = 4096;
};

[[nodiscard]] message::Maildrop make_maildrop(const std::vector<Message>& messages);

class Conversation {
public:
    explicit Conversation(World the_world = {});

    // The server's answer to these octets; the first one begins with the greeting.
    std::string send(std::string_view octets);
    // Sends one command and returns the server's answer.
    std::string command(std::string_view line) { return send(std::string{line} + "\r\n"); }
    // Sends the "C: " lines. The answers must be the "S: " lines between them, word for word. Indentation is ignored.
    void replay(std::string_view transcript);
    void log_in();

    World world;
    Session session;
    bool closed = false;
    std::vector<std::string> asked; // what the session asked for, such as "password user1 pass1 PASS"

private:
    void pump();
    void perform(const Action& action);
    void deliver(const Deliver& wanted);
    void check_password(const CheckPassword& wanted);
    void finish_login(bool right);

    line::LineReader reader_{Session::command_limit};
    std::string input_;
    std::string out_;
};

} // namespace buzon::pop3
