// system/process_faults_test.cpp - misbehaving long-running programs, all at once and each for a user of its own: what
// the client gets, what is reported, and that nothing is left behind.
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "support/catch.h"
#include "support/programs.h"
#include "system/living_programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string fault_text = "From: a\nSubject: filtro\n\nuno\n.dos\n";

// late: cut, or refused if the program did not even get that far.
enum class Ending { served, refused, cut, late };

struct Fault {
    const char* name;
    std::string lines; // shell code that answers a message
    Ending end;
    const char* cause = nullptr; // of its failure; null if it depends on the machine
    std::string made = fault_text;
    std::string before = "read -r hello\necho 'buzon-filter 1'\n";
};

const char* const gone_program = "is gone when it is wanted";
const std::string long_output = "head -c 100000 /dev/zero"; // more than is held back
const std::string for_ever = "sleep 1000";

// These have ample time limits, so that the results do not depend on the machine.
std::vector<Fault> faults() {
    return {
        {"ends before its handshake", "echo same", Ending::refused, "exit", "", "exit 1\n"},
        {"speaks another version", "echo same", Ending::refused, "protocol", "", "echo 'buzon-filter 2'\n"},
        {"answers with its handshake", "", Ending::refused, "protocol", "", "printf 'buzon-filter 1\\nsame\\n'\n"},
        {"is no program of this kind", "", Ending::refused, "protocol", "", "exec cat\n"},
        {gone_program, "echo same", Ending::refused, "start"},
        {"ends before its answer", "exit 0", Ending::refused, "protocol"},
        {"fails before its answer", "exit 1", Ending::refused, "exit"},
        {"fails in its answer", "printf 'message 100\\nabc'; exit 1", Ending::refused, "exit"},
        {"fails in a long answer", "echo message 200000; " + long_output + "; exit 1", Ending::cut, "exit"},
        {"fails behind its answer", "echo same; exit 1", Ending::served},
        {"ends in a line", "printf messag; exit 0", Ending::refused, "protocol"},
        {"ends before the end of its stream", "printf 'stream\\nchunk 3\\nabc'; exit 0", Ending::refused, "protocol"},
        {"ends in a long stream", "printf 'stream\\nchunk 100000\\n'; " + long_output + "; exit 0", Ending::cut,
         "protocol"},
        {"is killed before its answer", "kill -9 $$", Ending::refused, "signal"},
        {"is killed in its answer", "printf 'message 100\\nabc'; kill -9 $$", Ending::refused, "signal"},
        {"is killed behind its answer", "echo same; kill -9 $$", Ending::served},
        {"closes its output and lives on", "exec >&-; " + for_ever, Ending::refused},
        {"closes its output behind its answer", "echo same; exec >&-; " + for_ever, Ending::served},
        {"closes its input", "exec <&-; echo same; " + for_ever, Ending::served},
        {"says what is no answer", "echo ok", Ending::refused, "protocol"},
        {"says octets", "printf '\\377\\r'; " + long_output, Ending::refused, "protocol"},
        {"counts too little", "printf 'message 3\\nabcd'", Ending::refused, "protocol"},
        {"counts too much, and ends", "printf 'message 100\\nabc'; exit 0", Ending::refused, "protocol"},
        {"counts backwards", "printf 'message -1\\nx'", Ending::refused, "protocol"},
        {"counts more than there is", "printf 'message 99999999999999999999\\nx'", Ending::refused, "protocol"},
        {"answers twice", "printf 'same\\nsame\\n'", Ending::refused, "protocol"},
        {"refuses", "echo fail virus found", Ending::refused, "answer"},
        {"refuses in a long stream", "printf 'stream\\nchunk 100000\\n'; " + long_output + "; echo fail virus",
         Ending::cut, "answer"},
        {"complains without end", "yes complaint | head -n 20000 >&2; echo same", Ending::served},
        {"leaves a child with its pipe", for_ever + " & exit 1", Ending::refused, "exit"},
        {"leaves a child in a session of its own", "setsid " + for_ever + " & exit 1", Ending::refused, "exit"},
        {"is killed and leaves a child", for_ever + " & kill -9 $$", Ending::refused, "signal"},
        {"has a child that keeps its pipe", for_ever + " & echo same", Ending::served},
        {"has a child in a session of its own", "setsid " + for_ever + " & echo same", Ending::served},
        {"uses up its time of processor", "echo message 200000; " + long_output + "; while :; do :; done", Ending::cut,
         "signal"},
        {"answers well", "printf 'message 5\\n.uno\\n'", Ending::served, nullptr, ".uno\n"},
    };
}

// These hang until their time limit, however fast the machine is.
std::vector<Fault> hanging_faults() {
    return {
        {"never shakes hands", "", Ending::refused, "timeout", "", for_ever + "\n"},
        {"sleeps for ever", for_ever, Ending::refused, "timeout"},
        {"hears no SIGTERM", "trap '' TERM; " + for_ever, Ending::refused, "timeout"},
        {"stops itself", "kill -STOP $$", Ending::refused, "timeout"},
        {"sleeps in its answer", "printf 'message 100\\nabc'; " + for_ever, Ending::refused, "timeout"},
        {"sleeps in a long answer", "echo message 200000; " + long_output + "; " + for_ever, Ending::late, "timeout"},
        {"counts too much, and waits", "printf 'message 100\\nabc'", Ending::refused, "timeout"},
        {"says nothing in its stream", "echo stream; while :; do echo chunk 0; sleep 0.05; done", Ending::refused,
         "timeout"},
        {"hangs with children", "setsid " + for_ever + " & " + for_ever + " & wait", Ending::refused, "timeout"},
    };
}

// Writes the program and returns its SPEC. It uses a sleep in the directory, by which its processes can be found.
std::string program_of(const TempDirectory& directory, std::size_t number, const Fault& fault) {
    std::string text = fault.before + "while read -r word octets about; do\n    head -c \"$octets\" >/dev/null\n    " +
                       fault.lines + "\ndone";
    const std::string sleep = directory / "sleep ";
    for (std::size_t at = 0; (at = text.find("sleep ", at)) != std::string::npos; at += sleep.size())
        text.replace(at, 6, sleep);
    return "process:" + directory.script("program-" + std::to_string(number), text);
}

std::size_t times_in(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
    return count;
}

// A server with such programs, and all its clients.
class Company {
public:
    Company(std::vector<Fault> faults, const Words& limits) : faults_{std::move(faults)} {
        std::filesystem::copy_file("/bin/sleep", directory_.path() / "sleep");
        Words arguments = {"-a", "root:s3cr3t", "--max-transforms", "64"};
        arguments.insert(arguments.end(), limits.begin(), limits.end());
        for (std::size_t i = 0; i < faults_.size(); ++i) {
            specs_.push_back(program_of(directory_, i + 1, faults_[i]));
            arguments.insert(arguments.end(), {"--transform-for", "user" + std::to_string(i + 1) + "=" + specs_[i]});
        }
        const int users = static_cast<int>(faults_.size());
        server_ = std::make_unique<Server>(users, arguments);
        for (int user = 1; user <= users; ++user) {
            (void)server_->maildir("user" + std::to_string(user)).put_in_cur("1700000001.M1P1.h:2,S", fault_text);
            clients_.push_back(server_->session(user));
        }
        listener_ = std::make_unique<ManagementClient>(server_->manager());
        (void)listener_->ask("AUTH root s3cr3t");
        CHECK(listener_->command("EVNT filter-fail") == "+OK");
        for (std::size_t i = 0; i < faults_.size(); ++i)
            if (faults_[i].name == gone_program) std::filesystem::remove(specs_[i].substr(8));
    }
    void ask() {
        for (Pop3Client& client : clients_) client.send("RETR 1\r\n");
    }
    void look_at_answers() {
        for (std::size_t i = 0; i < faults_.size(); ++i) {
            CAPTURE(faults_[i].name);
            look_at_answer(faults_[i], clients_[i]);
        }
    }
    // Each failure is reported once, with its cause and the program.
    void look_at_events() {
        ManagementClient manager = server_->manager();
        (void)manager.ask("AUTH root s3cr3t");
        listener_->send("NOOP\r\n");
        const std::vector<std::string> events = listener_->body_lines();
        for (std::size_t i = 0; i < faults_.size(); ++i) {
            CAPTURE(faults_[i].name, events);
            const Fault& fault = faults_[i];
            const std::string cause = fault.cause ? fault.cause + std::string{" "} : std::string{};
            const std::string about = " user=user" + std::to_string(i + 1) + " uidl=1700000001.M1P1.h cause=" + cause;
            const auto told = std::count_if(events.begin(), events.end(), [&](const std::string& event) {
                return event.find(about) != std::string::npos &&
                       event.find("why=\"" + specs_[i] + ": ") != std::string::npos;
            });
            CHECK(told == (fault.end == Ending::served ? 0 : 1));
            CHECK(manager.ask("METR filter-failed:" + specs_[i]) == (fault.end == Ending::served ? "0" : "1"));
        }
        CHECK(manager.ask("METR filters-running") == "0");
    }
    // Programs that behaved well wait for more; a reload ends them.
    void look_for_remains() {
        server_->process().signal(SIGHUP);
        CHECK(eventually([&] { return running_from(directory_.path()).empty() && zombies_of(server_->pid()) == 0; }));
    }
    Pop3Client& last() { return clients_.back(); }
    std::string log() const { return server_->log(); }

private:
    static void look_at_answer(const Fault& fault, Pop3Client& client) {
        const std::string reply = client.line();
        if (fault.end == Ending::served) {
            CHECK(reply == octets_reply(fault.made));
            CHECK(difference(client.body(), as_received(fault.made)) == "");
        } else if (fault.end == Ending::cut || (fault.end == Ending::late && reply == "+OK message follows")) {
            CHECK(reply == "+OK message follows");
            const std::string rest = client.rest(true);
            CHECK(rest.size() <= 100'000);
            CHECK(times_in(rest, ".\r\n") == 0);
        } else {
            CHECK(reply == "-ERR [SYS/TEMP] The message could not be transformed");
            CHECK(client.command("NOOP") == "+OK");
        }
    }

    std::vector<Fault> faults_;
    TempDirectory directory_;
    std::vector<std::string> specs_;
    std::unique_ptr<Server> server_;
    std::vector<Pop3Client> clients_;
    std::unique_ptr<ManagementClient> listener_;
};

} // namespace

TEST_CASE("misbehaving long-running programs harm only their own message and leave nothing behind") {
    Company busy{faults(), {"--transform-timeout", "600", "--transform-cpu", "1"}};
    Company hanging{hanging_faults(), {"--transform-timeout", "1"}};
    for (Company* const company : {&hanging, &busy}) company->ask();
    for (Company* const company : {&hanging, &busy}) company->look_at_answers();
    for (Company* const company : {&hanging, &busy}) company->look_at_events();
    // Nobody else is affected.
    CHECK(busy.last().retrieve(1) == ".uno\r\n");
    for (Company* const company : {&hanging, &busy}) company->look_for_remains();
    const std::size_t complaints = times_in(busy.log(), "stderr=complaint");
    CHECK(complaints > 0);
    CHECK(complaints <= 20);
}
