// admin/control_save.cpp - SAVE: writes changes made at run time back to the files they belong to.
#include <algorithm>

#include "buzon/admin/control.h"
#include "buzon/jobs/jobs.h"
#include "buzon/login/users.h"
#include "buzon/serve/transforms.h"

namespace buzon::admin {
namespace {

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
    std::string all;
    for (const std::string& text : texts) all.append(all.empty() ? "" : between).append(text);
    return all;
}

} // namespace

std::vector<std::string> Control::values_of(const std::string& option) const {
    if (option == "port") return {std::to_string(pop3_.port())};
    if (option == "path") return {needs_.users.root()};
    std::vector<std::string> values;
    if (option == "ip") {
        for (const net::Ip& ip : pop3_.addresses()) values.push_back(ip.text());
    } else if (option == "transform") {
        const serve::Transform& standard = needs_.transforms.standard();
        if (standard.on) values.push_back(standard.spec.text_for_a_file());
    } else if (option == "transform-for") {
        std::set<std::string> users = changed_transforms_;
        for (const auto& [user, spec] : options_.transform_for) users.insert(user);
        for (const std::string& user : users) {
            const serve::Transform* const own = needs_.transforms.own(user);
            if (own && own->on) values.push_back(user + '=' + own->spec.text_for_a_file());
        }
    } else if (const state::SettingField* const field = state::find_setting(option)) {
        values.push_back(state::print_setting(settings_, *field));
    }
    return values;
}

void Control::find_unsaved_users(Unsaved& into) const {
    const auth::UserBase& base = needs_.users.base();
    const std::vector<std::string> fixed = base.changes_without_file();
    for (const auto& [name, change] : base.changes()) {
        const bool is_fixed = std::find(fixed.begin(), fixed.end(), name) != fixed.end();
        if (options_.users_file.empty()) {
            if (!change && !is_fixed) continue; // added and removed again: no change
            into.homeless.push_back("user " + name + " (there is no --users file)");
        } else if (is_fixed) {
            into.homeless.push_back("user " + name + " (not from the --users file)");
        } else if (change) {
            into.users[name] = *change;
        } else {
            into.gone.push_back(name);
        }
    }
}

// Some settings for a single user cannot be expressed in a config file. Every SAVE says so, because they are lost at
// the next start.
void Control::find_unsaved_transforms(Unsaved& into) const {
    for (const std::string& name : changed_transforms_) {
        const auto user = needs_.users.base().find(name);
        if (!user) continue;
        if (!user->transform.empty()) {
            into.homeless.push_back("transformation of " + name + " (the --users file has one)");
            continue;
        }
        const serve::Transform* const own = needs_.transforms.own(name);
        if (own && !own->on && needs_.transforms.standard().on) {
            into.homeless.push_back("transformation of " + name + " (off for one user alone)");
        }
    }
}

Control::Unsaved Control::unsaved() const {
    Unsaved found;
    find_unsaved_users(found);
    for (const std::string& option : changed_) {
        if (options_.on_command_line.contains(option)) {
            found.homeless.push_back(option + " (given on the command line)");
        } else if (options_.config_file.empty()) {
            found.homeless.push_back(option + " (there is no --config file)");
        } else {
            found.config[option] = values_of(option);
        }
    }
    if (!options_.config_file.empty() && !options_.on_command_line.contains("transform-for"))
        find_unsaved_transforms(found);
    return found;
}

// Writes everything that has a file, even if other changes have none or could not be written.
void Control::save(worker::Pending& pending, OnDone done) {
    Saving saving{unsaved()};
    if (saving.what.users.empty() && saving.what.gone.empty())
        return save_config(std::move(saving), pending, std::move(done));
    const worker::Job job =
        jobs::order(jobs::Edit{jobs::Edited::users, options_.users_file, {}, saving.what.users, saving.what.gone},
                    needs_.users.base().changed_vault());
    auth::SecretChanges written;
    for (const auto& [name, change] : saving.what.users) written.emplace(name, change);
    for (const std::string& name : saving.what.gone) written.emplace(name, std::nullopt);
    pending = needs_.files.submit(job, [this, saving, written, &pending, done](worker::Answer answer) mutable {
        if (note(saving, options_.users_file, answer)) {
            hooks_.file_written();
            // Else each reload would repeat them, whatever the operator has written to the file meanwhile.
            needs_.users.base().forget_changes(written);
        }
        save_config(std::move(saving), pending, done);
    });
}

void Control::save_config(Saving saving, worker::Pending& pending, OnDone done) {
    if (saving.what.config.empty()) return saved(saving, done);
    const worker::Job job = jobs::order(jobs::Edit{jobs::Edited::config, options_.config_file, saving.what.config});
    pending = needs_.files.submit(job, [this, saving, done](worker::Answer answer) mutable {
        if (note(saving, options_.config_file, answer)) {
            hooks_.file_written();
            for (const auto& [option, values] : saving.what.config) {
                if (values_of(option) == values) changed_.erase(option); // otherwise it has changed again since
            }
        }
        saved(saving, done);
    });
}

bool Control::note(Saving& saving, const std::string& file, const worker::Answer& answer) {
    const auto said = jobs::read<jobs::Edit>(answer);
    if (said.why)
        saving.wrong.push_back(file + ": " + said.why.message());
    else
        saving.files.push_back(file);
    return !said.why;
}

void Control::saved(Saving& saving, const OnDone& done) {
    const std::vector<std::string>& homeless = saving.what.homeless;
    if (!homeless.empty()) saving.wrong.push_back("no file for " + joined(homeless, ", "));
    const bool good = saving.wrong.empty();
    const std::string written =
        saving.files.empty() ? (good ? "nothing to save" : "nothing saved") : "saved " + joined(saving.files, ", ");
    done({good, good ? written : joined(saving.wrong, "; ") + "; " + written});
}

} // namespace buzon::admin
