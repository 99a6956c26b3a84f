#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "buzon/files/arguments.h"
#include "buzon/files/start_files.h"
#include "buzon/files/vault.h"
#include "buzon/posix/bundle.h"
#include "buzon/posix/io.h"

namespace buzon::files {
namespace {

config::StartError failed(std::error_code why) {
    return {config::exit_code_for(why), "users", why.message()};
}

posix::UniqueFd checked(posix::Result<posix::UniqueFd> made) {
    if (!made) throw failed(made.error());
    return std::move(made).value();
}

// The child's side: sends a bundle of descriptors to `socket`.
void hand_over(int socket, const config::Options& known, int arguments) {
    const config::Options options = arguments < 0 ? known : read_options(arguments);
    check_options(options);
    std::vector<posix::UniqueFd> kept;
    for (const jobs::People& people : {config::users_of(options), config::administrators_of(options)}) {
        auto both = keep(load(people));
        if (!both) throw failed(both.error());
        kept.push_back(std::move(both.value().users));
        kept.push_back(std::move(both.value().vault));
    }
    kept.push_back(checked(make_vault_of_changes()));
    std::vector<int> numbers;
    for (const posix::UniqueFd& one : kept) numbers.push_back(one.get());
    if (const std::error_code why = posix::send_bundle(socket, numbers)) throw failed(why);
}

// Returns the exit code; if it is not 0, the reason has been written to the socket.
int child(int socket, const config::Options& options, int arguments) {
    int code = EX_OSERR;
    std::string trouble;
    try {
        hand_over(socket, options, arguments);
        return EX_OK;
    } catch (const config::StartError& why) {
        code = why.code();
        trouble = why.what();
    } catch (const std::exception& why) {
        trouble = std::string{"users: "} + why.what();
    }
    (void)posix::write_all(socket, trouble);
    return code;
}

// Throws the error that the child reported.
[[noreturn]] void rethrow(int socket, int status) {
    std::string text(4096, '\0');
    const ssize_t got = ::recv(socket, text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::size_t colon = text.find(": ");
    if (!WIFEXITED(status) || colon == text.npos)
        throw config::StartError(EX_OSERR, "users", "the process that reads them has died");
    throw config::StartError(WEXITSTATUS(status), text.substr(0, colon), text.substr(colon + 2));
}

auth::Vault vault_of(posix::UniqueFd key) {
    return std::make_shared<const posix::UniqueFd>(std::move(key));
}

auth::UserBlock block_of(posix::UniqueFd memory) {
    auto block = auth::UserBlock::from_fd(std::move(memory));
    if (!block) throw failed(block.error());
    return std::move(block).value();
}

} // namespace

StartPeople load_apart(const config::Options& options, int arguments) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) throw failed(posix::last_error());
    const posix::UniqueFd ours{pair[0]};
    const posix::UniqueFd theirs{pair[1]};
    const pid_t pid = ::fork();
    if (pid < 0) throw failed(posix::last_error());
    if (pid == 0) ::_exit(child(theirs.get(), options, arguments));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) rethrow(ours.get(), status);
    auto all = posix::unbundle(ours.get());
    if (!all) throw failed(all.error());
    std::vector<posix::UniqueFd>& kept = all.value();
    return {auth::UserBase{block_of(std::move(kept.at(0))), vault_of(std::move(kept.at(1))),
                           vault_of(std::move(kept.at(4)))},
            auth::UserBase{block_of(std::move(kept.at(2))), vault_of(std::move(kept.at(3)))}};
}

} // namespace buzon::files
