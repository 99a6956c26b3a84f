#include "buzon/jobs/opened_root.h"

#include "buzon/jobs/jobs.h"

namespace buzon::jobs {
namespace {

posix::Result<local::OpenedRoot> opened(const worker::Answer& answer, Answered<OpenRoot>& said) {
    if (said.why) return said.why;
    if (said.answer.elsewhere) {
        auto none = local::LockFiles::of_another_process(said.answer.root.mark);
        return local::OpenedRoot{std::move(said.answer.root), std::move(none), {}};
    }
    auto files = local::LockFiles::unbundle(answer.fd.get(), said.answer.root.mark);
    if (!files) return files.error();
    return local::OpenedRoot{std::move(said.answer.root), std::move(files).value(), std::move(said.answer.taken)};
}

} // namespace

RootAnswer read_opened_root(worker::Answer answer, const std::string& path) {
    auto said = read<OpenRoot>(answer);
    RootAnswer read{opened(answer, said), {}};
    if (!read.opened) {
        const std::string& at_fault = said.answer.at_fault.empty() ? path : said.answer.at_fault;
        const bool unfit = read.opened.error() == std::errc::directory_not_empty; // from the keeper
        read.trouble = at_fault + ": " +
                       (unfit ? "has no buzon-locks in it, but something else than Maildirs"
                              : message::words_for(read.opened.error(), at_fault));
    }
    return read;
}

} // namespace buzon::jobs
