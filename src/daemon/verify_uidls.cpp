#include "buzon/daemon/verify_uidls.h"

#include <sysexits.h>

#include "buzon/daemon/uidl_settings.h"
#include "buzon/daemon/users.h"
#include "buzon/mail/scan.h"
#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

constexpr std::size_t longest_listing = 1u << 30;

mail::ScanOptions without_a_trace(const Options& options) {
    mail::ScanOptions scan;
    scan.write_index = false;
    scan.uidl = uidl_rules(options.settings);
    scan.uidl.freeze = false;
    return scan;
}

std::string_view or_dash(const std::string& text) {
    return text.empty() ? std::string_view{"-"} : std::string_view{text};
}

bool verify(const Options::Verification& what, const std::string& maildir, const mail::ScanOptions& scan,
            std::string& report) {
    const auto captured = posix::read_file(what.file.c_str(), longest_listing);
    if (!captured) throw StartError(exit_code_for(captured.error()), what.file, captured.error().message());
    mail::ScanFindings findings;
    auto block = mail::scan(maildir, scan, &findings);
    const mail::UidlChange& change = findings.change;
    if (!block && block.error() == mail::uidls_would_change()) {
        report += what.user + ": a login would be refused, " + std::to_string(change.changed) + " of " +
                  std::to_string(change.known) + " known messages would get a different UIDL\n";
        return false;
    }
    if (!block)
        throw StartError(exit_code_for(block.error()), maildir,
                         findings.trouble.empty() ? block.error().message() : findings.trouble);
    const auto served = mail::Snapshot::from_fd(std::move(block).value());
    if (!served) throw StartError(EX_OSERR, maildir, served.error().message());
    const auto differences = mail::compare_uidls(*served.value(), captured.value());
    if (!differences) throw StartError(EX_CONFIG, what.file, "not a UIDL listing: expected lines \"NUMBER UIDL\"");
    for (const mail::UidlDifference& one : differences.value()) {
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

bool verify_uidls(const Options& options, const auth::UserBase& users, const std::string& root, std::string& report) {
    mail::ScanOptions scan = without_a_trace(options);
    bool same = true;
    for (const Options::Verification& what : options.verify_uidls) {
        std::string maildir = root + '/' + what.user;
        const auto user = users.find(what.user);
        if (user && !user->maildir.empty()) maildir = user->maildir;
        scan.uidl.dovecot_control = user ? std::string{user->control} : std::string{};
        same = verify(what, maildir, scan, report) && same;
    }
    return same;
}

} // namespace buzon::daemon
