// pop3/exchange.h - one AUTH exchange between its command and its end (RFC 5034).
#pragma once

namespace buzon::pop3 {

class Exchange {};

} // namespace buzon::pop3
