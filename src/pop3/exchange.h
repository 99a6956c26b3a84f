// pop3/exchange.h - one AUTH exchange between its command and its end (RFC 5034).
#pragma once

#include "buzon/auth/sasl.h"
#include "buzon/pop3/action.h"

namespace buzon::pop3 {

struct Exchange {
    Mechanism mechanism;
    auth::Exchange machine;
};

} // namespace buzon::pop3
