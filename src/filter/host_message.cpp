#include "buzon/filter/host_message.h"

#include <sys/socket.h>

#include <cstring>

#include "buzon/posix/datagram.h"

namespace buzon::filter {
namespace {

// Strings follow: words, variables, hidden and readable paths, each ended by a NUL.
struct StartHead {
    HostRequest kind = HostRequest::start;
    std::uint32_t words = 0;
    std::uint32_t variables = 0;
    std::uint32_t hidden = 0;
    std::uint32_t readable = 0;
    std::uint32_t descriptors = 0;
    JailKind jail = JailKind::off;
    std::uint32_t lives_on = 0;
    std::uint32_t given = 0; // bit mask of the descriptors that are passed along
    std::array<std::uint64_t, 5> limits{};
};

constexpr std::array<std::string_view, steps> step_names = {"request",      "not allowed by the configuration",
                                                            "descriptors",  "clone",
                                                            "setpgid",      "chdir",
                                                            "setrlimit",    "no new privileges",
                                                            "death signal", "host is gone",
                                                            "jail",         "temporary directory",
                                                            "execve"};

void add(std::string& octets, std::string_view text) {
    octets += text;
    octets += '\0';
}

// The part of a message that has not been read yet.
class Unpacker {
public:
    explicit Unpacker(std::span<char> octets) : left_{octets} {}

    template <class Value>
    bool take(Value& value) {
        if (left_.size() < sizeof value) return false;
        std::memcpy(&value, left_.data(), sizeof value);
        left_ = left_.subspan(sizeof value);
        return true;
    }
    // Pointers to `count` strings.
    bool take_strings(std::uint32_t count, std::vector<char*>& into) {
        if (count > left_.size()) return false;
        into.reserve(count + 1);
        for (std::uint32_t i = 0; i < count; ++i) {
            const void* const end = std::memchr(left_.data(), '\0', left_.size());
            if (!end) return false;
            into.push_back(left_.data());
            left_ = left_.subspan(static_cast<std::size_t>(static_cast<const char*>(end) - left_.data()) + 1);
        }
        return true;
    }
    bool take_paths(std::uint32_t count, std::vector<std::string>& into) {
        std::vector<char*> pointers;
        if (!take_strings(count, pointers)) return false;
        into.assign(pointers.begin(), pointers.end());
        return true;
    }
    [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

private:
    std::span<char> left_;
};

} // namespace

std::string_view name_of(Step step) noexcept {
    const auto number = static_cast<std::size_t>(step);
    return number < step_names.size() ? step_names[number] : "unknown step";
}

std::vector<std::string> variables_of(const Environment& about) {
    return {"BUZON_USER=" + about.user, "BUZON_UIDL=" + about.uidl, "BUZON_CLIENT_IP=" + about.client_ip,
            "PATH=" + about.path, "LANG=" + about.lang};
}

std::vector<std::string> login_variables() {
    const Environment usual;
    return {"PATH=" + usual.path, "LANG=" + usual.lang};
}

std::string encode(const Program& program) {
    StartHead head;
    head.words = static_cast<std::uint32_t>(program.arguments.size() + 1);
    head.variables = static_cast<std::uint32_t>(program.environment.size());
    head.descriptors = static_cast<std::uint32_t>(program.descriptors.size());
    for (std::size_t i = 0; i < program.descriptors.size(); ++i)
        if (program.descriptors[i] >= 0) head.given |= 1U << i;
    head.lives_on = program.lives_on ? 1 : 0;
    if (program.jail) {
        head.jail = program.jail->kind;
        head.hidden = static_cast<std::uint32_t>(program.jail->hidden.size());
        head.readable = static_cast<std::uint32_t>(program.jail->readable.size());
    }
    const ResourceLimits& limits = program.limits;
    head.limits = {limits.cpu_seconds, limits.address_space, limits.file_size, limits.processes, limits.open_files};
    std::string octets(reinterpret_cast<const char*>(&head), sizeof head);
    add(octets, program.path);
    for (const auto* strings : {&program.arguments, &program.environment}) {
        for (const std::string& text : *strings) add(octets, text);
    }
    if (program.jail) {
        for (const auto* paths : {&program.jail->hidden, &program.jail->readable}) {
            for (const std::string& path : *paths) add(octets, path);
        }
    }
    if (octets.size() > max_host_message) return {};
    return octets;
}

std::optional<StartOrder> decode_start(std::span<char> octets) {
    Unpacker unpacker{octets};
    StartHead head;
    if (!unpacker.take(head) || head.kind != HostRequest::start) return std::nullopt;
    if (head.words == 0 || head.descriptors > max_descriptors) return std::nullopt;
    if (head.jail != JailKind::off && head.jail != JailKind::standard && head.jail != JailKind::strict)
        return std::nullopt;
    StartOrder order;
    for (std::uint32_t i = 0; i < head.descriptors; ++i) order.descriptors.push_back((head.given & 1U << i) != 0);
    order.lives_on = head.lives_on != 0;
    order.limits = {head.limits[0], head.limits[1], head.limits[2], head.limits[3], head.limits[4]};
    order.jail.kind = head.jail;
    if (!unpacker.take_strings(head.words, order.words) || !unpacker.take_strings(head.variables, order.variables) ||
        !unpacker.take_paths(head.hidden, order.jail.hidden) ||
        !unpacker.take_paths(head.readable, order.jail.readable) || !unpacker.at_end()) {
        return std::nullopt;
    }
    if (order.words.front()[0] != '/') return std::nullopt;
    order.words.push_back(nullptr);
    order.variables.push_back(nullptr);
    return order;
}

posix::Transfer send_to(int socket, std::span<const char> octets, std::span<const int> descriptors) noexcept {
    const iovec part{const_cast<char*>(octets.data()), octets.size()};
    return posix::send_datagram(socket, {&part, 1}, descriptors);
}

posix::Transfer send_start(int socket, std::span<const char> octets, const Program& program) noexcept {
    std::array<int, max_descriptors> given{};
    std::size_t count = 0;
    for (const int number : program.descriptors)
        if (number >= 0 && count < given.size()) given[count++] = number;
    return send_to(socket, octets, {given.data(), count});
}

posix::Transfer receive_from(int socket, std::span<char> into, Descriptors& descriptors, bool wait) noexcept {
    const iovec part{into.data(), into.size()};
    return posix::receive_datagram(socket, {&part, 1}, descriptors, wait ? 0 : MSG_DONTWAIT).transfer;
}

} // namespace buzon::filter
