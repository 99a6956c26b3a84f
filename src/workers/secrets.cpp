#include "secrets.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "buzon/auth/digest_login.h"
#include "buzon/auth/keyring.h"
#include "buzon/auth/make_secret.h"
#include "buzon/auth/saslprep.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/secret.h"
#include "buzon/digest/base64.h"
#include "buzon/files/vault.h"
#include "buzon/posix/secret_text.h"
#include "vaults.h"

namespace buzon::workers {
namespace {

using namespace jobs;

Vaults& vaults() {
    static Vaults opened;
    return opened;
}

// Sessions come first: slow hashes run at low priority.
void step_back() {
    static const int done = ::setpriority(PRIO_PROCESS, 0, 19);
    (void)done;
}

std::error_code unusable() {
    return std::make_error_code(std::errc::invalid_argument);
}

// The main secret, for mechanisms that work with only one. A broken one counts as locked.
posix::Result<auth::Secret> main_secret(const auth::SecretPlace& place, int vault) {
    const auto text = vaults().keyring(vault, place);
    if (!text) return text.error();
    auto secret = auth::Secret::parse(auth::Keyring{text.value()}.secret("").value_or(""));
    return secret ? std::move(secret).value() : auth::Secret::parse("").value();
}

// A decoy is not a password, although it may be stored like one.
std::optional<std::string> clear_password(const auth::SecretPlace& place, const auth::Secret& secret) {
    const std::string* const password = secret.plain();
    return password && !place.decoy ? std::optional{*password} : std::nullopt;
}

} // namespace

posix::Result<Verify::Answer> check(const Verify& job, int vault) {
    const auto text = vaults().keyring(vault, job.secret);
    if (!text) return text.error();
    const auth::Keyring keyring{text.value()};
    if (keyring.is_slow(job.secret.among)) step_back();
    std::optional<std::string> label = keyring.opened_by(job.password, job.secret.among);
    if (!label) return Verify::Answer{};
    return Verify::Answer{true, std::move(*label)};
}

posix::Result<CheckDigest::Answer> check(const CheckDigest& job, int vault) {
    const auto secret = main_secret(job.secret, vault);
    if (!secret) return secret.error();
    const std::optional<std::string> password = clear_password(job.secret, secret.value());
    if (job.apop) return CheckDigest::Answer{auth::apop_matches(job.challenge, password, job.digest), {}};
    return CheckDigest::Answer{
        auth::digest_matches({{}, std::string{job.challenge}, std::string{job.digest}}, password), {}};
}

posix::Result<GetScram::Answer> scram(const GetScram& job, int vault) {
    const auto secret = main_secret(job.secret, vault);
    if (!secret) return secret.error();
    const auto stored = job.secret.decoy ? nullptr : secret.value().scram();
    if (stored) return GetScram::Answer{auth::to_text(*stored), true};
    const std::optional<std::string> password = clear_password(job.secret, secret.value());
    if (!password && !job.derive_decoys) {
        return GetScram::Answer{
            auth::to_text(auth::fake_scram_credentials(job.server_secret, job.user, job.iterations)), false};
    }
    step_back();
    const std::string known = password.value_or("nobody");
    const auth::ScramCredentials derived = auth::derive_scram(
        auth::saslprep(known).value_or(known), auth::scram_salt_for(job.server_secret, job.user), job.iterations);
    return GetScram::Answer{auth::to_text(derived), password.has_value()};
}

posix::Result<MakeSecret::Answer> make(const MakeSecret& job, int vault) {
    step_back();
    posix::WipedString old;
    if (job.base.change != 0) {
        auto base = vaults().keyring(vault, {{}, job.base.change});
        if (!base) return base.error();
        old = std::move(base).value();
    }
    auto made = auth::make_secret(job.scheme, job.password);
    if (!made) return unusable();
    // In the field of an application password, a ';' begins a limit, and a blank the next field.
    if (!job.label.empty() && made.value().find_first_of(" \t;") != std::string::npos) {
        posix::wipe(made.value());
        made.value() = "{PLAIN.b64}" + digest::encode_base64(job.password);
    }
    const posix::WipedString keyring{auth::Keyring::with(old, job.base.labels, job.label, made.value())};
    const auto file = files::open_vault(vault, O_WRONLY | O_APPEND);
    if (!file) return file.error();
    if (const std::error_code why = files::append_secret(file.value().get(), job.change, keyring)) return why;
    MakeSecret::Answer answer{auth::Secret::parse(made.value()).value().facts()};
    posix::wipe(made.value());
    return answer;
}

posix::Result<auth::UserChanges> with_secrets(const Edit& job, int vault) {
    auth::UserChanges all;
    for (const std::string& name : job.gone) all[name] = std::nullopt;
    for (const auto& [name, what] : job.users) {
        auth::UserChange& change = all[name].emplace();
        change.removed = what.removed;
        change.new_user = what.new_user;
        if (what.change == 0) continue;
        const auto text = vaults().keyring(vault, {{}, what.change});
        if (!text) return text.error();
        const auth::Keyring keyring{text.value()};
        if (what.main) change.secret = keyring.secret("").value_or("");
        for (const std::string& added : what.added) {
            const std::size_t limits = std::min(added.find(';'), added.size());
            const auto secret = keyring.secret(std::string_view{added}.substr(0, limits));
            if (!secret) return unusable();
            change.applications.push_back(
                added.substr(0, limits).append(":").append(*secret).append(added.substr(limits)));
        }
    }
    return all;
}

bool fit_for_lines(const auth::UserChanges& changes) {
    const auto without = [](std::string_view text, const char* ends) { return text.find_first_of(ends) == text.npos; };
    return std::all_of(changes.begin(), changes.end(), [&](const auto& one) {
        const auto& [name, change] = one;
        if (!without(name, ":\r\n")) return false;
        if (!change) return true;
        return without(change->secret.value_or(""), ":\r\n") &&
               std::all_of(change->applications.begin(), change->applications.end(),
                           [&](const std::string& value) { return without(value, " \t\r\n"); });
    });
}

} // namespace buzon::workers
