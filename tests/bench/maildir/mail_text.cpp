// bench/maildir/mail_text.cpp - see the header.
#include "maildir/mail_text.h"

#include <array>
#include <string_view>

namespace bench {
namespace {

constexpr std::size_t attachment_from = 64 * 1024;

// SplitMix64: small, and the same on every machine, so that two copies of a Maildir are identical.
class Dice {
public:
    explicit Dice(std::uint64_t seed) noexcept : state_{seed} {}
    std::uint64_t operator()() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t limit) noexcept { return (*this)() % limit; }

private:
    std::uint64_t state_;
};

std::string hex(std::uint64_t value) {
    std::string text(16, '0');
    for (std::size_t i = 16; i-- > 0; value >>= 4U) text[i] = "0123456789abcdef"[value & 15U];
    return text;
}

std::string header(std::uint64_t number, std::string_view end, bool attachment) {
    Dice dice{number * 2 + 1};
    const std::string id = hex(dice());
    const std::string day = std::to_string(1 + number % 28);
    std::string text;
    const auto line = [&](std::string_view words) { (text += words) += end; };
    line("Return-Path: <bounces+" + id + "@lists.example.com>");
    line("Delivered-To: receptor@example.org");
    line("Received: from mx1.example.com (mx1.example.com [192.0.2.25])");
    line("\tby mail.example.org (Postfix) with ESMTPS id 4" + id.substr(0, 10));
    line("\tfor <receptor@example.org>; " + day + " Mar 2026 10:11:12 +0000 (UTC)");
    line("Received: from [198.51.100.7] (unknown [198.51.100.7])");
    line("\tby mx1.example.com (Postfix) with ESMTPSA id " + id.substr(3, 10) + "; " + day +
         " Mar 2026 10:11:11 +0000");
    line("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=mail2026;");
    line("\tbh=" + hex(dice()) + hex(dice()) + "=; h=From:To:Subject:Date:Message-ID;");
    for (int i = 0; i < 4; ++i) line("\t " + hex(dice()) + hex(dice()) + hex(dice()) + hex(dice()));
    line("From: \"Ana Example\" <ana@example.com>");
    line("To: receptor@example.org");
    line("Subject: Minutes of meeting " + std::to_string(number));
    line("Date: " + day + " Mar 2026 10:11:10 +0000");
    line("Message-ID: <" + id + "@example.com>");
    line("MIME-Version: 1.0");
    line(attachment ? "Content-Type: application/pdf; name=\"minutes.pdf\""
                    : "Content-Type: text/plain; charset=utf-8");
    line(attachment ? "Content-Transfer-Encoding: base64" : "Content-Transfer-Encoding: 8bit");
    line("");
    return text;
}

void append_base64_line(std::string& line, Dice& dice) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 76; ++i, bits >>= 6U) {
        if (i % 10 == 0) bits = dice();
        line += alphabet[bits & 63U];
    }
}

void append_prose_line(std::string& line, Dice& dice) {
    constexpr std::array<std::string_view, 12> words{"the",      "budget",  "of",   "this",  "year",    "was",
                                                     "accepted", "without", "much", "delay", "because", "everybody"};
    if (dice.below(16) == 0) return;       // an empty line
    if (dice.below(100) == 0) line += '.'; // must be doubled on the wire
    const std::size_t width = 40 + dice.below(36);
    while (line.size() < width) (line += words[dice.below(words.size())]) += ' ';
}

} // namespace

std::string mail_text(std::uint64_t number, MailKind kind) {
    const std::string_view end = kind.crlf ? "\r\n" : "\n";
    const bool attachment = kind.octets >= attachment_from;
    std::string text = header(number, end, attachment);
    text.reserve(kind.octets + 128);
    Dice dice{number};
    std::string line;
    while (text.size() < kind.octets) {
        line.clear();
        if (attachment)
            append_base64_line(line, dice);
        else
            append_prose_line(line, dice);
        (text += line) += end;
    }
    text.resize(kind.octets);
    if (kind.octets >= 2 * end.size()) { // an exact size, yet with a complete last line
        text.replace(kind.octets - end.size(), end.size(), end);
        char& before = text[kind.octets - end.size() - 1];
        if (before == '\r') before = 'x'; // a line end cut in two
    }
    return text;
}

} // namespace bench
