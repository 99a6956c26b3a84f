#include "verify_uidls.h"

#include <sysexits.h>

#include "buzon/config/uidl_settings.h"
#include "buzon/login/users.h"
#include "buzon/maildir/scan.h"
#include "buzon/posix/io.h"

namespace buzon::server {
namespace {

constexpr std::size_t longest_listing = 1u << 30;

message::ScanOptions without_a_trace(const config::Options& options) {
    message::ScanOptions scan;
    scan.write_index = false;
    scan.uidl = config::uidl_rules(options.settings);
    scan.uidl.freeze = false;
    return scan;
}

std::string_view or_dash(const std::string& text) {
    return text.empty() ? std::string_view{"-"} : std::string_view{text};
}

bool verify(const config::Options::Verification& what, const std::string& maildir, const message::ScanOptions& scan,
            std::string& report) {
    const auto captured = posix::read_file(what.file.c_str(), longest_listing);
    if (!captured)
        throw config::StartError(config::exit_code_for(captured.error()), what.file, captured.error().message());
    message::ScanFindings findings;
    auto block = maildir::scan(maildir, scan, &findings);
    const message::UidlChange& change = findings.change;
    if (!block && block.error() == message::uidls_would_change()) {
        report += what.user + ": a login would be refused, " + std::to_string(change.changed) + " of " +
                  std::to_string(change.known) + " known messages would get a different UIDL\n";
        return false;
    }
    if (!block)
        throw config::StartError(config::exit_code_for(block.error()), maildir,
                                 findings.trouble.empty() ? block.error().message() : findings.trouble);
    const auto served = message::Snapshot::from_fd(std::move(block).value());
    if (!served) throw config::StartError(EX_OSERR, maildir, served.error().message());
    const auto differences = message::compare_uidls(*served.value(), captured.value());
    if (!differences)
        throw config::StartError(EX_CONFIG, what.file, "not a UIDL listing: expected lines \"NUMBER UIDL\"");
    for (const message::UidlDifference& one : differences.value()) {
        report += what.user + ' ' + std::to_string(one.number) + ' ';
        report.append(or_dash(one.captured)).append(" ").append(or_dash(one.served)).append("\n");
    }
    const std::string count = std::to_string(served.value()->count()) + " messages, ";
    report += what.user + ": " + count;
    report +=
        differences.value().empty() ? "the same UIDLs\n" : std::to_string(differences.value().size()) + " differ\n";
    return differences.value().empty();
}

} // namespace

bool verify_uidls(const config::Options& options, const auth::UserBase& users, const std::string& root,
                  std::string& report) {
    message::ScanOptions scan = without_a_trace(options);
    bool same = true;
    for (const config::Options::Verification& what : options.verify_uidls) {
        std::string maildir = root + '/' + what.user;
        const auto user = users.find(what.user);
        if (user && !user->maildir.empty()) maildir = user->maildir;
        scan.uidl.dovecot_control = user ? std::string{user->control} : std::string{};
        same = verify(what, maildir, scan, report) && same;
    }
    return same;
}

} // namespace buzon::server
