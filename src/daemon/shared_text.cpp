#include "buzon/daemon/shared_text.h"

#include <new>

namespace buzon::daemon {

SharedText::SharedText(std::string_view text) {
    if (text.empty()) return;
    block_ = ::new (::operator new(sizeof(Block) + text.size())) Block{1, static_cast<std::uint32_t>(text.size())};
    text.copy(block_->text(), text.size());
}

SharedText::~SharedText() {
    if (block_ && --block_->users == 0) ::operator delete(block_);
}

} // namespace buzon::daemon
