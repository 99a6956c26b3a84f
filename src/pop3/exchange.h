// pop3/exchange.h - one AUTH exchange between its command and its end (RFC 5034).
#pragma once

#include <string>

#include "buzon/auth/sasl.h"
#include "buzon/pop3/action.h"

namespace buzon::pop3 {

struct Exchange {
    Mechanism mechanism;
    auth::Exchange machine;
    std::string account = {};   // whose credentials the exchange uses (SCRAM)
    std::string signature = {}; // for the client once it may know that its proof was right
};

} // namespace buzon::pop3
