#include "buzon/files/tls_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "buzon/files/certificate.h"
#include "buzon/files/read_files.h"
#include "buzon/filter/inspector.h"
#include "buzon/keeper/sockets.h"
#include "buzon/posix/io.h"

namespace buzon::files {
namespace {

using namespace std::chrono_literals;

constexpr auto time_to_begin = 10s;

void refuse_certificate(const std::string& option, const std::string& why) {
    throw config::StartError(EX_CONFIG, option, why);
}

// Reads what our child says until it is ready or has ended. Returns what is wrong; empty: it is ready.
std::string hear(int socket) {
    std::string text, wrong;
    const auto until = std::chrono::steady_clock::now() + time_to_begin;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        pollfd one{socket, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) == 0) return "no answer within 10 s";
        std::array<char, 4096> room{};
        const ssize_t n = ::read(socket, room.data(), room.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return wrong.empty() ? "exited without an error message" : wrong;
        text.append(room.data(), static_cast<std::size_t>(n));
        for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
            const tls::LogLine line = tls::parse_log_line(std::string_view{text}.substr(0, end));
            if (line.text == tls::ready_words) return {};
            // The first error says what is wrong; later ones only follow from it.
            if (line.error && wrong.empty()) wrong = line.text;
        }
    }
}

void check_readable(const std::string& option, const std::string& file) {
    try {
        (void)read_named_file(file, longest_certificate);
    } catch (const config::StartError& why) {
        throw config::StartError(why.code(), option + " " + file, std::string{why.what()}.substr(file.size() + 2));
    }
}

// The runtime directory from systemd; the first one if there are several, separated by colons. for_another: another
// user must be able to pass through it.
std::string runtime_directory(bool for_another) {
    const char* const runtime = std::getenv("RUNTIME_DIRECTORY");
    if (!runtime || *runtime != '/') return "/tmp";
    const std::string path = std::string{runtime}.substr(0, std::string{runtime}.find(':'));
    struct stat about {};
    const bool open = ::stat(path.c_str(), &about) == 0 && (about.st_mode & S_IXOTH) != 0;
    return open || !for_another ? path : "/tmp";
}

} // namespace

PrivateDirectory::PrivateDirectory() {
    const bool for_another = tls_user() != posix::Ids{};
    path_ = runtime_directory(for_another) + '/' + keeper::folder_of_one_socket + "XXXXXX";
    if (::mkdtemp(path_.data()) && (!for_another || ::chmod(path_.c_str(), 0711) == 0)) return;
    const std::error_code why = posix::last_error();
    throw config::StartError(config::exit_code_for(why), path_, why.message());
}

PrivateDirectory::~PrivateDirectory() {
    if (ours_) ::rmdir(path_.c_str());
}

tls::Order tls_order(const config::Options& options) {
    tls::Order order;
    order.program = options.tls.program;
    order.certificate = options.tls.certificate;
    order.key = options.tls.key.empty() ? options.tls.certificate : options.tls.key;
    order.options = options.tls.options;
    return order;
}

tls::Use tls_use(const config::Options& options, const std::string& back) {
    // Longer than login-timeout, which the server itself enforces and logs.
    return {options.tls.program, back, static_cast<std::uint32_t>(options.settings.login_timeout.count()) + 5};
}

posix::Ids tls_user() {
    if (::geteuid() != 0) return {};
    for (const char* const name : {"buzon-tls", "stunnel4", "nobody"})
        if (const auto who = filter::resolve_user(name)) return {who.value().uid, who.value().gid};
    return {65534, 65534};
}

void check_tls(const config::Options& options) {
    if (options.tls.certificate.empty()) return;
    const tls::Order order = tls_order(options);
    std::error_code why;
    if (std::filesystem::is_directory(order.program, why))
        why = {EISDIR, std::system_category()};
    else if (::access(order.program.c_str(), X_OK) != 0)
        why = posix::last_error();
    if (why) {
        const bool missing = why.value() == ENOENT && order.program == config::default_tls_program;
        throw config::StartError(config::exit_code_for(why), "--tls-program " + order.program,
                                 why.message() + (missing ? "; on Debian: apt-get install stunnel4" : ""));
    }
    check_readable("--tls-cert", order.certificate);
    check_readable(options.tls.key.empty() ? "--tls-cert" : "--tls-key", order.key);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw config::StartError(EX_OSERR, "--tls-cert", posix::last_error().message());
    posix::UniqueFd ours{pair[0]}, theirs{pair[1]};
    const tls::Way way = tls::way_of(tls_use(options, "/nonexistent"));
    (void)posix::write_all(ours.get(), {reinterpret_cast<const char*>(&way), sizeof way});
    const auto listener = keeper::listen_on_loopback();
    if (!listener) throw config::StartError(EX_OSERR, "listening on 127.0.0.1", listener.error().message());
    const pid_t child = ::fork();
    if (child == 0) {
        ours.reset();
        const int socket = ::fcntl(theirs.get(), F_DUPFD, 10), listening = ::fcntl(listener.value().get(), F_DUPFD, 10);
        ::_exit(become_tls_program(socket, listening, order, tls_user(), options.sandbox));
    }
    theirs.reset();
    const std::string wrong = child < 0 ? posix::last_error().message() : hear(ours.get());
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    if (!wrong.empty()) refuse_certificate("--tls-cert " + order.certificate, wrong);
}

} // namespace buzon::files
