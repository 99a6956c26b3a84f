#include "catalogue.h"

namespace buzon::pop3 {

namespace {

// RFC 2277 section 4.5: i-default is for readers with some English.
Catalogue as_international(Catalogue texts) noexcept {
    texts.tag = "i-default";
    texts.name = "International default";
    return texts;
}

const Catalogue international = as_international(english);
constexpr const Catalogue* every_catalogue[] = {&english, &spanish, &international};

} // namespace

std::span<const Catalogue* const> catalogues() noexcept {
    return every_catalogue;
}

} // namespace buzon::pop3
