// support/clients.cpp
#include "support/clients.h"

#include <cstdio>
#include <ostream>

namespace buzon::test {
namespace {

void expect_ok(const std::string& reply, std::string_view command) {
    if (!reply.starts_with("+OK")) throw std::runtime_error(std::string(command) + " got: " + reply);
}

} // namespace

std::string LineClient::command(std::string_view line) {
    send(std::string(line) + "\r\n");
    return this->line();
}

std::vector<std::string> LineClient::body_lines() {
    std::vector<std::string> lines;
    for (;;) {
        std::string next = line();
        if (next == ".") return lines;
        if (next.starts_with('.')) next.erase(0, 1);
        lines.push_back(std::move(next));
    }
}

std::string LineClient::body() {
    std::string whole;
    for (const std::string& next : body_lines()) whole += next + "\r\n";
    return whole;
}

std::string LineClient::many(std::string_view line) {
    expect_ok(command(line), line);
    return body();
}

Pop3Client::Pop3Client(const std::string& address, std::uint16_t port, const Options& options)
    : LineClient{address, port, options}, greeting_{line()} {
    if (!greeting_.starts_with("+OK POP3 server ready")) throw std::runtime_error("greeted with: " + greeting_);
}

void Pop3Client::login(const std::string& user, const std::string& password) {
    expect_ok(command("USER " + user), "USER");
    expect_ok(command("PASS " + password), "PASS");
}

std::string Pop3Client::retrieve(int message) {
    return many("RETR " + std::to_string(message));
}

void Pop3Client::quit() {
    expect_ok(command("QUIT"), "QUIT");
    if (!ended()) throw std::runtime_error("the server does not close after QUIT");
}

ManagementClient::ManagementClient(const std::string& address, std::uint16_t port) : LineClient{address, port} {
    const std::string greeting = line();
    if (greeting != "+OK buzon management ready") throw std::runtime_error("greeted with: " + greeting);
}

std::string ManagementClient::ask(std::string_view line) {
    const std::string reply = command(line);
    expect_ok(reply, line);
    return reply.size() > 4 ? reply.substr(4) : std::string{};
}

Metrics parse_metrics(const std::string& reply) {
    Metrics metrics;
    int end = -1;
    std::sscanf(reply.c_str(), "+OK %llu;%llu;%llu;%llu%n", &metrics.messages, &metrics.octets, &metrics.online,
                &metrics.historic, &end);
    if (end != static_cast<int>(reply.size())) throw std::runtime_error("not the four numbers of METR: " + reply);
    return metrics;
}

std::ostream& operator<<(std::ostream& out, const Metrics& metrics) {
    return out << metrics.messages << ';' << metrics.octets << ';' << metrics.online << ';' << metrics.historic;
}

} // namespace buzon::test
